"""Time in which an entry's ticks are left out whatever `catchup` says: pauses, and what its calendars exclude. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from scheduler.disposition import Disposition
from scheduler.entry import Entry
from scheduler.schedule import Schedule
from scheduler.verdict import Piece, Verdict, laid_over, piece_from

MOST: Final = 200  # closures that one decision looks at
_REACH: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Hold:
    """A pause: from `since` up to `until`, None for no end yet, and its words."""

    since: datetime
    until: datetime | None
    words: str

    def in_force(self, now: datetime) -> bool:
        """True where it holds now."""
        return self.until is None or now < self.until


def closures(
    entry: Entry, holds: Sequence[Hold], span: Piece, most: int | None = MOST
) -> tuple[list[Piece], datetime]:
    """The closures in `span`, in order, and the moment up to which they are all: after `most` it looks no further.

    Pauses go before what is excluded.
    """
    found: list[Piece] = []
    for hold in holds:
        if hold.until is not None:
            verdict = Verdict(Disposition.SKIPPED_PAUSED, hold.words)
            found = laid_over(found, _within(span, piece_from(hold.since, hold.until, verdict)))
    if entry.exclusion is None:
        return found, span.until
    excluded = [
        Piece(after, until, Verdict(Disposition.SKIPPED_CALENDAR, reason))
        for after, until, reason in islice(entry.exclusion.spans_between(span.after, span.until), most)
    ]
    known = span if len(excluded) != most else span._replace(until=excluded[-1].until)
    return [each for piece in laid_over(found, excluded) for each in _within(known, piece)], known.until


def newest_open(entry: Entry, schedule: Schedule, holds: Sequence[Hold], span: Piece) -> datetime | None:
    """The newest tick in `span` that is in no closure, looked for from its end in wider and wider steps."""
    reach, until = _REACH, span.until
    while until > span.after:
        step = Piece(max(span.after, until - reach), until)
        closed, _ = closures(entry, holds, step, None)
        for piece in reversed(laid_over(closed, [step])):
            if piece.verdict is None:
                tick = schedule.latest_between(piece.after, piece.until)
                if tick is not None:
                    return tick
        reach, until = reach * 4, step.after
    return None


def _within(span: Piece, piece: Piece) -> list[Piece]:
    after, until = max(piece.after, span.after), min(piece.until, span.until)
    return [Piece(after, until, piece.verdict)] if after < until else []
