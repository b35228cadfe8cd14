"""The days of a year that a rule's BYMONTH, BYWEEKNO, BYYEARDAY, BYMONTHDAY and BYDAY leave, whatever its INTERVAL."""

from bisect import bisect_right
from calendar import isleap
from dataclasses import replace
from datetime import date
from itertools import accumulate
from typing import Final, NamedTuple

from scheduler.cadences.rule_text import RuleText

WEEK: Final = 7
_LENGTHS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_DAYS_OF_FIRST_WEEK: Final = 4  # a year's first week is that with at least four of its days (RFC 5545)

_DAYS: Final = 365


class _Kind(NamedTuple):
    """Years of a kind have the same days: the weekday of 1 January, and which of the years around are leap years."""

    first: int
    leap: bool
    leap_before: bool
    leap_after: bool


class RuleDays:
    """The days that match, a year at a time: 1 January is day 0."""

    def __init__(self, rule: RuleText, start: date) -> None:
        self._rule = with_start(rule, start)
        self._found: dict[_Kind, tuple[int, ...]] = {}

    def of(self, year: int) -> tuple[int, ...]:
        """The days of that year, in order."""
        kind = _Kind(date(year, 1, 1).weekday(), isleap(year), isleap(year - 1), isleap(year + 1))
        if (days := self._found.get(kind)) is None:
            days = self._found[kind] = tuple(_matching(self._rule, kind))
        return days


def with_start(rule: RuleText, start: date) -> RuleText:
    """The rule, with the parts for days that it lacks taken from the day it starts on (RFC 5545, RFC 8984 4.3.3.1)."""
    if rule.frequency == "WEEKLY" and not rule.weekdays:
        return replace(rule, weekdays=((start.weekday(), None),))
    if rule.frequency == "MONTHLY" and not (rule.weekdays or rule.month_days):
        return replace(rule, month_days=(start.day,))
    if rule.frequency != "YEARLY" or rule.weekdays or rule.month_days or rule.year_days:
        return rule
    if rule.week_numbers:
        return replace(rule, weekdays=((start.weekday(), None),))
    return replace(rule, months=rule.months or (start.month,), month_days=(start.day,))


def _matching(rule: RuleText, kind: _Kind) -> list[int]:
    lengths = [length + (kind.leap and month == 1) for month, length in enumerate(_LENGTHS)]
    starts = [0, *accumulate(lengths)]
    size = starts[-1]
    found = []
    for day in range(size):
        month = bisect_right(starts, day) - 1
        month_day = day - starts[month]
        if (
            (not rule.months or month + 1 in rule.months)
            and _holds(rule.month_days, month_day, lengths[month])
            and _holds(rule.year_days, day, size)
            and (not rule.week_numbers or _in_week(rule, day, kind))
        ):
            of_month = rule.frequency == "MONTHLY" or bool(rule.months)
            place = (month_day, lengths[month]) if of_month else (day, size)
            if not rule.weekdays or _on_weekday(rule, (kind.first + day) % WEEK, *place):
                found.append(day)
    return found


def _holds(numbers: tuple[int, ...], index: int, size: int) -> bool:
    """Whether the numbers, from 1 or from -1 backwards, name the place `index` of `size`; none given name all."""
    return not numbers or index + 1 in numbers or index - size in numbers


def _on_weekday(rule: RuleText, weekday: int, index: int, size: int) -> bool:
    return any(
        wanted == weekday
        and (nth is None or (index // WEEK + 1 if nth > 0 else -((size - 1 - index) // WEEK + 1)) == nth)
        for wanted, nth in rule.weekdays
    )


def _in_week(rule: RuleText, day: int, kind: _Kind) -> bool:
    """Whether the week that holds the day has one of the numbers; at both ends it may be another year's."""
    size, start = _DAYS + kind.leap, _first_week(kind.first, rule.week_start)
    end = size + _first_week((kind.first + size) % WEEK, rule.week_start)
    if day < start:
        before = _DAYS + kind.leap_before
        start, end = _first_week((kind.first - before) % WEEK, rule.week_start) - before, start
    elif day >= end:
        after = size + _DAYS + kind.leap_after
        start, end = end, after + _first_week((kind.first + after) % WEEK, rule.week_start)
    return _holds(rule.week_numbers, (day - start) // WEEK, (end - start) // WEEK)


def _first_week(weekday: int, week_start: int) -> int:
    """The day on which the first week begins of a year whose 1 January is this weekday; it may be before the year."""
    into = (weekday - week_start) % WEEK
    return -into if WEEK - into >= _DAYS_OF_FIRST_WEEK else WEEK - into
