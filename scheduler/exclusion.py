"""What takes ticks out of a schedule: the days of calendars, and the times that crontabs match. Pure.

Both are read on the wall clock of the entry's zone. A crontab of five fields takes out whole minutes, one of six takes
out seconds; a time that comes twice is taken out twice.
"""

import functools
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby, product
from typing import Any, Final, NamedTuple, Self

from scheduler.cadences.crontab_fields import field_count, has_hash
from scheduler.cadences.day_calendar import DayCalendar
from scheduler.cadences.wall_clock import LAST_YEAR, stretch_at, utc, zone_named
from scheduler.cadences.wall_times import WallTimes, wall_times

_LEAST: Final = timedelta(microseconds=1)  # the least by which one time is later than another
_SECOND: Final = timedelta(seconds=1)
_MINUTE: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)
_WITH_SECONDS: Final = 6


class ExcludedSpan(NamedTuple):
    """The moments later than `after` and not later than `until`: what falls there is excluded for one reason."""

    after: datetime
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Exclusion:
    """The days of `calendars` and the times of `crontabs`, in the zone `timezone`; nothing where there are neither.

    `entry` is the name that `H` is a hash of, and is dropped where no crontab has one. Raises ValueError for an unknown
    zone, CrontabProblem (a ValueError) for a crontab that is wrong or never comes.
    """

    timezone: str = "UTC"
    calendars: tuple[DayCalendar, ...] = ()
    crontabs: tuple[str, ...] = ()
    entry: str = ""

    def __post_init__(self) -> None:
        if not any(has_hash(crontab) for crontab in self.crontabs):
            object.__setattr__(self, "entry", "")
        zone_named(self.timezone)
        for crontab in self.crontabs:
            wall_times(crontab, self.entry)

    def reason_for(self, tick: datetime) -> str | None:
        """Why `tick` is excluded, such as "excluded by calendar de: Karfreitag"; None where it is not."""
        tick = utc(tick)
        wall = _wall(tick, stretch_at(zone_named(self.timezone), tick).offset)
        if (reason := self._of_day(wall.date())) is not None:
            return reason
        for crontab in self.crontabs:
            if _matches(crontab, self.entry, wall):
                return f"excluded by crontab {crontab}"
        return None

    def spans_between(self, after: datetime, until: datetime) -> Iterator[ExcludedSpan]:
        """The spans later than `after` and not later than `until` in which every tick is excluded, in order.

        Neighbours of one reason are one span. So a schedule counts what is excluded without a walk through its ticks:
        `count_between(span.after, span.until)` for each.
        """
        merged: ExcludedSpan | None = None
        for span in self._spans(utc(after) + _LEAST, utc(until) + _LEAST):
            if merged is not None and (merged.until, merged.reason) == (span.after, span.reason):
                merged = merged._replace(until=span.until)
                continue
            if merged is not None:
                yield merged
            merged = span
        if merged is not None:
            yield merged

    @property
    def names(self) -> list[str]:
        """What `exclude` would list: the calendars, and the crontabs."""
        return [*(each.name for each in self.calendars), *self.crontabs]

    def describe(self) -> str:
        """In few words: "calendar de, * 2 * * *"."""
        return ", ".join([*(f"calendar {each.name}" for each in self.calendars), *self.crontabs])

    def to_json(self) -> dict[str, Any]:
        """This exclusion for `from_json`; what is as usual is left out."""
        document: dict[str, Any] = {"timezone": self.timezone}
        if self.calendars:
            document["calendars"] = [calendar.to_json() for calendar in self.calendars]
        if self.crontabs:
            document["crontabs"] = list(self.crontabs)
        return document | ({"entry": self.entry} if self.entry else {})

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The exclusion that `to_json` wrote. Raises KeyError, TypeError or ValueError where it is not one of ours."""
        calendars = tuple(DayCalendar.from_json(each) for each in document.get("calendars", ()))
        crontabs = tuple(document.get("crontabs", ()))
        return cls(document["timezone"], calendars, crontabs, document.get("entry", ""))

    def _of_day(self, day: date) -> str | None:
        return next((f"excluded by {each.said(day)}" for each in self.calendars if day in each), None)

    def _spans(self, moment: datetime, end: datetime) -> Iterator[ExcludedSpan]:
        """The spans from `moment` (with it) up to `end` (without it), day by day and stretch by stretch."""
        zone = zone_named(self.timezone)
        while moment < end and moment.year <= LAST_YEAR:
            stretch = stretch_at(zone, moment)
            stop = min(end, stretch.end_at)
            wall, last = _wall(moment, stretch.offset), _wall(stop, stretch.offset)
            while wall < last:
                midnight = datetime.combine(wall.date(), time.min) + _DAY
                for start, until, reason in self._on_day(wall, min(midnight, last)):
                    yield ExcludedSpan(
                        (start - stretch.offset - _LEAST).replace(tzinfo=UTC),
                        (until - stretch.offset - _LEAST).replace(tzinfo=UTC),
                        reason,
                    )
                wall = midnight
            moment = stop

    def _on_day(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, str]]:
        """What is excluded from `start` up to `end`, both on the wall and within one day."""
        day = start.date()
        if (reason := self._of_day(day)) is not None:
            yield start, end, reason
            return
        crontabs = tuple(each for each in self.crontabs if _on_date(wall_times(each, self.entry), day))
        midnight = datetime.combine(day, time.min)
        windows = _windows(crontabs, self.entry) if crontabs else ()
        for place in range(bisect_right(windows, start - midnight, key=_end), len(windows)):
            window = windows[place]
            if midnight + window.start >= end:
                return
            first, last = max(start, midnight + window.start), min(end, midnight + window.end)
            yield first, last, f"excluded by crontab {window.crontab}"


class _Window(NamedTuple):
    """A time of day, as what has passed since midnight, and the crontab that takes it out."""

    start: timedelta
    end: timedelta
    crontab: str


def _end(window: _Window) -> timedelta:
    return window.end


def _wall(moment: datetime, offset: timedelta) -> datetime:
    return moment.replace(tzinfo=None) + offset


def _on_date(times: WallTimes, day: date) -> bool:
    return day.month in times.months and day.day in times.days.of(day.year, day.month)


def _matches(crontab: str, entry: str, wall: datetime) -> bool:
    times = wall_times(crontab, entry)
    return (
        wall.hour in times.hours
        and wall.minute in times.minutes
        and (wall.second in times.seconds or field_count(crontab) != _WITH_SECONDS)
        and _on_date(times, wall.date())
    )


@functools.lru_cache(maxsize=1_024)
def _windows(crontabs: tuple[str, ...], entry: str) -> tuple[_Window, ...]:
    """The times of a day that all of `crontabs` match; where several do, the first of them is the reason."""
    if len(crontabs) == 1:
        return tuple(_Window(start, end, crontabs[0]) for start, end in _own_windows(crontabs[0], entry))
    of_second: list[str | None] = [None] * (_DAY // _SECOND)
    for crontab in reversed(crontabs):
        for start, end in _own_windows(crontab, entry):
            of_second[start // _SECOND : end // _SECOND] = [crontab] * ((end - start) // _SECOND)
    found, second = [], 0
    for owner, run in groupby(of_second):
        length = len(list(run))
        if owner is not None:
            found.append(_Window(second * _SECOND, (second + length) * _SECOND, owner))
        second += length
    return tuple(found)


def _own_windows(crontab: str, entry: str) -> Iterator[tuple[timedelta, timedelta]]:
    times = wall_times(crontab, entry)
    step, seconds = (_SECOND, times.seconds) if field_count(crontab) == _WITH_SECONDS else (_MINUTE, [0])
    start = end = timedelta(0)
    for hour, minute, second in product(times.hours, times.minutes, seconds):
        here = timedelta(hours=hour, minutes=minute, seconds=second)
        if here != end:
            if start < end:
                yield start, end
            start = here
        end = here + step
    yield start, end
