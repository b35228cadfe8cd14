"""What an entry owes now: which of its ticks since the last one are dispatched, which are not, and what comes next.

Pure: the caller passes `now` (rule 4 of the design). Every tick in (last_at, now] gets exactly one disposition, in this
decision or, where there are many, in one that follows it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from scheduler.catchup import (
    LEAST_GRACE,
    MISSED,
    NOTHING_WAITS,
    Backlog,
    may_have_all,
    may_wait,
    missed_before,
    pieces_of_all,
    pieces_of_latest,
    pieces_of_none,
    place,
    too_old,
    waits_for_room,
)
from scheduler.closure import Hold, closures, newest_open
from scheduler.disposition import Disposition, TickRange
from scheduler.entry import Entry
from scheduler.schedule import Schedule
from scheduler.verdict import LEAST, Piece, Told, Verdict, laid_over, summed_up, told

MOST_TICKS: Final = 100  # dispatched for one entry in one decision
_STEP: Final = timedelta(milliseconds=100)  # the finest step in which caught-up ticks are spread
_LOOK_AGAIN: Final = (timedelta(milliseconds=100), timedelta(seconds=5))  # at least and at most


@dataclass(frozen=True, slots=True)
class Due:
    """The ticks of one entry up to now: those to dispatch in order, those left out, and when to decide again.

    `next_at` is the next tick. Where more is owed than this decision holds it lies in the past, and where a caught-up
    tick waits for its turn it is the moment to look again. `since`: since when such ticks wait, None where none does.
    """

    dispatched: tuple[datetime, ...]
    left_out: tuple[TickRange, ...]
    next_at: datetime | None
    last_at: datetime
    expected: int
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Owed:
    """What there is to decide: the ticks in `span`. `newest` is the newest up to now that is in no closure."""

    entry: Entry
    schedule: Schedule
    span: Piece
    closed: Sequence[Piece]
    newest: datetime | None
    missed_before: datetime
    now: datetime

    def told(self, pieces: Sequence[Piece], *, most: int = 1, until: datetime | None = None) -> Told:
        over = laid_over(self.closed, pieces)
        return told(self.schedule, over, most=most, until=until or self.now)

    def due(self, result: Told, *, look_at: datetime | None = None, since: datetime | None = None) -> Due:
        last_at = (
            (result.last_at or self.span.after) if result.stopped else _to_the_millisecond(self.span.until)
        )
        return Due(
            tuple(result.dispatched),
            summed_up(result.left_out),
            look_at or self.schedule.next_after(last_at),
            last_at,
            result.expected,
            since,
        )


def due_ticks(
    entry: Entry,
    *,
    last_at: datetime,
    now: datetime,
    holds: Sequence[Hold] = (),
    backlog: Backlog = NOTHING_WAITS,
    most: int = MOST_TICKS,
) -> Due:
    """The ticks that `entry` owes in (last_at, now].

    `last_at` is the last tick that already has a disposition, or the moment since which the entry is enabled. Ticks
    in `holds` and in the entry's exclusion are left out; of the others `catchup` decides. `backlog` counts only where
    the entry `is_behind`, and need not be read for others. At most `most` ticks are dispatched.
    """
    schedule = entry.schedule
    if schedule is None or not entry.enabled:
        return Due((), (), None, last_at, 0)
    newest = schedule.latest_between(last_at, now)
    if newest is None:
        return Due((), (), schedule.next_after(last_at), last_at, 0)
    if holds:
        holds = [hold for hold in holds if hold.until is None or hold.until > last_at]
        if (hold := next((each for each in holds if each.in_force(now)), None)) is not None:
            return _paused(schedule, last_at, newest, hold)
    if not holds and (due := _at_once(entry, schedule, last_at, newest, now)) is not None:
        return due
    return _decided(_owed(entry, schedule, Piece(last_at, newest), holds, now), backlog, most)


def may_be_behind(entry: Entry) -> bool:
    """Whether ticks of the entry may ever have to wait for their turn, or be more than `max_runs` leaves."""
    return entry.schedule is not None and (may_wait(entry) or may_have_all(entry))


def is_behind(entry: Entry, *, last_at: datetime, now: datetime) -> bool:
    """Whether its backlog must be read, for it `may_be_behind` and a tick is missed."""
    if entry.schedule is None or not may_be_behind(entry):
        return False
    first = entry.schedule.next_after(last_at)
    return first is not None and now - first > LEAST_GRACE


def _paused(schedule: Schedule, last_at: datetime, newest: datetime, hold: Hold) -> Due:
    paused = Piece(last_at, newest, Verdict(Disposition.SKIPPED_PAUSED, hold.words))
    result = told(schedule, [paused], most=0, until=newest)
    return Due((), tuple(result.left_out), schedule.next_after(newest), newest, result.expected)


def _at_once(
    entry: Entry, schedule: Schedule, last_at: datetime, newest: datetime, now: datetime
) -> Due | None:
    """What is owed in the commonest cases, found more quickly than by pieces; None where there is more to it."""
    if entry.exclusion is not None:
        if schedule.next_after(last_at) != newest:
            return None
        if (reason := entry.exclusion.reason_for(newest)) is not None:
            excluded = TickRange(Disposition.SKIPPED_CALENDAR, newest, newest, 1, reason)
            return Due((), (excluded,), schedule.next_after(newest), newest, 1)
    late = now - newest
    if late > entry.catchup_window or (entry.start_deadline is not None and late > entry.start_deadline):
        return None
    if entry.catchup == "latest" and entry.catchup_spread is None:
        return _newest_only(schedule, last_at, newest)
    on_time = late <= LEAST_GRACE and schedule.next_after(last_at) == newest
    return _newest_only(schedule, last_at, newest) if on_time else None


def _newest_only(schedule: Schedule, last_at: datetime, newest: datetime) -> Due:
    """The newest tick runs, and stands for all older ones."""
    first, next_at = schedule.next_after(last_at), schedule.next_after(newest)
    if first is None or first == newest:
        return Due((newest,), (), next_at, newest, 1)
    count = schedule.count_between(last_at, newest)
    last = schedule.latest_between(last_at, newest - LEAST) or first
    older = TickRange(MISSED.disposition, first, last, count - 1, MISSED.reason)
    return Due((newest,), (older,), next_at, newest, count)


def _owed(entry: Entry, schedule: Schedule, span: Piece, holds: Sequence[Hold], now: datetime) -> _Owed:
    limit, _ = too_old(entry, now)
    newest = newest_open(entry, schedule, holds, Piece(max(span.after, limit - LEAST), span.until))
    before = missed_before(schedule, newest or span.until, now)
    closed, until = closures(entry, holds, span)
    return _Owed(entry, schedule, span._replace(until=until), closed, newest, before, now)


def _to_the_millisecond(moment: datetime) -> datetime:
    """Rounded down, as ticks are whole milliseconds and the store keeps no finer moment."""
    return moment.replace(microsecond=moment.microsecond // 1_000 * 1_000)


def _decided(owed: _Owed, backlog: Backlog, most: int) -> Due:
    if owed.entry.catchup == "all":
        return _all(owed, backlog, most)
    if owed.entry.catchup == "none":
        return owed.due(
            owed.told(pieces_of_none(owed.entry, owed.span, owed.newest, owed.now, owed.missed_before))
        )
    return _latest(owed, backlog)


def _latest(owed: _Owed, backlog: Backlog) -> Due:
    """The newest tick, at its place in the spread; the next tick does not wait for it."""
    spread, newest = owed.entry.catchup_spread, owed.newest
    if spread is not None and newest is not None and newest < owed.missed_before:
        since = backlog.since or owed.now
        goes_at = since + spread * place(owed.entry)
        if owed.now < goes_at:
            following = owed.schedule.next_after(owed.now)
            look_at = goes_at if following is None else min(goes_at, following)
            return Due((), (), look_at, owed.span.after, 0, since)
    return owed.due(owed.told(pieces_of_latest(owed.entry, owed.span, newest, owed.now)))


def _all(owed: _Owed, backlog: Backlog, most: int) -> Due:
    """The ticks one by one, as many as may go now."""
    entry, since = owed.entry, backlog.since
    first = owed.told(pieces_of_all(entry, owed.span, owed.newest, owed.now, None), most=1).dispatched
    if not first or (since is None and first[0] >= owed.missed_before):
        return owed.due(owed.told(pieces_of_all(entry, owed.span, owed.newest, owed.now, None), most=most))
    since = since or owed.now
    pieces = pieces_of_all(entry, owed.span, owed.newest, owed.now, since)
    bounds = [(most, None), _room(owed, backlog), _pace(owed, pieces, backlog, since)]
    count, look_at = min(
        (bound for bound in bounds if bound is not None), key=lambda bound: (bound[0], bound[1] is None)
    )
    result = owed.told(pieces, most=count, until=since)
    if not result.stopped:
        return owed.due(result)
    waits = waits_for_room(entry) or entry.catchup_spread is not None
    return owed.due(result, look_at=look_at, since=since if waits else None)


Bound = tuple[int, datetime | None]  # the most ticks to dispatch now, and when to look again after as many


def _room(owed: _Owed, backlog: Backlog) -> Bound | None:
    """As many as may be active beside those that are. What waits looks again after a quarter of its wait so far."""
    if not waits_for_room(owed.entry):
        return None
    least, longest = _LOOK_AGAIN
    room = (owed.entry.most_active or 0) - backlog.active
    if room > 0:
        return room, owed.now + least
    waited = owed.now - (backlog.dispatched_at or owed.now)
    return 0, owed.now + min(max(waited / 4, least), longest)


def _pace(owed: _Owed, pieces: Sequence[Piece], backlog: Backlog, since: datetime) -> Bound | None:
    """As many as are due by now if those that wait are spread evenly over the rest of the spread."""
    spread = owed.entry.catchup_spread
    left = since + (spread or timedelta(0)) - owed.now
    if left <= timedelta(0):
        return None
    waiting = sum(
        owed.schedule.count_between(piece.after, piece.until)
        for piece in laid_over(owed.closed, pieces)
        if piece.verdict is None and piece.after < since
    )
    each = left / max(waiting, 1)
    if backlog.since is None:
        return 0, owed.now + each * place(owed.entry)
    count = max(1, math.ceil(_STEP / each))
    return count, owed.now + each * count
