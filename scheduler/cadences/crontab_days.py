"""The days that the two day fields of a crontab match, a month at a time.

Beside numbers: `L` the last day of the month, `L-3` three days before it, `15W` the weekday nearest to the 15th in the
same month, `LW` the last weekday, `5#3` the third Friday, `5L` the last Friday. A weekday is Monday to Friday. The
words are those of Quartz's CronExpression.
"""

import functools
import re
from calendar import monthrange
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

WEEK: Final = 7
LAST: Final = 0  # of `near`: the month's last day
MOST_FROM_END: Final = 30
_SATURDAY: Final = 6

# What a day field may hold besides numbers, names, ranges and steps; matched against capitals.
MONTH_DAY_WORD: Final = re.compile(r"L(?:-(?P<back>[0-9]{1,9}))?|(?P<near>[0-9]{1,9})W|(?P<last>LW)")
WEEKDAY_WORD: Final = re.compile(r"(?P<nth_of>[A-Z0-9]+)#(?P<nth>[0-9]+)|(?P<last>[A-Z0-9]+?)L")


@dataclass(frozen=True, slots=True)
class Days:
    """Which days of a month are matched. Weekdays are numbers from 0, Sunday; `near` LAST is the month's last day.

    `both`: a day must match by month and by week, since one of the two fields begins with a star; otherwise either
    does (crontab(5)).
    """

    numbers: frozenset[int]
    from_end: frozenset[int]
    near: frozenset[int]
    weekdays: frozenset[int]
    nth: frozenset[tuple[int, int]]
    last: frozenset[int]
    both: bool

    def of(self, year: int, month: int) -> tuple[int, ...]:
        """The days of that month that match, in order."""
        return _days_of(self, year, month)


@functools.lru_cache(maxsize=16_384)
def _days_of(days: Days, year: int, month: int) -> tuple[int, ...]:
    first, length = monthrange(year, month)

    def weekday(day: int) -> int:
        return (first + day) % WEEK

    by_month = set(_by_month(days, weekday, length))
    by_week = set(_by_week(days, weekday, length))
    return tuple(sorted(by_month & by_week if days.both else by_month | by_week))


def _by_month(days: Days, weekday: Callable[[int], int], length: int) -> Iterator[int]:
    yield from (day for day in days.numbers if day <= length)
    yield from (length - back for back in days.from_end if back < length)
    for near in days.near:
        if near <= length:
            yield _nearest_workday(near or length, weekday(near or length), length)


def _nearest_workday(day: int, weekday: int, length: int) -> int:
    """The nearest one in the same month: over the 1st and the last day it does not jump."""
    if weekday == _SATURDAY:
        return day - 1 if day > 1 else day + 2
    if weekday == 0:
        return day + 1 if day < length else day - 2
    return day


def _by_week(days: Days, weekday: Callable[[int], int], length: int) -> Iterator[int]:
    yield from (day for day in range(1, length + 1) if weekday(day) in days.weekdays)
    for wanted, nth in days.nth:
        day = 1 + (wanted - weekday(1)) % WEEK + WEEK * (nth - 1)
        if day <= length:
            yield day
    yield from (length - (weekday(length) - wanted) % WEEK for wanted in days.last)
