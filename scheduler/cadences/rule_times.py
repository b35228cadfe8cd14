"""The times on the wall that a rule names, found by counting and not by walking from its start.

Times here have no zone. They are handled as seconds since the first day of the calendar, by the year.
"""

import functools
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import accumulate, groupby, product
from math import gcd
from typing import Final, Protocol

from scheduler.cadences.rule_days import WEEK, RuleDays
from scheduler.cadences.rule_text import RuleText

DAY: Final = 86_400  # seconds
CALENDAR: Final = 400  # years, after which dates and weekdays begin anew
_MONTHS: Final = 12
_SECOND: Final = timedelta(seconds=1)
_UNITS: Final = {"HOURLY": 3_600, "MINUTELY": 60, "SECONDLY": 1}  # seconds
_KEPT_YEARS: Final = 512
_BY_THE_CLOCK: Final = ("MINUTELY", "SECONDLY")
_HOURS: Final = 24
_SIXTY: Final = 60
_FEW: Final = 16
_KEPT_KINDS_OF_DAYS: Final = 8_192


class RuleTimes:
    """The times of a rule whose periods are counted from `start`, before it and after it."""

    def __init__(self, rule: RuleText, start: datetime) -> None:
        self._rule, self._start = rule, start
        self._days = RuleDays(rule, start.date())
        self._in_period = _period(rule.frequency, rule.interval, rule.week_start, start.date())
        self._times = _TimesOfDay(rule, start)
        self._by_position = bool(rule.positions) and rule.frequency in ("YEARLY", "MONTHLY", "WEEKLY")
        self.follows_real_time = follows_real_time(rule)
        self._year = functools.lru_cache(maxsize=_KEPT_YEARS)(self._make_year)
        self._days_of = functools.lru_cache(maxsize=_KEPT_YEARS)(self._make_days)

    @property
    def ever(self) -> bool:
        """Whether there is any time of day; without one there is no need to look at days."""
        return self._times.ever

    def first(self, start: datetime, end: datetime) -> datetime | None:
        """The first time from `start` (with it) up to `end` (without it)."""
        if not self.ever:
            return None
        wanted = _seconds(start)
        for year in self._years(start, end):
            if (found := self._year(year).first(wanted)) is not None:
                return _wall(found) if found < _seconds(end) else None
        return None

    def between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """The times from `start` (with it) up to `end` (without it), in order."""
        found = self.first(start, end)
        while found is not None:
            yield found
            found = self.first(found + _SECOND, end)

    def count(self, start: datetime, end: datetime) -> int:
        """How many times there are from `start` (with it) up to `end` (without it)."""
        low, high = _seconds(start), _seconds(end)
        return sum(
            self._year(year).rank(high) - self._year(year).rank(low) for year in self._years(start, end)
        )

    def day_from(self, day: date) -> date | None:
        """The first day from `day` on that may have a time; None where no such day comes while dates repeat."""
        wanted = day.toordinal()
        if not self.ever and not counts_real_time(self._rule):  # with another offset it may
            return None
        for year in range(day.year - 1, min(day.year + CALENDAR, date.max.year)):
            days = self._days_of(year)
            if (place := bisect_left(days, wanted)) < len(days):
                return date.fromordinal(days[place])
        return None

    def _years(self, start: datetime, end: datetime) -> range:
        # A week belongs to the year in which it begins, and its days may be in the next one.
        return range(start.year - 1 if self._by_position else start.year, end.year + 1)

    def _make_year(self, year: int) -> "_Year":
        if self._by_position:
            return _Instants(tuple(self._chosen(year)))
        return _YearOfDays(self._days_of(year), self._times)

    def _make_days(self, year: int) -> Sequence[int]:
        """The days of the year that match and whose period is one of the rule's, as ordinals."""
        new_year = date(year, 1, 1).toordinal()
        days = [new_year + day for day in self._days.of(year)]
        return days if self._in_period is None else [day for day in days if self._in_period(day)]

    def _chosen(self, year: int) -> Iterator[int]:
        """What BYSETPOS picks from each period that begins in the year."""
        times = self._times.of(0)
        days = [*self._days_of(year)]
        begins = _begins(self._rule)
        if self._rule.frequency == "WEEKLY":
            days += [day for day in self._days_of(year + 1) if date.fromordinal(begins(day)).year == year]
            days = [day for day in days if date.fromordinal(begins(day)).year == year]
        for _, period in groupby(days, key=begins):
            ordinals = list(period)
            size = len(ordinals) * times.size
            places = {each - 1 if each > 0 else size + each for each in self._rule.positions}
            for place in sorted(each for each in places if 0 <= each < size):
                day, rest = divmod(place, times.size)
                yield ordinals[day] * DAY + times.at(rest)


class _Year(Protocol):
    def first(self, wanted: int) -> int | None: ...
    def rank(self, before: int) -> int: ...


class _Instants:
    def __init__(self, instants: Sequence[int]) -> None:
        self._instants = instants

    def first(self, wanted: int) -> int | None:
        place = bisect_left(self._instants, wanted)
        return self._instants[place] if place < len(self._instants) else None

    def rank(self, before: int) -> int:
        return bisect_left(self._instants, before)


class _YearOfDays:
    """Days, and on each of them times."""

    def __init__(self, days: Sequence[int], times: "_TimesOfDay") -> None:
        self._days, self._times = days, times

    def first(self, wanted: int) -> int | None:
        day, second = divmod(wanted, DAY)
        for place in range(bisect_left(self._days, day), len(self._days)):
            each = self._days[place]
            found = self._times.of(each).first(second if each == day else 0)
            if found is not None:
                return each * DAY + found
        return None

    def rank(self, before: int) -> int:
        day, second = divmod(before, DAY)
        place = bisect_left(self._days, day)
        today = place < len(self._days) and self._days[place] == day
        return self._before[place] + (self._times.of(day).rank(second) if today else 0)

    @functools.cached_property
    def _before(self) -> list[int]:
        """How many times come before each day of the year."""
        return [0, *accumulate(self._times.of(day).size for day in self._days)]


class _TimesOfDay:
    """The times of a day. For rules by the hour, minute or second they depend on how far the start is away."""

    def __init__(self, rule: RuleText, start: datetime) -> None:
        self._unit = _UNITS.get(rule.frequency, DAY)
        self._a_day = DAY // self._unit
        self._interval = rule.interval if self._unit < DAY else 1
        self._start = _seconds(start) // self._unit
        within = tuple(_within(rule, start))
        self._within = _picked(within, rule.positions) if rule.frequency in (*_UNITS, "DAILY") else within
        self._limited = _limited(rule)
        self._is_sparse = self._interval * _FEW >= self._a_day
        self.ever = bool(self._within) and self._ever_in_step()
        self._of = functools.lru_cache(maxsize=_KEPT_KINDS_OF_DAYS)(self._make)

    def of(self, day: int) -> "_Times":
        """Those of the day with this ordinal."""
        if self._interval == 1:
            return self._of(0)
        first = (self._start - day * self._a_day) % self._interval
        if first >= self._a_day or (self._is_sparse and not self._meets(first)):
            return _NONE
        return self._of(first)

    def _meets(self, first: int) -> bool:
        """Whether one of the few periods of a day is left; asked of days without end where none ever is."""
        return self._limited is None or any(
            unit in self._limited for unit in range(first, self._a_day, self._interval)
        )

    def _ever_in_step(self) -> bool:
        """Whether steps of `interval` from the start ever meet an hour, minute or second that is left."""
        step = gcd(self._interval, self._a_day)
        return self._limited is None or any((unit - self._start) % step == 0 for unit in self._limited)

    def _make(self, first: int) -> "_Times":
        """Those of a day whose first period has this number; each one is `interval` later."""
        units: Sequence[int] = range(first, self._a_day, self._interval)
        if self._limited is not None:
            units = [unit for unit in units if unit in self._limited]
        return _Times(units, self._unit, self._within)


class _Times:
    """Seconds of a day: in each of the units (days, hours, minutes or seconds) the same."""

    def __init__(self, units: Sequence[int], unit: int, within: Sequence[int]) -> None:
        self._units, self._unit, self._within = units, unit, within
        self.size = len(units) * len(within)

    def at(self, place: int) -> int:
        unit, rest = divmod(place, len(self._within))
        return self._units[unit] * self._unit + self._within[rest]

    def rank(self, second: int) -> int:
        unit, rest = divmod(second, self._unit)
        place = bisect_left(self._units, unit)
        here = place < len(self._units) and self._units[place] == unit
        return place * len(self._within) + (bisect_left(self._within, rest) if here else 0)

    def first(self, second: int) -> int | None:
        place = self.rank(second)
        return self.at(place) if place < self.size else None


_NONE: Final = _Times((), DAY, ())


def follows_real_time(rule: RuleText) -> bool:
    """Whether it is about how often, and not about a time of day: it repeats within the hour, or each hour."""
    every_hour = rule.frequency == "HOURLY" and rule.interval == 1 and len(rule.hours) in (0, _HOURS)
    return every_hour or rule.frequency in _BY_THE_CLOCK


def counts_real_time(rule: RuleText) -> bool:
    """Whether its periods are counted in real time from its start: those within the hour."""
    return rule.frequency in _BY_THE_CLOCK and rule.interval > 1


@functools.lru_cache(maxsize=4_096)
def rule_times(rule: RuleText, start: datetime) -> RuleTimes:
    """The times on the wall of a rule that starts at `start` on the wall."""
    return RuleTimes(rule, start)


def _within(rule: RuleText, start: datetime) -> Iterator[int]:
    """The seconds within each period, or within each day where periods are longer."""
    by_hour = rule.frequency == "HOURLY"
    hours = (0,) if rule.frequency in _UNITS else rule.hours or (start.hour,)
    minutes = (0,) if rule.frequency in _BY_THE_CLOCK else rule.minutes or (start.minute,)
    seconds = (0,) if rule.frequency == "SECONDLY" else rule.seconds or (start.second,)
    for hour, minute, second in product((0,) if by_hour else hours, minutes, seconds):
        yield hour * 3_600 + minute * 60 + second


def _picked(values: Sequence[int], positions: Sequence[int]) -> tuple[int, ...]:
    if not positions:
        return tuple(values)
    places = {each - 1 if each > 0 else len(values) + each for each in positions}
    return tuple(values[place] for place in sorted(places) if 0 <= place < len(values))


def _limited(rule: RuleText) -> frozenset[int] | None:
    """What BYHOUR, BYMINUTE and BYSECOND leave of the hours, minutes or seconds of a day; None where that is all."""
    depth = {"HOURLY": 1, "MINUTELY": 2, "SECONDLY": 3}.get(rule.frequency, 0)
    given = (rule.hours, rule.minutes, rule.seconds)[:depth]
    if not any(given):
        return None
    sizes = (_HOURS, _SIXTY, _SIXTY)
    parts = [each or range(size) for each, size in zip(given, sizes, strict=False)]
    return frozenset(
        functools.reduce(lambda index, part: index * _SIXTY + part, each) for each in product(*parts)
    )


def _period(frequency: str, interval: int, week_start: int, start: date) -> Callable[[int], bool] | None:
    """Whether a day is in one of the rule's periods; None where every day is."""
    if interval == 1 or frequency in _UNITS:
        return None
    number = _number(frequency, week_start)
    first = number(start.toordinal())
    return lambda day: (number(day) - first) % interval == 0


def _number(frequency: str, week_start: int) -> Callable[[int], int]:
    """The number of the period that a day is in, counted from the beginning of the calendar."""
    if frequency == "DAILY":
        return lambda day: day
    if frequency == "WEEKLY":
        return lambda day: (day - 1 - week_start) // WEEK
    if frequency == "MONTHLY":
        return lambda day: (each := date.fromordinal(day)).year * _MONTHS + each.month
    return lambda day: date.fromordinal(day).year


def _begins(rule: RuleText) -> Callable[[int], int]:
    """The day on which the period of a day begins."""
    if rule.frequency == "WEEKLY":
        return lambda day: day - (day - 1 - rule.week_start) % WEEK
    if rule.frequency == "MONTHLY":
        return lambda day: date.fromordinal(day).replace(day=1).toordinal()
    return lambda day: date.fromordinal(day).replace(month=1, day=1).toordinal()


def _seconds(wall: datetime) -> int:
    """Whole seconds since the first day of the calendar, rounded up."""
    seconds = wall.toordinal() * DAY + wall.hour * 3_600 + wall.minute * 60 + wall.second
    return seconds + (1 if wall.microsecond else 0)


def _wall(seconds: int) -> datetime:
    day, second = divmod(seconds, DAY)
    return datetime.combine(date.fromordinal(day), time.min) + timedelta(seconds=second)
