"""The keys that say when an entry ticks: what each may hold, and what is said of a value that it may not."""

import re
from datetime import date, datetime, timedelta
from typing import Any, Final

from scheduler.cadences.crontab_fields import checked_words, has_hash
from scheduler.cadences.rule_text import RuleProblem, rule_text
from scheduler.cadences.solar_keys import solar_value, sun_event_value
from scheduler.cadences.sun import SUN_EVENTS
from scheduler.cadences.wall_clock import LAST_YEAR, zone_named
from scheduler.cadences.wall_times import wall_times
from scheduler.durations import FINEST
from scheduler.entry_calendars import is_crontab
from scheduler.entry_values import (
    NAME,
    duration_value,
    listed_values,
    table_values,
    text_value,
)
from scheduler.lints.misplaced import Misplaced, Several
from scheduler.quoting import quoted
from scheduler.schedule import Interval, Moments

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}.*")
_YEARS: Final = range(1900, LAST_YEAR + 1)


def crontab_values(value: object) -> tuple[str, ...]:
    """The crontabs of a list, or the only one; each may have 5 fields or 6 here."""
    if value == []:
        raise ValueError("the list is empty; write a crontab, or leave the key out")
    return listed_values(value, _one_crontab)


def _one_crontab(value: object) -> str:
    text = text_value(value)
    if has_hash(text):
        checked_words(text)  # whether it ever comes depends on the entry's name
    else:
        wall_times(text)
    return " ".join(text.split())


def rrule_value(value: object) -> str:
    text = text_value(value)
    try:
        rule_text(text)
    except RuleProblem as problem:
        raise Misplaced(str(problem), (), code="rrule", within=(text, problem.start, problem.end)) from None
    return text


def interval_value(value: object) -> timedelta:
    duration = duration_value(value)
    if duration < FINEST:
        raise ValueError(f"{quoted(value)} never moves on; the shortest interval is 1ms")
    return Interval(duration).every


def moment_value(value: object) -> datetime:
    moment = value
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
    if not isinstance(moment, datetime):
        raise ValueError(f"{quoted(value)} is not a moment such as 2026-01-01T00:00:00Z")
    if moment.utcoffset() is None:
        raise ValueError(f"{quoted(value)} has no zone; end it with Z or +01:00")
    if moment.year not in _YEARS:
        raise ValueError(f"{quoted(value)} is out of reach; write a year from {_YEARS[0]} to {_YEARS[-1]}")
    return moment


def moment_values(value: object) -> tuple[datetime, ...]:
    if not isinstance(value, list):
        return Moments((moment_value(value),)).moments
    if not value:
        raise ValueError("the list is empty; write a moment, or leave the key out")
    found, wrong = [], []
    for index, item in enumerate(value):
        try:
            found.append(moment_value(item))
        except ValueError as problem:
            wrong.append(Misplaced(str(problem), (index,)))
    if wrong:
        raise Several(wrong)
    return Moments(tuple(found)).moments


def timezone_value(value: object) -> str:
    return zone_named(text_value(value)).key


def solar_values(value: object) -> dict[str, Any]:
    """The values of a `solar` table, or of the event alone; the place may stand beside it."""
    if isinstance(value, str):
        return {"event": sun_event_value(value)}
    if not isinstance(value, dict):
        raise ValueError(f'{quoted(value)} is not "sunset" or the like, or a table')
    checked = table_values(value, solar_value)
    if "event" not in checked:
        raise ValueError(f"has no event; there are {', '.join(SUN_EVENTS)}")
    return checked


def exclude_values(value: object) -> tuple[str, ...]:
    """Crontabs and names of calendars."""
    return listed_values(value, lambda item: _one_crontab(item) if _is_crontab(item) else _calendar(item))


def _is_crontab(item: object) -> bool:
    return isinstance(item, str) and is_crontab(item)


def _calendar(value: object) -> str:
    if isinstance(value, (date, datetime)) or (isinstance(value, str) and _DATE.fullmatch(value)):
        message = "is a date; dates stand in a calendar, such as [calendars.closed]"
        raise ValueError(f"{quoted(value)} {message}")
    text = text_value(value)
    if not NAME.fullmatch(text):
        raise ValueError(f"{quoted(text)} is neither a crontab nor the name of a calendar")
    return text


def holiday_values(value: object) -> tuple[str, ...]:
    return listed_values(value, _calendar)
