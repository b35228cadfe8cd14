"""How many ticks several crontabs have together: counted by the day, for each of them may tick every second."""

import functools
import heapq
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby, product
from typing import Final, Protocol

from scheduler.cadences.wall_clock import LAST_YEAR, stretch_at, zone_named
from scheduler.cadences.wall_steps import LEAST, DstFold, DstGap, next_tick, tick_count, wall
from scheduler.cadences.wall_times import WallTimes, wall_times

_DAY: Final = timedelta(days=1)
_NO_TIME: Final = timedelta(0)
_KEPT: Final = 4_096


class Member(Protocol):
    """A crontab of the list."""

    @property
    def expression(self) -> str: ...
    @property
    def entry(self) -> str: ...
    @property
    def timezone(self) -> str: ...
    @property
    def dst_gap(self) -> DstGap: ...
    @property
    def dst_fold(self) -> DstFold: ...
    @property
    def follows_real_time(self) -> bool: ...


@functools.lru_cache(maxsize=_KEPT)
def union_count(members: tuple[Member, ...], after: datetime, until: datetime) -> int:
    """How many ticks they have together later than `after` and not later than `until`, all in one zone.

    Those that follow real time differ from those that name times of day only next to a change of the clock: there the
    ticks that both have are walked through, everywhere else days are counted.
    """
    often = _Alike.of([member for member in members if member.follows_real_time])
    seldom = _Alike.of([member for member in members if not member.follows_real_time])
    if often is None or seldom is None:
        alone = often or seldom
        return 0 if alone is None else tick_count(alone, after, until)
    return (
        tick_count(often, after, until)
        + tick_count(seldom, after, until)
        - _shared(often, seldom, after, until)
    )


@dataclass(frozen=True, slots=True)
class _Alike:
    """Crontabs to which a change of the clock does the same; together they name times on the wall as one does."""

    crontabs: tuple[tuple[str, str], ...]
    timezone: str
    dst_gap: DstGap
    dst_fold: DstFold

    @classmethod
    def of(cls, members: Sequence[Member]) -> "_Alike | None":
        if not members:
            return None
        first = members[0]
        crontabs = tuple((member.expression, member.entry) for member in members)
        return cls(crontabs, first.timezone, first.dst_gap, first.dst_fold)

    def times(self, _offset: timedelta) -> "UnionTimes":
        return _union_times(self.crontabs)


def _shared(often: _Alike, seldom: _Alike, after: datetime, until: datetime) -> int:
    """How many ticks both have."""
    zone, both = zone_named(often.timezone), _union_times((*often.crontabs, *seldom.crontabs))
    one, other = often.times(_NO_TIME), seldom.times(_NO_TIME)
    total, moment = 0, after
    while moment < until and moment.year <= LAST_YEAR:
        stretch = stretch_at(zone, moment)
        before = abs(stretch.offset - stretch.offset_before)
        behind = abs(stretch.offset_after - stretch.offset)
        # Inside of this both tick whenever the clock on the wall shows a time of theirs.
        start = stretch.start_at + before if before else stretch.start_at - LEAST
        low = min(until, max(moment, start))
        high = max(low, min(until, stretch.end_at - behind - LEAST))
        end = min(until, stretch.end_at - LEAST)
        span = wall(low + LEAST, stretch.offset), wall(high + LEAST, stretch.offset)
        total += one.count(*span) + other.count(*span) - both.count(*span)
        total += _walked(often, seldom, moment, low) + _walked(often, seldom, high, end)
        moment = end if end == until else stretch.end_at - LEAST
        if moment == stretch.end_at - LEAST and moment < until:
            total += _walked(often, seldom, moment, min(until, stretch.end_at))
            moment = stretch.end_at
    return total


def _walked(often: _Alike, seldom: _Alike, after: datetime, until: datetime) -> int:
    """How many ticks both have, by walking through those of the ones that tick more seldom."""
    total = 0
    tick = next_tick(seldom, after) if after < until else None
    while tick is not None and tick <= until:
        total += next_tick(often, tick - LEAST) == tick
        tick = next_tick(seldom, tick)
    return total


class UnionTimes:
    """The times on the wall that any of several crontabs names, each once."""

    def __init__(self, members: Sequence[WallTimes]) -> None:
        self.follows_real_time = members[0].follows_real_time
        self._members = members

    def first(self, start: datetime, end: datetime) -> datetime | None:
        """The first time from `start` (with it) up to `end` (without it)."""
        found = (member.first(start, end) for member in self._members)
        return min((each for each in found if each is not None), default=None)

    def day_from(self, day: date) -> date | None:
        """The first day from `day` on that may have a time, or None."""
        found = (member.day_from(day) for member in self._members)
        return min((each for each in found if each is not None), default=None)

    def between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """The times from `start` (with it) up to `end` (without it), in order."""
        merged = heapq.merge(*(member.between(start, end) for member in self._members))
        return (match for match, _ in groupby(merged))

    def count(self, start: datetime, end: datetime) -> int:
        """How many times there are from `start` (with it) up to `end` (without it)."""
        if start >= end:
            return 0
        first, last = start.date(), end.date()
        total = self._rank(end) - self._rank(start)
        return total + sum(
            len(self._times_on(date.fromordinal(day))) for day in range(first.toordinal(), last.toordinal())
        )

    def _rank(self, moment: datetime) -> int:
        """How many times of its day come before `moment`."""
        second = moment.hour * 3_600 + moment.minute * 60 + moment.second + (1 if moment.microsecond else 0)
        return bisect_left(self._times_on(moment.date()), second)

    def _times_on(self, day: date) -> tuple[int, ...]:
        matching = [member for member in self._members if member.on(day)]
        return _seconds_of(
            tuple((tuple(each.hours), tuple(each.minutes), tuple(each.seconds)) for each in matching)
        )


@functools.lru_cache(maxsize=64)
def _seconds_of(fields: tuple[tuple[tuple[int, ...], ...], ...]) -> tuple[int, ...]:
    """The seconds of a day that any of the fields for hours, minutes and seconds names."""
    found = {
        hour * 3_600 + minute * 60 + second for each in fields for hour, minute, second in product(*each)
    }
    return tuple(sorted(found))


@functools.lru_cache(maxsize=_KEPT)
def _union_times(crontabs: tuple[tuple[str, str], ...]) -> UnionTimes:
    return UnionTimes([wall_times(expression, entry) for expression, entry in crontabs])
