"""Time cut into pieces, each with what becomes of the ticks in it, and the ticks of a schedule told by them. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby, islice
from operator import attrgetter
from typing import Final, NamedTuple

from scheduler.disposition import Disposition, TickRange
from scheduler.schedule import Schedule

LEAST: Final = timedelta(microseconds=1)  # the least by which one time is later than another
MOST_RANGES: Final = 20  # that one decision writes


class Verdict(NamedTuple):
    """What becomes of ticks that are not dispatched, and why."""

    disposition: Disposition
    reason: str


class Piece(NamedTuple):
    """The time later than `after` and not later than `until`. Without a verdict its ticks are dispatched."""

    after: datetime
    until: datetime
    verdict: Verdict | None = None


def piece_from(start_at: datetime, end_at: datetime, verdict: Verdict | None) -> Piece:
    """The time from `start_at`, with it, up to `end_at`, without it."""
    return Piece(start_at - LEAST, end_at - LEAST, verdict)


def laid_over(above: Sequence[Piece], below: Iterable[Piece]) -> list[Piece]:
    """`above`, and of `below` what it leaves uncovered, in the order of time. Neither overlaps itself."""
    uncovered = [rest for piece in below for rest in _uncovered(piece, above)]
    return sorted([*above, *uncovered], key=attrgetter("after"))


def _uncovered(piece: Piece, above: Sequence[Piece]) -> Iterator[Piece]:
    after = piece.after
    for over in above:
        if over.until <= after or over.after >= piece.until:
            continue
        if over.after > after:
            yield Piece(after, over.after, piece.verdict)
        after = max(after, over.until)
    if after < piece.until:
        yield Piece(after, piece.until, piece.verdict)


@dataclass(slots=True)
class Told:
    """The ticks of some pieces: those to dispatch, the ranges left out, and the last tick that has either."""

    dispatched: list[datetime] = field(default_factory=list)
    left_out: list[TickRange] = field(default_factory=list)
    last_at: datetime | None = None
    stopped: bool = False

    @property
    def expected(self) -> int:
        """How many ticks there were."""
        return len(self.dispatched) + sum(each.count for each in self.left_out)


def told(schedule: Schedule, pieces: Iterable[Piece], *, most: int, until: datetime) -> Told:
    """What becomes of the ticks of `schedule` in `pieces`, in their order.

    `stopped` before the tick that would be dispatched as one more than `most`; those later than `until` don't count.
    Neighbouring pieces with the same verdict are one range.
    """
    result = Told()
    for piece in pieces:
        if piece.verdict is not None:
            _leave_out(result, schedule, piece, piece.verdict)
            continue
        room = most - len(result.dispatched) if piece.after < until else 1
        ticks = list(islice(schedule.ticks_between(piece.after, piece.until), room + 1))
        result.stopped = len(ticks) > room
        result.dispatched += ticks[:room]
        result.last_at = ticks[:room][-1] if ticks[:room] else result.last_at
        if result.stopped:
            break
    return result


def _leave_out(result: Told, schedule: Schedule, piece: Piece, verdict: Verdict) -> None:
    first = schedule.next_after(piece.after)
    if first is None or first > piece.until:
        return
    last = schedule.latest_between(piece.after, piece.until) or first
    count = 1 if first == last else schedule.count_between(piece.after, piece.until)
    before = result.left_out[-1] if result.left_out else None
    if (
        before is not None
        and before.last_at == result.last_at
        and Verdict(before.disposition, before.reason or "") == verdict
    ):
        result.left_out[-1] = replace(before, last_at=last, count=before.count + count)
    else:
        result.left_out.append(TickRange(*verdict[:1], first, last, count, verdict.reason))
    result.last_at = last


def summed_up(ranges: Sequence[TickRange], most: int = MOST_RANGES) -> tuple[TickRange, ...]:
    """At most `most` ranges: the newest as they are, the older ones as one for each disposition.

    So an exclusion that opens and closes a thousand times costs no more in the ledger than one that does it once.
    """
    if len(ranges) <= most:
        return tuple(ranges)
    exact = most - len(Disposition)
    older, newer = ranges[:-exact], ranges[-exact:]
    by_disposition = sorted(older, key=attrgetter("disposition"))
    groups = [list(group) for _, group in groupby(by_disposition, key=attrgetter("disposition"))]
    return (*sorted((_sum(group) for group in groups), key=attrgetter("first_at")), *newer)


def _sum(ranges: Sequence[TickRange]) -> TickRange:
    if len(ranges) == 1:
        return ranges[0]
    reasons = list(dict.fromkeys(each.reason for each in ranges if each.reason))
    more = f", and {len(reasons) - 1} other reasons" if len(reasons) > 1 else ""
    return replace(
        ranges[0],
        last_at=ranges[-1].last_at,
        count=sum(each.count for each in ranges),
        reason=f"{reasons[0] if reasons else ''}{more} ({len(ranges)} stretches)",
        scattered=True,
    )
