"""The times on the wall that a crontab matches. Times here have no zone; `schedule` knows what clocks do."""

import functools
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import product
from typing import Final

from scheduler.cadences.crontab_days import LAST, WEEK, Days
from scheduler.cadences.crontab_fields import (
    MONTH_DAY,
    WEEKDAY,
    CrontabProblem,
    Word,
    checked_words,
    numbers,
    special_word,
)

_SECOND: Final = timedelta(seconds=1)
_DAY: Final = timedelta(days=1)
_LAST_DAY: Final = date.max - _DAY
_HOURS_A_DAY: Final = 24
_MONTHS_A_YEAR: Final = 12
_CYCLE: Final = range(2000, 2400)  # after 400 years dates and weekdays begin anew


class WallTimes:
    """The seconds on the wall that six fields match."""

    __slots__ = ("days", "follows_real_time", "hours", "minutes", "months", "seconds")

    def __init__(self, words: tuple[Word, ...], entry: str) -> None:
        second, minute, hour, day, month, weekday = words
        self.seconds = sorted(numbers(second, entry))
        self.minutes = sorted(numbers(minute, entry))
        self.hours = sorted(numbers(hour, entry))
        self.months = numbers(month, entry)
        self.days = _days(day, weekday, entry)
        # An expression that repeats within the hour is about how often, not about a time of day.
        repeats = minute.text.upper().startswith(("*", "H/"))
        self.follows_real_time = repeats or len(self.hours) == _HOURS_A_DAY

    @property
    def ever(self) -> bool:
        """Whether any day of any year matches."""
        return any(self.days.of(year, month) for year, month in product(_CYCLE, self.months))

    def first(self, start: datetime, end: datetime) -> datetime | None:
        """The first match from `start` (with it) up to `end` (without it)."""
        wall = start if not start.microsecond else start.replace(microsecond=0) + _SECOND
        earliest = wall.time()
        year, month, first_day = wall.year, wall.month, wall.day
        while (year, month) <= (end.year, end.month):
            days = self._days_of(year, month)
            for day in days[bisect_left(days, first_day) :]:
                found = self._time(earliest if day == first_day else time.min)
                if found is not None:
                    match = datetime.combine(datetime(year, month, day), found)  # noqa: DTZ001 - on the wall
                    return match if match < end else None
            (year, month), first_day = _month_after(year, month), 0
        return None

    def between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """The matches from `start` (with it) up to `end` (without it), in order."""
        day = self.day_from(start.date()) if start < end else None
        while day is not None and day <= end.date():
            midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - on the wall
            for hour, minute, second in product(self.hours, self.minutes, self.seconds):
                match = midnight.replace(hour=hour, minute=minute, second=second)
                if match >= end:
                    return
                if match >= start:
                    yield match
            day = self.day_from(day + _DAY) if day < _LAST_DAY else None

    def count(self, start: datetime, end: datetime) -> int:
        """How many matches there are from `start` (with it) up to `end` (without it)."""
        if start >= end:
            return 0
        total, year, month = self._rank(end) - self._rank(start), start.year, start.month
        a_day = len(self.hours) * len(self.minutes) * len(self.seconds)
        while (year, month) < (end.year, end.month):
            total += len(self._days_of(year, month)) * a_day
            year, month = _month_after(year, month)
        return total

    def day_from(self, day: date) -> date | None:
        """The first day from `day` on that matches; None where none does before the calendar begins anew."""
        year, month, first_day = day.year, day.month, day.day
        while year <= min(day.year + len(_CYCLE), date.max.year):
            for found in self._days_of(year, month):
                if found >= first_day:
                    return date(year, month, found)
            (year, month), first_day = _month_after(year, month), 0
        return None

    def on(self, day: date) -> bool:
        """Whether the day matches."""
        return day.day in self._days_of(day.year, day.month)

    def _days_of(self, year: int, month: int) -> tuple[int, ...]:
        return self.days.of(year, month) if month in self.months else ()

    def _time(self, earliest: time) -> time | None:
        """The first time of day that is `earliest` or later."""
        hour, minute, second = earliest.hour, earliest.minute, earliest.second
        at = bisect_left(self.hours, hour)
        if at < len(self.hours) and self.hours[at] == hour:
            within = bisect_left(self.minutes, minute)
            if within < len(self.minutes) and self.minutes[within] == minute:
                last = bisect_left(self.seconds, second)
                if last < len(self.seconds):
                    return time(hour, minute, self.seconds[last])
                within += 1
            if within < len(self.minutes):
                return time(hour, self.minutes[within], self.seconds[0])
            at += 1
        return time(self.hours[at], self.minutes[0], self.seconds[0]) if at < len(self.hours) else None

    def _rank(self, wall: datetime) -> int:
        """How many matches of its month come before `wall`."""
        days = self._days_of(wall.year, wall.month)
        rank, exactly = _place(days, wall.day)
        for values, value in ((self.hours, wall.hour), (self.minutes, wall.minute)):
            place, exactly = _place(values, value) if exactly else (0, False)
            rank = rank * len(values) + place
        second = wall.second + (1 if wall.microsecond else 0)
        return rank * len(self.seconds) + (bisect_left(self.seconds, second) if exactly else 0)


def _place(values: Sequence[int], value: int) -> tuple[int, bool]:
    """How many of `values` are smaller, and whether `value` is one of them."""
    place = bisect_left(values, value)
    return place, place < len(values) and values[place] == value


def _month_after(year: int, month: int) -> tuple[int, int]:
    return (year, month + 1) if month < _MONTHS_A_YEAR else (year + 1, 1)


@functools.lru_cache(maxsize=8_192)
def wall_times(expression: str, entry: str = "") -> WallTimes:
    """The times on the wall of `expression`, where `H` is that of the entry with this name.

    Raises CrontabProblem where it is no crontab, or never comes.
    """
    words = checked_words(expression)
    times = WallTimes(words, entry)
    if not times.ever:
        day, month, weekday = words[3:]
        start, end, message = day.start, weekday.end, "never comes: no year has such a day"
        if weekday.text.startswith("*"):
            end, message = month.end, f"never comes: no month of {month.text!r} has a day {day.text}"
        raise CrontabProblem(message, MONTH_DAY.name, start, end)
    return times


def _days(day: Word, weekday: Word, entry: str) -> Days:
    by_month = [found.groupdict() for item in _items(day) if (found := special_word(day.field, item))]
    by_week = [found.groupdict() for item in _items(weekday) if (found := special_word(weekday.field, item))]
    return Days(
        numbers=numbers(day, entry),
        from_end=frozenset(
            int(found["back"] or 0) for found in by_month if not found["near"] and not found["last"]
        ),
        near=frozenset(int(found["near"] or LAST) for found in by_month if found["near"] or found["last"]),
        weekdays=numbers(weekday, entry),
        nth=frozenset((_weekday(found["nth_of"]), int(found["nth"])) for found in by_week if found["nth_of"]),
        last=frozenset(_weekday(found["last"]) for found in by_week if found["last"]),
        both=day.text.startswith("*") or weekday.text.startswith("*"),
    )


def _items(word: Word) -> list[str]:
    return word.text.split(",")


def _weekday(text: str) -> int:
    return (WEEKDAY.number(text) or 0) % WEEK
