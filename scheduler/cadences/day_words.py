"""The days that people write in a calendar: dates, spans of them, days of every year, and weekdays. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from scheduler.cadences.day_calendar import WEEKDAYS, YearDay
from scheduler.quoting import quoted
from scheduler.suggestion import did_you_mean

LONGEST_SPAN: Final = 3_660  # days
FORMS: Final = "2026-12-24, 2026-12-24/2026-12-31, or 12-24 for every year"

_DAY: Final = timedelta(days=1)
_LEAP_YEAR: Final = 2000
_SPAN: Final = re.compile(r"\s*(?P<first>[0-9-]+?)\s*(?:(?:/|\.\.|–|\bto\b)\s*(?P<last>[0-9-]+)\s*)?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_YEAR_DAY: Final = re.compile(r"(?:--)?(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})")
_SHORTEST_NAME: Final = 3


@dataclass(frozen=True, slots=True)
class WrittenDays:
    """What one item of a list of dates stands for: days, and days of every year."""

    days: frozenset[date] = frozenset()
    yearly: frozenset[YearDay] = frozenset()
    name: str = ""


def written_days(value: object) -> WrittenDays:
    """The days of an item: a date, a text in one of the FORMS, or a table of them with a name.

    Raises ValueError, saying what is wrong, where it is none.
    """
    if isinstance(value, dict):
        return _of_table(value)
    if isinstance(value, datetime):
        raise ValueError(f"{quoted(value)} has a time of day; a day is written {value:%Y-%m-%d}")
    if isinstance(value, date):
        return WrittenDays(frozenset({value}))
    if not isinstance(value, str):
        raise ValueError(f"{quoted(value)} is no day; write {FORMS}")
    found = _SPAN.fullmatch(value)
    if found is None:
        raise ValueError(f"{quoted(value)} is no day; write {FORMS}")
    first, last = _end(found["first"], value), _end(found["last"] or found["first"], value)
    if isinstance(first, date) and isinstance(last, date):
        return WrittenDays(frozenset(_span(first, last)))
    if isinstance(first, tuple) and isinstance(last, tuple):
        return WrittenDays(yearly=frozenset(_yearly_span(first, last)))
    raise ValueError(f"{quoted(value)}: both ends of a span have a year, or neither has one")


def weekday_number(value: object) -> int:
    """The number, from 0, Monday, of a day of the week by its English name. Raises ValueError where it is none."""
    names = [name.lower() for name in WEEKDAYS]
    text = value.strip().lower() if isinstance(value, str) else ""
    for number, name in enumerate(names):
        if len(text) >= _SHORTEST_NAME and name.startswith(text):
            return number
    hint = did_you_mean(text, names) or "; write 'sat' or 'saturday'"
    raise ValueError(f"{quoted(value)} is no day of the week{hint}")


def _of_table(table: dict[str, Any]) -> WrittenDays:
    keys = {"date", "from", "until", "name"}
    if unknown := next((key for key in table if key not in keys), None):
        raise ValueError(
            f"unknown key {unknown!r}{did_you_mean(unknown, keys) or '; there are date, from, until, name'}"
        )
    name = table.get("name", "")
    if not isinstance(name, str):
        raise ValueError(f"name: {quoted(name)} is not a text in quotes")
    if "date" in table:
        if "from" in table or "until" in table:
            raise ValueError("has a date, and from or until; write one day or a span")
        found = written_days(table["date"])
    elif "from" in table and "until" in table:
        ends = [written_days(table[key]) for key in ("from", "until")]
        if any(len(end.days) + len(end.yearly) != 1 for end in ends):
            raise ValueError("from and until are one day each")
        found = written_days("/".join(_text(end) for end in ends))
    else:
        raise ValueError("has no date; write date = 2026-12-24, or from and until")
    return WrittenDays(found.days, found.yearly, name)


def _text(one: WrittenDays) -> str:
    """One day as it is written."""
    texts = (*(f"{day}" for day in one.days), *(f"{month}-{day}" for month, day in one.yearly))
    return next(iter(texts))


def _end(text: str, whole: str) -> date | YearDay:
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
        if found := _YEAR_DAY.fullmatch(text):
            day = date(_LEAP_YEAR, int(found["month"]), int(found["day"]))
            return day.month, day.day
    except ValueError:
        raise ValueError(f"{quoted(whole)}: there is no such day as {text}") from None
    raise ValueError(f"{quoted(whole)} is no day; write {FORMS}")


def _span(first: date, last: date) -> Iterator[date]:
    if last < first:
        raise ValueError(f"the span ends on {last}, before it begins on {first}")
    if (last - first).days >= LONGEST_SPAN:
        raise ValueError(f"the span has {(last - first).days + 1} days; at most {LONGEST_SPAN} are a span")
    day = first
    while day <= last:
        yield day
        day += _DAY


def _yearly_span(first: YearDay, last: YearDay) -> Iterator[YearDay]:
    """From one day of the year to another, over its end where that comes first."""
    day = date(_LEAP_YEAR, *first)
    while True:
        yield day.month, day.day
        if (day.month, day.day) == last:
            return
        day = (day + _DAY).replace(year=_LEAP_YEAR)
