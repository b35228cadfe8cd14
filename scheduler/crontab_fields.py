"""The five fields of a crontab: which wall-clock minutes they match, and what is wrong with them.

cronsim reads the fields and combines the days by Debian cron's rules (crontab(5)). Its errors name a field
and no more, so the fields are looked at here first, for a message that shows the very characters.
"""

import functools
import re
from bisect import bisect_left
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Final, NamedTuple

from cronsim import CronSim, CronSimError

from scheduler.suggestion import did_you_mean

ALIASES: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

_MINUTE: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)
_HOURS_A_DAY: Final = 24
_WORD: Final = re.compile(r"\S+")
# cronsim reads 8-8/2 as 8/2, which is every second hour from 8.
_RANGE_OF_ONE: Final = re.compile(r"\b(\w+)-\1/[0-9]+", re.IGNORECASE)
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - a time on the wall has no zone


class CrontabProblem(ValueError):
    """What is wrong with a crontab; `start` and `end` are the characters that it is about."""

    def __init__(self, message: str, field: str | None, start: int, end: int) -> None:
        super().__init__(message)
        self.field = field
        self.start = start
        self.end = end


class Field(NamedTuple):
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def number(self, text: str) -> int | None:
        if text.upper() in self.names:
            return self.names.index(text.upper()) + self.low
        return int(text) if re.fullmatch("[0-9]{1,9}", text) else None


FIELDS: Final = (
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day of month", 1, 31),
    Field(
        "month", 1, 12, ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
    ),
    Field("day of week", 0, 7, ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")),
)
_DAY_OF_MONTH, _DAY_OF_WEEK = FIELDS[2], FIELDS[4]


class WallTimes:
    """The wall-clock minutes that five fields match. Times here have no zone."""

    __slots__ = ("_days", "_hours", "_minutes", "_months", "follows_real_time")

    def __init__(self, parsed: CronSim, *, minute_is_star: bool) -> None:
        self._minutes = sorted(parsed.minutes)
        self._hours = sorted(parsed.hours)
        self._months = frozenset(parsed.months)
        self._days = functools.lru_cache(maxsize=512)(parsed.match_day)
        # An expression that repeats within the hour is about how often, not about a time of day.
        self.follows_real_time = minute_is_star or len(self._hours) == _HOURS_A_DAY

    def first(self, start: datetime, end: datetime) -> datetime | None:
        """The first match from `start` (with it) up to `end` (without it)."""
        wall = start if start == (minute := start.replace(second=0, microsecond=0)) else minute + _MINUTE
        day, hour, minute_of_hour = wall.date(), wall.hour, wall.minute
        last_day = end.date()
        while day <= last_day:
            if day.month not in self._months:
                day, hour, minute_of_hour = (day.replace(day=1) + 32 * _DAY).replace(day=1), 0, 0
                continue
            if self._days(day) and (found := self._time(hour, minute_of_hour)) is not None:
                match = datetime.combine(day, found)
                return match if match < end else None
            day, hour, minute_of_hour = day + _DAY, 0, 0
        return None

    def count(self, start: datetime, end: datetime) -> int:
        """How many matches there are from `start` (with it) up to `end` (without it)."""
        if start >= end:
            return 0
        total, day, a_day = 0, start.date(), len(self._hours) * len(self._minutes)
        while day <= end.date():
            if day.month in self._months and self._days(day):
                total += self._rank(end) if day == end.date() else a_day
                total -= self._rank(start) if day == start.date() else 0
            day += _DAY
        return total

    def _time(self, hour: int, minute: int) -> time | None:
        """The first time of day that is `hour`:`minute` or later."""
        index = bisect_left(self._hours, hour)
        if index == len(self._hours):
            return None
        if self._hours[index] == hour:
            place = bisect_left(self._minutes, minute)
            if place < len(self._minutes):
                return time(hour, self._minutes[place])
            index += 1
            if index == len(self._hours):
                return None
        return time(self._hours[index], self._minutes[0])

    def _rank(self, wall: datetime) -> int:
        """How many times of day come before that of `wall`."""
        index = bisect_left(self._hours, wall.hour)
        whole = index * len(self._minutes)
        if index == len(self._hours) or self._hours[index] != wall.hour:
            return whole
        minute = wall.minute + (1 if wall.second or wall.microsecond else 0)
        return whole + bisect_left(self._minutes, minute)


@functools.lru_cache(maxsize=8_192)
def wall_times(expression: str) -> WallTimes:
    """The wall-clock minutes of `expression`. Raises CrontabProblem where it is none, or never comes."""
    written = five_fields(expression)
    words = list(_WORD.finditer(written))
    _check_count(expression, len(words))
    for field, word in zip(FIELDS, words, strict=True):
        for problem in _field_problems(field, word.group(), word.start()):
            raise problem
    try:
        parsed = CronSim(_RANGE_OF_ONE.sub(r"\1", written), _EPOCH)
    except CronSimError as refusal:
        if str(refusal) == "Bad day-of-month":
            day, month = words[2], words[3]
            message = f"never comes: no month of {month.group()!r} has a day {day.group()}"
            raise CrontabProblem(message, _DAY_OF_MONTH.name, day.start(), month.end()) from None
        raise CrontabProblem(
            f"{expression!r} is not understood ({refusal})", None, 0, len(expression)
        ) from None
    return WallTimes(parsed, minute_is_star=words[0].group().startswith("*"))


def five_fields(expression: str) -> str:
    """`expression` with an alias such as `@daily` written out. Raises CrontabProblem for an alias that is none."""
    alias = expression.strip()
    if not alias.startswith("@"):
        return expression
    if alias.lower() in ALIASES:
        return ALIASES[alias.lower()]
    start = expression.index("@")
    message = f"unknown alias {alias!r}{did_you_mean(alias, ALIASES)}"
    if alias.lower().startswith("@every"):
        message = f'{alias!r} is an interval; write interval = "{alias[6:].strip() or "5m"}"'
    elif alias.lower() == "@reboot":
        message = "'@reboot' names no time; jobs run at times, not when a beat starts"
    raise CrontabProblem(message, None, start, start + len(alias))


def _check_count(expression: str, count: int) -> None:
    if count == len(FIELDS):
        return
    if count == len(FIELDS) + 1:
        message = "6 fields: a field for seconds is not supported by this version yet"
    elif not count:
        message = "is empty; write 5 fields: minute hour day-of-month month day-of-week"
    else:
        have = f"{count} field{'' if count == 1 else 's'}"
        message = f"{have}, not 5: minute hour day-of-month month day-of-week"
    raise CrontabProblem(message, None, 0, len(expression))


def _field_problems(field: Field, text: str, start: int) -> Iterator[CrontabProblem]:
    """What is wrong with one field, item by item; `start` is where it stands in the expression."""
    position = start
    for item in text.split(","):
        end = position + len(item)
        if not item:
            around = slice(max(0, position - start - 1), position - start + 1)
            message = f"{field.name} has an empty item in its list {text!r}"
            yield CrontabProblem(
                message, field.name, start + around.start, start + min(around.stop, len(text))
            )
        elif unsupported := _unsupported(field, item):
            yield CrontabProblem(unsupported, field.name, position, end)
        else:
            yield from _item_problems(field, item, position)
        position = end + 1


def _unsupported(field: Field, item: str) -> str | None:
    special = item.upper()
    if special == "?":
        return f"{field.name} '?' is Quartz's; write *"
    by_day = field in (_DAY_OF_MONTH, _DAY_OF_WEEK)
    if special.split("/")[0] == "H" or special.startswith("H("):
        return f"{field.name} {item!r}: H is not supported by this version yet"
    if by_day and re.fullmatch(r"L(-\d+)?|LW|\d+W|[A-Z\d]+#\d+|[A-Z\d]+L", special):
        sign = "#" if "#" in special else "W" if "W" in special else "L"
        return f"{field.name} {item!r}: {sign} is not supported by this version yet"
    return None


def _item_problems(field: Field, item: str, start: int) -> Iterator[CrontabProblem]:
    span, slash, step = item.partition("/")
    if slash and not re.fullmatch("[0-9]{1,9}", step):
        message = (
            f"{field.name} step {step!r} is not a number" if step else f"{field.name} has no step after '/'"
        )
        yield CrontabProblem(message, field.name, start + len(span) + (1 if step else 0), start + len(item))
    elif slash and not int(step):
        message = f"{field.name} step 0 never moves on; a step is 1 or more"
        yield CrontabProblem(message, field.name, start + len(span) + 1, start + len(item))
    if span == "*":
        return
    first, dash, last = span.partition("-")
    ends = [(first, start)] + ([(last, start + len(first) + 1)] if dash else [])
    numbers = []
    for text, position in ends:
        if wrong := _number_problem(field, text, span):
            yield CrontabProblem(wrong, field.name, position, position + max(1, len(text)))
        numbers.append(field.number(text))
    low, high = numbers[0], numbers[-1]
    if low is not None and high is not None and low > high:
        yield CrontabProblem(_reversed(field, first, last), field.name, start, start + len(span))


def _number_problem(field: Field, text: str, span: str) -> str | None:
    if not text:
        return f"{field.name} range {span!r} lacks an end"
    number = field.number(text)
    if number is not None:
        within = field.low <= number <= field.high
        return None if within else f"{field.name} {number} is out of range {field.low}-{field.high}"
    if not field.names:
        return f"{field.name} {text!r} is not a number"
    hint = did_you_mean(text.upper(), field.names) or f"; the names are {' '.join(field.names)}"
    return f"{field.name} {text!r} is not a number or name{hint}"


def _reversed(field: Field, first: str, last: str) -> str:
    message = f"{field.name} range {first}-{last} ends before it starts; "
    if field is _DAY_OF_WEEK:
        return message + (f"write {first}-7" if field.number(last) == 0 else f"write {first}-7,1-{last}")
    return message + f"write {first}-{field.high},{field.low}-{last}"
