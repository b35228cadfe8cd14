"""What `catchup` makes of missed ticks: which are too old, which are folded into a later one, which run. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from scheduler.cadences.crontab_hash import hashed
from scheduler.disposition import Disposition
from scheduler.durations import format_duration
from scheduler.entry import Entry
from scheduler.schedule import Schedule
from scheduler.verdict import LEAST, Piece, Verdict

LEAST_GRACE: Final = timedelta(seconds=2)
LONGEST_GRACE: Final = timedelta(minutes=1)
_GRACE_SHARE: Final = 10  # of the time to the next tick
_PLACES: Final = 1_000_000

MISSED: Final = Verdict(Disposition.COALESCED, "missed while no beat ran")
NOT_MADE_UP: Final = Verdict(
    Disposition.SKIPPED_DEADLINE, "missed while no beat ran, and catchup is none: it is not made up for"
)
MEANWHILE: Final = Verdict(Disposition.COALESCED, "came while earlier ticks were caught up")


@dataclass(frozen=True, slots=True)
class Backlog:
    """Caught-up ticks that wait for their turn: since when, how many runs are active, when the last one began.

    `had`: how many runs the entry has had, of those that `max_runs` counts; None: nobody has looked.
    """

    since: datetime | None = None
    active: int = 0
    dispatched_at: datetime | None = None
    had: int | None = None


NOTHING_WAITS: Final = Backlog()


def missed_before(schedule: Schedule, newest: datetime, now: datetime) -> datetime:
    """The moment before which a tick that nobody has decided by `now` was missed.

    A tenth of the time between the newest tick and the next, 2 seconds at least and a minute at most: more than a
    beat is late when it is busy or stands in for another, and enough for a restart where ticks are rare.
    """
    following = schedule.next_after(newest)
    if following is None:
        return now - LONGEST_GRACE
    return now - min(max((following - newest) / _GRACE_SHARE, LEAST_GRACE), LONGEST_GRACE)


def too_old(entry: Entry, now: datetime) -> tuple[datetime, Verdict]:
    """The moment before which ticks are too old to run, and why."""
    deadline = entry.start_deadline
    if deadline is not None and deadline < entry.catchup_window:
        why, limit = f"its start_deadline of {format_duration(deadline)} had passed", deadline
    else:
        why, limit = (
            f"older than catchup_window, {format_duration(entry.catchup_window)}",
            entry.catchup_window,
        )
    return now - limit, Verdict(Disposition.SKIPPED_DEADLINE, why)


def place(entry: Entry) -> float:
    """Where in a spread the entry begins, from 0 up to 1: a hash of its name, so that entries don't begin together."""
    return hashed(entry.name, "catchup_spread", _PLACES) / _PLACES


def pieces_of_none(
    entry: Entry, span: Piece, newest: datetime | None, now: datetime, before: datetime
) -> list[Piece]:
    """What is missed is left out; of ticks that are on time the newest runs."""
    limit, verdict = too_old(entry, now)
    return _cut(span, [(before, NOT_MADE_UP), (limit, verdict), *_folded(newest, MISSED)])


def pieces_of_latest(entry: Entry, span: Piece, newest: datetime | None, now: datetime) -> list[Piece]:
    """The newest tick runs, and stands for all older ones; where it is too old itself, none does."""
    limit, verdict = too_old(entry, now)
    if newest is None or newest < limit:
        return [span._replace(verdict=verdict)]
    return _cut(span, [(newest, MISSED)])


def pieces_of_all(
    entry: Entry, span: Piece, newest: datetime | None, now: datetime, since: datetime | None
) -> list[Piece]:
    """Each tick runs that is not too old. Those that came while others waited for their turn (`since`) are one."""
    limit, verdict = too_old(entry, now)
    if since is None or newest is None or since >= newest or not waits_for_room(entry):
        return _cut(span, [(limit, verdict)])
    before, after = Piece(span.after, since), Piece(since, span.until)
    return [*_cut(before, [(limit, verdict)]), *_cut(after, [(limit, verdict), (newest, MEANWHILE)])]


def waits_for_room(entry: Entry) -> bool:
    """Whether caught-up ticks of the entry wait for the end of others, because only so many runs may be active."""
    return entry.catchup == "all" and entry.most_active is not None


def may_wait(entry: Entry) -> bool:
    """Whether missed ticks of the entry may have to wait for their turn."""
    return waits_for_room(entry) or (entry.catchup_spread is not None and entry.catchup != "none")


def may_have_all(entry: Entry) -> bool:
    """Whether all that was missed of the entry runs, but for its `max_runs`."""
    return entry.catchup == "all" and entry.max_runs is not None


def most_runs(entry: Entry, had: int | None, most: int) -> int:
    """How many ticks of the entry may be dispatched at once: `most`, and no more than its `max_runs` leaves.

    One at least: whether it has a run left is known for certain only to the commit.
    """
    if entry.max_runs is None:
        return most
    return 1 if had is None else max(1, min(most, entry.max_runs - had))


def _folded(newest: datetime | None, verdict: Verdict) -> list[tuple[datetime, Verdict]]:
    return [] if newest is None else [(newest, verdict)]


def _cut(span: Piece, cuts: list[tuple[datetime, Verdict]]) -> list[Piece]:
    """`span` in pieces: before each moment, without it, its verdict; what is left has none."""
    pieces, after = [], span.after
    for moment, verdict in cuts:
        until = min(moment - LEAST, span.until)
        if until > after:
            pieces.append(Piece(after, until, verdict))
            after = until
    if after < span.until:
        pieces.append(Piece(after, span.until))
    return pieces
