"""The keys of an entry: what each may hold, and what is said of a value that it may not.

A check takes a key's value as tomllib gives it, and gives back the value that an Entry has. It raises
ValueError with what is wrong, without the key's name, or Misplaced to point at a part of the value.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from scheduler.cadences.crontab_fields import CrontabProblem, checked_words, has_hash
from scheduler.cadences.rule_text import RuleProblem, rule_text
from scheduler.cadences.solar_keys import degrees_up_to, solar_value, sun_event_value
from scheduler.cadences.sun import SUN_EVENTS
from scheduler.cadences.wall_clock import LAST_YEAR, zone_named
from scheduler.cadences.wall_steps import DST_FOLDS, DST_GAPS
from scheduler.cadences.wall_times import wall_times
from scheduler.durations import FINEST, parse_duration
from scheduler.entry_calendars import ON_HOLIDAY, is_crontab
from scheduler.lints.allowance import allowances
from scheduler.lints.misplaced import Misplaced, Several
from scheduler.message import HIGHEST_PRIORITY
from scheduler.quoting import quoted
from scheduler.rate import time_between
from scheduler.retry import retry_value
from scheduler.schedule import Interval, Moments
from scheduler.suggestion import did_you_mean

NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")

# Keys of INTERFACE.md's table that a later version does.
UNSUPPORTED_KEYS: Final = frozenset(
    {
        "alert", "ping",
    }
)  # fmt: skip

# What people write who come from elsewhere; difflib would not find these.
OTHER_NAMES: Final = {
    "calendar": "exclude",
    "calendars": "exclude",
    "skip": "exclude",
    "holiday": "holidays",
    "cron": "crontab",
    "schedule": "crontab",
    "every": "interval",
    "tz": "timezone",
    "zone": "timezone",
    "task": "job",
    "func": "job",
    "function": "job",
    "command": "job",
    "params": "kwargs",
    "arguments": "kwargs",
    "options": "kwargs",
    "retries": "retry",
    "max_retries": "retry",
    "max_attempts": "retry",
    "time_limit": "timeout",
    "soft_time_limit": "soft_timeout",
    "disabled": "enabled",
    "concurrency": "max_active",
}

QUEUE: Final = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}.*")
_YEARS: Final = range(1900, LAST_YEAR + 1)
_LONGEST_TEXT: Final = 4_000


def unknown_key(key: str, known: Mapping[str, Any], *, value: object = None) -> str:
    """What is said of a key that no entry has."""
    if key in OTHER_NAMES:
        return f"unknown key {key!r}; did you mean {OTHER_NAMES[key]!r}?"
    hint = did_you_mean(key, [*known, *UNSUPPORTED_KEYS])
    if not hint and isinstance(value, dict):
        hint = '; a name with a dot stands in quotes, as in [schedules."team.report"]'
    return f"unknown key {key!r}{hint}"


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{quoted(value)} is not a text in quotes")
    if len(value) > _LONGEST_TEXT:
        raise ValueError(f"is longer than {_LONGEST_TEXT} characters")
    return value


def _job(value: object) -> str:
    text = _text(value)
    if not text or any(character.isspace() for character in text):
        raise ValueError(f"{quoted(text)} is not the dotted name of a job, such as 'jobs.reports.nightly'")
    return text


def _crontab(value: object) -> tuple[str, ...]:
    """The crontabs of a list, or the only one; each may have 5 fields or 6 here."""
    if value == []:
        raise ValueError("the list is empty; write a crontab, or leave the key out")
    return _listed(value, _one_crontab)


def _listed(value: object, check: Callable[[object], str]) -> tuple[str, ...]:
    """The items of a list, or the only one, each once. Raises what `check` says, in its place."""
    if not isinstance(value, list):
        return (check(value),)
    checked, wrong = [], []
    for index, item in enumerate(value):
        try:
            checked.append(check(item))
        except CrontabProblem as problem:
            within = (str(item), problem.start, problem.end)
            wrong.append(Misplaced(str(problem), (index,), code="crontab", within=within))
        except ValueError as problem:
            wrong.append(Misplaced(str(problem), (index,)))
    if wrong:
        raise Several(wrong)
    return tuple(dict.fromkeys(checked))


def _one_crontab(value: object) -> str:
    text = _text(value)
    if has_hash(text):
        checked_words(text)  # whether it ever comes depends on the entry's name
    else:
        wall_times(text)
    return " ".join(text.split())


def _rrule(value: object) -> str:
    text = _text(value)
    try:
        rule_text(text)
    except RuleProblem as problem:
        raise Misplaced(str(problem), (), code="rrule", within=(text, problem.start, problem.end)) from None
    return text


def _exclude(value: object) -> tuple[str, ...]:
    """Crontabs and names of calendars."""
    return _listed(value, lambda item: _one_crontab(item) if _is_crontab(item) else _calendar(item))


def _is_crontab(item: object) -> bool:
    return isinstance(item, str) and is_crontab(item)


def _calendar(value: object) -> str:
    if isinstance(value, (date, datetime)) or (isinstance(value, str) and _DATE.fullmatch(value)):
        message = "is a date; dates stand in a calendar, such as [calendars.closed]"
        raise ValueError(f"{quoted(value)} {message}")
    text = _text(value)
    if not NAME.fullmatch(text):
        raise ValueError(f"{quoted(text)} is neither a crontab nor the name of a calendar")
    return text


def _holidays(value: object) -> tuple[str, ...]:
    return _listed(value, _calendar)


def _duration(value: object) -> timedelta:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f'{quoted(value)} is not a duration; write "90s", "1h30m", "2d" or "250ms"')
    return parse_duration(value)


def _positive(value: object) -> timedelta:
    duration = _duration(value)
    if duration < FINEST:
        raise ValueError(f"{quoted(value)} is no time at all; leave the key out for no limit")
    return duration


def _interval(value: object) -> timedelta:
    duration = _duration(value)
    if duration < FINEST:
        raise ValueError(f"{quoted(value)} never moves on; the shortest interval is 1ms")
    return Interval(duration).every


def _moment(value: object) -> datetime:
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


def _moments(value: object) -> tuple[datetime, ...]:
    if not isinstance(value, list):
        return Moments((_moment(value),)).moments
    if not value:
        raise ValueError("the list is empty; write a moment, or leave the key out")
    found, wrong = [], []
    for index, item in enumerate(value):
        try:
            found.append(_moment(item))
        except ValueError as problem:
            wrong.append(Misplaced(str(problem), (index,)))
    if wrong:
        raise Several(wrong)
    return Moments(tuple(found)).moments


def _timezone(value: object) -> str:
    return zone_named(_text(value)).key


def _args(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{quoted(value)} is not a list")
    return [_json(item, (index,)) for index, item in enumerate(value)]


def _kwargs(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f'{quoted(value)} is not a table, such as {{ region = "eu" }}')
    return {name: _json(item, (name,)) for name, item in value.items()}


def _json(value: object, path: tuple[str | int, ...]) -> Any:
    """`value` as JSON keeps it: dates become text, which annotated arguments are read from again."""
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        raise Misplaced(f"{value} can't be kept as JSON", path)
    if isinstance(value, dict):
        return {name: _json(item, (*path, name)) for name, item in value.items()}
    if isinstance(value, list):
        return [_json(item, (*path, index)) for index, item in enumerate(value)]
    return value


def _queue(value: object) -> str:
    text = _text(value)
    if not QUEUE.fullmatch(text):
        raise ValueError(f"{quoted(text)} can't name a queue; use letters, digits and _ . : -, at most 100")
    return text


def _solar(value: object) -> dict[str, Any]:
    """The values of a `solar` table, or of the event alone; the place may stand beside it."""
    if isinstance(value, str):
        return {"event": sun_event_value(value)}
    if not isinstance(value, dict):
        raise ValueError(f'{quoted(value)} is not "sunset" or the like, or a table')
    checked = _table(value, solar_value)
    if "event" not in checked:
        raise ValueError(f"has no event; there are {', '.join(SUN_EVENTS)}")
    return checked


def _names(value: object) -> tuple[str, ...]:
    """The names of other entries; that there are such, and no ring of them, is seen to with all entries at hand."""
    names = value if isinstance(value, list) else [value]
    if not names:
        raise ValueError("the list is empty; name an entry, or leave the key out")
    for index, name in enumerate(names):
        if not isinstance(name, str) or not NAME.fullmatch(name):
            path = (index,) if isinstance(value, list) else ()
            raise Misplaced(f"{quoted(name)} is not the name of an entry", path)
    return tuple(dict.fromkeys(names))


def _priority(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= HIGHEST_PRIORITY:
        raise ValueError(
            f"{quoted(value)} is not a whole number from 0 to {HIGHEST_PRIORITY}, which goes first"
        )
    return value


def _rate_limit(value: object) -> str:
    text = _text(value)
    time_between(text)
    return text


def _retry(value: object) -> dict[str, Any]:
    """The values of a `retry` table by its keys; it is merged with others before it is a policy."""
    if not isinstance(value, dict):
        raise ValueError(f"{quoted(value)} is not a table, such as {{ max_attempts = 3 }}")
    return _table(value, retry_value)


def _table(value: Mapping[str, object], check: Callable[[str, object], Any]) -> dict[str, Any]:
    checked, wrong = {}, []
    for key, item in value.items():
        try:
            checked[key] = check(key, item)
        except ValueError as problem:
            code = "unknown-key" if str(problem).startswith("unknown key") else "value"
            wrong.append(Misplaced(str(problem), (key,), code=code))
    if wrong:
        raise Several(wrong)
    return checked


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{quoted(value)} is not true or false")
    return value


def _choice(*choices: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        text = _text(value)
        if text not in choices:
            hint = did_you_mean(text, choices)
            raise ValueError(f"{quoted(text)} is not one of {', '.join(choices)}{hint}")
        return text

    return check


def _group(value: object) -> str:
    text = _text(value)
    if not NAME.fullmatch(text):
        raise ValueError(f"{quoted(text)} is no name: 1 to 100 letters, digits and _ . -")
    return text


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{quoted(value)} is not a whole number")
    if not 1 <= value <= 1_000_000:  # noqa: PLR2004 - beyond it is a mistake, and Lua counts no further exactly
        raise ValueError(f"{quoted(value)} is not between 1 and 1000000")
    return value


def _tags(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f'{quoted(value)} is not a list, such as ["nightly"]')
    for index, item in enumerate(value):
        if not isinstance(item, str):
            raise Misplaced(f"{quoted(item)} is not a text in quotes", (index,))
    return tuple(value)


CHECKS: Final[Mapping[str, Callable[[object], Any]]] = {
    "job": _job,
    "crontab": _crontab,
    "seconds": _switch,
    "interval": _interval,
    "rrule": _rrule,
    "at": _moments,
    "solar": _solar,
    "after": _names,
    "after_failed": _names,
    "latitude": degrees_up_to(90),
    "longitude": degrees_up_to(180),
    "jitter": _positive,
    "anchor": _moment,
    "dst_gap": _choice(*DST_GAPS),
    "dst_fold": _choice(*DST_FOLDS),
    "starts_at": _moment,
    "ends_at": _moment,
    "timezone": _timezone,
    "exclude": _exclude,
    "on_holiday": _choice(*ON_HOLIDAY),
    "holidays": _holidays,
    "args": _args,
    "kwargs": _kwargs,
    "queue": _queue,
    "priority": _priority,
    "rate_limit": _rate_limit,
    "timeout": _positive,
    "soft_timeout": _positive,
    "retry": _retry,
    "enabled": _switch,
    "overlap": _choice("skip", "queue", "allow", "replace"),
    "max_active": _count,
    "group": _group,
    "catchup": _choice("none", "latest", "all"),
    "catchup_window": _positive,
    "catchup_spread": _positive,
    "start_deadline": _positive,
    "max_runs": _count,
    "description": _text,
    "owner": _text,
    "tags": _tags,
    "runbook": _text,
    "keep_runs": _count,
    "keep_for": _positive,
    "allow": allowances,
}
