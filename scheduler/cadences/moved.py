"""Ticks that give way to holidays: those of a calendar's days move to the nearest day that is none. Pure.

A tick keeps its time on the wall; where the clock jumps over that time on the other day it is at the jump, and of a
time that comes twice it is the first. Ticks that meet are one.
"""

import functools
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final, Literal, get_args
from zoneinfo import ZoneInfo

from scheduler.cadences.cadence import Cadence
from scheduler.cadences.day_calendar import DayCalendar
from scheduler.cadences.later import Later
from scheduler.cadences.wall_clock import LAST_YEAR, moment_shown, stretch_at, utc, zone_named

Direction = Literal["previous", "next"]
DIRECTIONS: Final[tuple[Direction, ...]] = get_args(Direction)

_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)
_LEAST: Final = timedelta(microseconds=1)  # the least by which one time is later than another
_LONGEST: Final = 4_000  # days in a row; who has more of them has no other day to move to


@dataclass(frozen=True, slots=True)
class Moved:
    """The ticks of `cadence`, those on a day of `calendars` moved to the nearest earlier or later day of none of them.

    Days are those of the zone `timezone`. Raises ValueError for an unknown zone or direction, or without a calendar.
    """

    cadence: Cadence | Later
    to: Direction
    timezone: str
    calendars: tuple[DayCalendar, ...]

    def __post_init__(self) -> None:
        if self.to not in DIRECTIONS:
            raise ValueError(f"ticks move to the previous or the next day, not {self.to!r}")
        if not self.calendars:
            raise ValueError("ticks move away from the days of a calendar, and here is none")
        zone_named(self.timezone)

    def next_after(self, moment: datetime) -> datetime | None:
        """The first tick later than `moment`; None where none comes before the end of the calendar."""
        moment = utc(moment)
        day: date | None = self._day(moment)
        looked_at: date | None = None
        while day is not None and day.year <= LAST_YEAR:
            if (landing := self._landing(day)) is None:
                return None
            if landing < day and (looked_at is None or landing <= looked_at):
                looked_at, day = landing, self._end_of_run(day)
            else:
                looked_at = day = landing
                if (tick := self._first_on(day, moment)) is not None:
                    return tick
            coming = self.cadence.next_after(self._start(day + _DAY) - _LEAST)
            day = None if coming is None else self._day(coming)
        return None

    def ticks_between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """The ticks later than `after` and not later than `until`, in order."""
        tick = self.next_after(after)
        until = utc(until)
        while tick is not None and tick <= until:
            yield tick
            tick = self.next_after(tick)

    def count_between(self, after: datetime, until: datetime) -> int:
        """How many ticks `ticks_between` would give; days are walked through, not ticks."""
        after, until = utc(after), utc(until)
        day, last, total = self._day(after), self._day(until), 0
        while day <= last:
            if not self._is_off(day):
                start, end = (
                    max(after, self._start(day) - _LEAST),
                    min(until, self._start(day + _DAY) - _LEAST),
                )
                if self._gathers(day):
                    ticks = _gathered(self, day)
                    total += max(0, bisect_right(ticks, end) - bisect_right(ticks, start))
                else:
                    total += self.cadence.count_between(start, end)
            day += _DAY
        return total

    def latest_between(self, after: datetime, until: datetime) -> datetime | None:
        """The last tick that `ticks_between` would give, or None."""
        after, until = utc(after), utc(until)
        floor = self._start(self._start_of_run(self._day(after) - _DAY)) - _LEAST
        day, looked_at = self._day(until), None
        while True:
            landing = self._landing(day)
            if landing is None or (landing > day and (looked_at is None or landing >= looked_at)):
                looked_at, day = landing, self._start_of_run(day)
            else:
                looked_at = day = landing
                if (tick := self._last_on(day, until)) is not None:
                    return tick if tick > after else None
            before = self.cadence.latest_between(floor, self._start(day) - _LEAST)
            if before is None:
                return None
            day = self._day(before)

    def describe(self) -> str:
        """In few words: "@daily Europe/Berlin, on days of calendar de the next day"."""
        names = " or ".join(each.name for each in self.calendars)
        return f"{self.cadence.describe()}, on days of calendar {names} the {self.to} day"

    def to_json(self) -> dict[str, Any]:
        """This schedule for `schedule_from_json`."""
        return {
            "moved": self.cadence.to_json(),
            "to": self.to,
            "timezone": self.timezone,
            "calendars": [calendar.to_json() for calendar in self.calendars],
        }

    @property
    def _zone(self) -> ZoneInfo:
        return zone_named(self.timezone)

    def _day(self, moment: datetime) -> date:
        """The day on the wall. Where a clock goes back over midnight the new day has begun and stays."""
        day = _wall(self._zone, moment).date()
        return day + _DAY if self._start(day + _DAY) <= moment else day

    def _start(self, day: date) -> datetime:
        return _start_of(self._zone, day)

    def _is_off(self, day: date) -> bool:
        """Whether no tick may fall on it: it is a day of a calendar, or the clock leaves it out (Apia's 2011-12-30)."""
        return any(day in each for each in self.calendars) or self._start(day) == self._start(day + _DAY)

    def _landing(self, day: date) -> date | None:
        """The day on which the ticks of `day` are: itself, or another; None where there is none for years."""
        step = _DAY if self.to == "next" else -_DAY
        for _ in range(_LONGEST):
            if not self._is_off(day):
                return day
            day += step
        return None

    def _start_of_run(self, day: date) -> date:
        """The first of the days off up to `day` that follow each other; the day after `day` where it is not one."""
        for _ in range(_LONGEST):
            if not self._is_off(day):
                break
            day -= _DAY
        return day + _DAY

    def _end_of_run(self, day: date) -> date:
        for _ in range(_LONGEST):
            if not self._is_off(day):
                break
            day += _DAY
        return day - _DAY

    def _gathers(self, day: date) -> bool:
        """Whether ticks of other days may be on `day`, which is not off."""
        return self._is_off(day - _DAY if self.to == "next" else day + _DAY)

    def sources(self, day: date) -> Iterator[date]:
        """The days whose ticks are on `day`, which is not off, in order."""
        if self.to == "next":
            first, last = self._start_of_run(day - _DAY), day
        else:
            first, last = day, self._end_of_run(day + _DAY)
        while first <= last:
            yield first
            first += _DAY

    def _first_on(self, day: date, moment: datetime) -> datetime | None:
        if self._gathers(day):
            ticks = _gathered(self, day)
            place = bisect_right(ticks, moment)
            return ticks[place] if place < len(ticks) else None
        tick = self.cadence.next_after(max(moment, self._start(day) - _LEAST))
        return None if tick is None or tick >= self._start(day + _DAY) else tick

    def _last_on(self, day: date, until: datetime) -> datetime | None:
        if self._gathers(day):
            ticks = _gathered(self, day)
            place = bisect_right(ticks, until)
            return ticks[place - 1] if place else None
        start, end = self._start(day) - _LEAST, self._start(day + _DAY) - _LEAST
        return self.cadence.latest_between(start, min(until, end))


def _wall(zone: ZoneInfo, moment: datetime) -> datetime:
    return moment.replace(tzinfo=None) + stretch_at(zone, moment).offset


@functools.lru_cache(maxsize=65_536)
def _start_of(zone: ZoneInfo, day: date) -> datetime:
    return moment_shown(zone, datetime.combine(day, time.min))


@functools.lru_cache(maxsize=16_384)
def _gathered(schedule: Moved, day: date) -> tuple[datetime, ...]:
    """All ticks of a day to which others move, in order."""
    zone = zone_named(schedule.timezone)
    last = (
        _start_of(zone, day + _DAY) - _SECOND
    )  # a time that the clock jumps over at the day's end stays in the day
    found = set()
    for source in schedule.sources(day):
        start, end = _start_of(zone, source) - _LEAST, _start_of(zone, source + _DAY) - _LEAST
        for tick in schedule.cadence.ticks_between(start, end):
            if source == day:
                found.add(tick)
            else:
                shown = moment_shown(zone, datetime.combine(day, _wall(zone, tick).time()))
                found.add(min(shown, last))
    return tuple(sorted(found))
