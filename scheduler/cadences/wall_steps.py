"""Stepping through times on the wall, over the stretches of time between two changes of a zone's clock.

For every kind of schedule that names times on the wall: what a clock jumps over and what comes twice is decided here,
once. Pure: every time is given, and given back, in UTC.
"""

import functools
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal, Protocol, get_args

from scheduler.cadences.wall_clock import LAST_YEAR, Stretch, stretch_at, zone_named

DstGap = Literal["shift", "skip"]
DstFold = Literal["first", "second", "both"]
DST_GAPS: Final[tuple[DstGap, ...]] = get_args(DstGap)
DST_FOLDS: Final[tuple[DstFold, ...]] = get_args(DstFold)

LEAST: Final = timedelta(microseconds=1)  # the least by which one time is later than another
_MINUTE: Final = timedelta(minutes=1)
_SECOND: Final = timedelta(seconds=1)
_DAY: Final = timedelta(days=1)
_AROUND: Final = timedelta(days=2)  # a day on the wall is never further from the same day in UTC
_FAR: Final = 400  # years: dates and weekdays repeat, so what has not come by then never does


class Times(Protocol):
    """Times on the wall, without a zone."""

    follows_real_time: bool

    def first(self, start: datetime, end: datetime) -> datetime | None:
        """The first time from `start` (with it) up to `end` (without it)."""

    def count(self, start: datetime, end: datetime) -> int:
        """How many times there are from `start` (with it) up to `end` (without it)."""

    def between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Those times, in order."""

    def day_from(self, day: date) -> date | None:
        """The first day from `day` on that may have a time, or None."""


class OnTheWall(Protocol):
    """A schedule that names times on the wall of a zone. It is hashed: what was worked out for one is kept."""

    @property
    def timezone(self) -> str: ...
    @property
    def dst_gap(self) -> DstGap: ...
    @property
    def dst_fold(self) -> DstFold: ...
    def __hash__(self) -> int: ...
    def times(self, offset: timedelta) -> Times:
        """The times on the wall while the zone's offset from UTC is this one."""


# Thousands of entries share an expression and are asked about the same moments: each is worked out once.


@functools.lru_cache(maxsize=65_536)
def next_tick(schedule: OnTheWall, moment: datetime) -> datetime | None:
    """The first tick later than `moment`; None where none comes before the calendar ends or begins anew."""
    return _first_tick(schedule, moment, datetime(min(LAST_YEAR, moment.year + _FAR), 12, 31, tzinfo=UTC))


def _first_tick(schedule: OnTheWall, moment: datetime, until: datetime) -> datetime | None:
    """The first tick later than `moment`; None where none comes by `until`, or not long after it."""
    zone, after = zone_named(schedule.timezone), moment
    while after <= until:
        stretch = stretch_at(zone, after)
        times = schedule.times(stretch.offset)
        start, end = _wall_span(schedule, times, stretch)
        if after == moment:
            start = max(start, wall(after, stretch.offset) + LEAST)
        if (match := times.first(start, end)) is not None:
            tick = _moment(match, stretch)
            if tick > moment:
                return tick
        if stretch.end_at > until or (day := times.day_from(end.date() - _DAY)) is None:
            return None
        after = max(stretch.end_at, datetime(day.year, day.month, day.day, tzinfo=UTC) - _AROUND)
    return None


def ticks(schedule: OnTheWall, after: datetime, until: datetime) -> Iterator[datetime]:
    """The ticks later than `after` and not later than `until`, in order: quicker than one after the other."""
    zone, moment, latest = zone_named(schedule.timezone), after, after
    while moment <= until and moment.year <= LAST_YEAR:
        stretch = stretch_at(zone, moment)
        times = schedule.times(stretch.offset)
        start, end = _wall_span(schedule, times, stretch)
        if moment == after:
            start = max(start, wall(moment, stretch.offset) + LEAST)
        for match in times.between(start, min(end, wall(until, stretch.offset) + LEAST)):
            tick = _moment(match, stretch)
            if latest < tick <= until:  # what the clock jumped over comes at the jump, once
                yield tick
                latest = tick
        if stretch.end_at > until or (day := times.day_from(end.date() - _DAY)) is None:
            return
        moment = max(stretch.end_at, datetime(day.year, day.month, day.day, tzinfo=UTC) - _AROUND)


@functools.lru_cache(maxsize=65_536)
def latest_tick(schedule: OnTheWall, after: datetime, until: datetime) -> datetime | None:
    """The last tick, found from the last moment with a tick still ahead: wider steps back, then halving."""
    reach = _MINUTE
    low = max(after, until - reach)
    while not _due_by(schedule, low, until):
        if low <= after:
            return None
        reach *= 4
        low = max(after, until - reach) if reach < until - after else after
    high = until
    while high - low > _SECOND:
        middle = low + (high - low) / 2
        if _due_by(schedule, middle, until):
            low = middle
        else:
            high = middle
    return next_tick(schedule, low)


def _due_by(schedule: OnTheWall, after: datetime, until: datetime) -> bool:
    tick = _first_tick(schedule, after, until)
    return tick is not None and tick <= until


@functools.lru_cache(maxsize=65_536)
def tick_count(schedule: OnTheWall, after: datetime, until: datetime) -> int:
    """How many ticks there are later than `after` and not later than `until`: days are counted, not ticks."""
    zone = zone_named(schedule.timezone)
    total, moment = 0, after
    while moment <= until and moment.year <= LAST_YEAR:
        stretch = stretch_at(zone, moment)
        times = schedule.times(stretch.offset)
        here, (start, end) = wall(moment, stretch.offset), _wall_span(schedule, times, stretch)
        if moment == after:
            start = max(start, here + LEAST)
        elif start < here:
            # All times that the clock jumped over, and the one that it jumped to, are one tick.
            total += times.count(start, min(here + LEAST, end)) > 0
            start = here + LEAST
        total += times.count(start, min(end, wall(until + LEAST, stretch.offset)))
        moment = stretch.end_at
    return total


def wall(moment: datetime, offset: timedelta) -> datetime:
    """What a clock with this offset from UTC shows, without a zone."""
    return moment.replace(tzinfo=None) + offset


def _wall_span(schedule: OnTheWall, times: Times, stretch: Stretch) -> tuple[datetime, datetime]:
    """The times on the wall that belong to this stretch: the first, and the first that does not any more.

    For times of day the stretch begins where the one before it ended: so what the clock jumped over belongs
    to it, and what comes again does not; or as `dst_gap` and `dst_fold` have it.
    """
    start, end = wall(stretch.start_at, stretch.offset), wall(stretch.end_at, stretch.offset)
    if times.follows_real_time:
        return start, end
    before, after = (
        wall(stretch.start_at, stretch.offset_before),
        wall(stretch.end_at, stretch.offset_after),
    )
    jumps = before < start
    if schedule.dst_gap == "shift" if jumps else schedule.dst_fold == "first":
        start = before
    return start, min(end, after) if schedule.dst_fold == "second" else end


def _moment(shown: datetime, stretch: Stretch) -> datetime:
    return max((shown - stretch.offset).replace(tzinfo=UTC), stretch.start_at)
