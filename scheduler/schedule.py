"""When an entry is due: crontabs in a zone, and intervals. Pure: every time is given, and given back, in UTC.

A crontab names times on the wall. Where the zone's clock jumps forward, a time that it jumps over runs once,
at the jump; where it goes back, a time that comes twice runs the first time. A crontab that repeats within
the hour (its hour field takes every hour, or its minute field begins with `*`) is about how often, not about
a time of day: it follows real time through both. docs/time.md shows what this means in several zones.
"""

import functools
import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, Final

from scheduler.crontab_fields import CrontabProblem, has_hash
from scheduler.durations import FINEST, format_duration
from scheduler.wall_clock import LAST_YEAR, Stretch, stretch_at, zone_named
from scheduler.wall_times import WallTimes, wall_times

__all__ = ["Crontab", "CrontabProblem", "Crontabs", "Interval", "Schedule", "schedule_from_json"]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_MINUTE: Final = timedelta(minutes=1)
_SECOND: Final = timedelta(seconds=1)
_LEAST: Final = timedelta(microseconds=1)  # the least by which one time is later than another


@dataclass(frozen=True, slots=True)
class Crontab:
    """Five crontab fields, six with the seconds first, or an alias such as `@daily`, on the wall clock of an IANA zone.

    `entry` is the name that `H` is a hash of; where no field has `H` it is dropped, so that entries share what was
    worked out. Raises CrontabProblem (a ValueError) for fields that are wrong or never come, ValueError for an unknown
    zone.
    """

    expression: str
    timezone: str = "UTC"
    entry: str = ""

    def __post_init__(self) -> None:
        if not has_hash(self.expression):
            object.__setattr__(self, "entry", "")
        self.wall_times()
        if not self.entry and has_hash(self.expression):
            raise ValueError("H is a hash of an entry's name, and here is none")
        zone_named(self.timezone)
        object.__setattr__(self, "expression", " ".join(self.expression.split()))

    def wall_times(self) -> WallTimes:
        """The times on the wall that it matches."""
        return wall_times(self.expression, self.entry)

    def next_after(self, moment: datetime) -> datetime | None:
        """The first tick later than `moment`; None where none comes before the end of the calendar."""
        return _next_after(self, _utc(moment))

    def ticks_between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """The ticks later than `after` and not later than `until`, in order."""
        tick = self.next_after(after)
        until = _utc(until)
        while tick is not None and tick <= until:
            yield tick
            tick = self.next_after(tick)

    def count_between(self, after: datetime, until: datetime) -> int:
        """How many ticks `ticks_between` would give; days are counted, not ticks."""
        return _count_between(self, _utc(after), _utc(until))

    def latest_between(self, after: datetime, until: datetime) -> datetime | None:
        """The last tick that `ticks_between` would give, or None."""
        return _latest_between(self, _utc(after), _utc(until))

    def describe(self) -> str:
        """In few words: "*/5 * * * * Europe/Berlin"."""
        return f"{self.expression} {self.timezone}"

    def to_json(self) -> dict[str, Any]:
        """This schedule for `schedule_from_json`."""
        document = {"crontab": self.expression, "timezone": self.timezone}
        return {**document, "entry": self.entry} if self.entry else document


@dataclass(frozen=True, slots=True)
class Crontabs:
    """Several crontabs in one zone: their ticks together, a moment that several of them have only once.

    Raises ValueError where there is none, or they are read in different zones.
    """

    members: tuple[Crontab, ...]

    def __post_init__(self) -> None:
        if not self.members:
            raise ValueError("a list of crontabs has at least one")
        if len({member.timezone for member in self.members}) > 1:
            raise ValueError("the crontabs of a list are read in one zone")

    @property
    def expression(self) -> str:
        """The crontabs as they are shown: "0 9 * * 1-5 | 0 12 * * 6"."""
        return " | ".join(member.expression for member in self.members)

    @property
    def timezone(self) -> str:
        """The zone of all of them."""
        return self.members[0].timezone

    def next_after(self, moment: datetime) -> datetime | None:
        """The first tick later than `moment`; None where none comes before the end of the calendar."""
        return min(
            (tick for member in self.members if (tick := member.next_after(moment)) is not None), default=None
        )

    def ticks_between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """The ticks later than `after` and not later than `until`, in order."""
        merged = heapq.merge(*(member.ticks_between(after, until) for member in self.members))
        return (tick for tick, _ in groupby(merged))

    def count_between(self, after: datetime, until: datetime) -> int:
        """How many ticks `ticks_between` would give: those of the most frequent crontab are not walked through."""
        often, *others = sorted(self.members, key=lambda each: -each.count_between(after, until))
        merged = heapq.merge(*(member.ticks_between(after, until) for member in others))
        more = sum(often.next_after(tick - _LEAST) != tick for tick, _ in groupby(merged))
        return often.count_between(after, until) + more

    def latest_between(self, after: datetime, until: datetime) -> datetime | None:
        """The last tick that `ticks_between` would give, or None."""
        latest = (member.latest_between(after, until) for member in self.members)
        return max((tick for tick in latest if tick is not None), default=None)

    def describe(self) -> str:
        """In few words: "0 9 * * 1-5 | 0 12 * * 6 Europe/Berlin"."""
        return f"{self.expression} {self.timezone}"

    def to_json(self) -> dict[str, Any]:
        """This schedule for `schedule_from_json`."""
        return {"crontabs": [member.to_json() for member in self.members]}


@dataclass(frozen=True, slots=True)
class Interval:
    """Every `every`, counted from `anchor`: every 30 s is :00 and :30, whatever was restarted when.

    Raises ValueError where `every` is not a whole number of milliseconds, at least one, or `anchor` has no
    zone.
    """

    every: timedelta
    anchor: datetime = EPOCH

    def __post_init__(self) -> None:
        if self.every < FINEST:
            raise ValueError("an interval of nothing never moves on; the shortest is 1ms")
        if self.every % FINEST:
            raise ValueError("an interval is a whole number of milliseconds")
        object.__setattr__(self, "anchor", _utc(self.anchor))

    def next_after(self, moment: datetime) -> datetime | None:
        """The first tick later than `moment`; None where none comes before the end of the calendar."""
        try:
            return self.anchor + (self._index(_utc(moment)) + 1) * self.every
        except OverflowError:
            return None

    def ticks_between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """The ticks later than `after` and not later than `until`, in order."""
        for index in range(self._index(_utc(after)) + 1, self._index(_utc(until)) + 1):
            yield self.anchor + index * self.every

    def count_between(self, after: datetime, until: datetime) -> int:
        """How many ticks `ticks_between` would give."""
        return max(0, self._index(_utc(until)) - self._index(_utc(after)))

    def latest_between(self, after: datetime, until: datetime) -> datetime | None:
        """The last tick that `ticks_between` would give, or None."""
        latest = self._index(_utc(until))
        return self.anchor + latest * self.every if latest > self._index(_utc(after)) else None

    def describe(self) -> str:
        """In few words: "every 30s"."""
        return f"every {format_duration(self.every)}"

    def to_json(self) -> dict[str, Any]:
        """This schedule for `schedule_from_json`."""
        document: dict[str, Any] = {"interval": self.every.total_seconds()}
        if self.anchor != EPOCH:
            document["anchor"] = self.anchor.isoformat()
        return document

    def _index(self, moment: datetime) -> int:
        return (moment - self.anchor) // self.every


Schedule = Crontab | Crontabs | Interval


def schedule_from_json(document: Mapping[str, Any]) -> Schedule:
    """The schedule that `to_json` wrote. Raises KeyError, TypeError or ValueError where it is not one of
    ours.
    """
    if "crontabs" in document:
        return Crontabs(tuple(_crontab_from_json(member) for member in document["crontabs"]))
    if "crontab" in document:
        return _crontab_from_json(document)
    every = timedelta(seconds=document["interval"])
    if "anchor" in document:
        return Interval(every, datetime.fromisoformat(document["anchor"]))
    return Interval(every)


def _crontab_from_json(document: Mapping[str, Any]) -> Crontab:
    return Crontab(document["crontab"], document["timezone"], document.get("entry", ""))


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is UTC:
        return moment
    if moment.utcoffset() is None:
        raise ValueError(f"{moment.isoformat()} has no zone: which moment it is can't be known")
    return moment.astimezone(UTC)


# Thousands of entries share an expression and are asked about the same moments: each is worked out once.


@functools.lru_cache(maxsize=65_536)
def _next_after(schedule: Crontab, moment: datetime) -> datetime | None:
    times, zone = schedule.wall_times(), zone_named(schedule.timezone)
    after = moment
    while after.year <= LAST_YEAR:
        stretch = stretch_at(zone, after)
        start = _wall_start(times, stretch)
        if after == moment:
            start = max(start, _wall(after, stretch.offset) + _LEAST)
        if (match := times.first(start, _wall(stretch.end_at, stretch.offset))) is not None:
            tick = _moment(match, stretch)
            if tick > moment:
                return tick
        after = stretch.end_at
    return None


@functools.lru_cache(maxsize=65_536)
def _latest_between(schedule: Crontab, after: datetime, until: datetime) -> datetime | None:
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
    return _next_after(schedule, low)


def _due_by(schedule: Crontab, after: datetime, until: datetime) -> bool:
    tick = _next_after.__wrapped__(schedule, after)
    return tick is not None and tick <= until


@functools.lru_cache(maxsize=65_536)
def _count_between(schedule: Crontab, after: datetime, until: datetime) -> int:
    times, zone = schedule.wall_times(), zone_named(schedule.timezone)
    total, moment = 0, after
    while moment <= until and moment.year <= LAST_YEAR:
        stretch = stretch_at(zone, moment)
        here, start = _wall(moment, stretch.offset), _wall_start(times, stretch)
        if moment == after:
            start = max(start, here + _LEAST)
        elif start < here:
            # All times that the clock jumped over, and the one that it jumped to, are one tick.
            total += times.count(start, here + _LEAST) > 0
            start = here + _LEAST
        total += times.count(start, _wall(min(stretch.end_at, until + _LEAST), stretch.offset))
        moment = stretch.end_at
    return total


def _wall(moment: datetime, offset: timedelta) -> datetime:
    return moment.replace(tzinfo=None) + offset


def _wall_start(times: WallTimes, stretch: Stretch) -> datetime:
    """The first time on the wall that belongs to this stretch.

    For times of day the stretch begins where the one before it ended: so what the clock jumped over belongs
    to it, and what comes again does not.
    """
    return _wall(stretch.start_at, stretch.offset if times.follows_real_time else stretch.offset_before)


def _moment(wall: datetime, stretch: Stretch) -> datetime:
    return max((wall - stretch.offset).replace(tzinfo=UTC), stretch.start_at)
