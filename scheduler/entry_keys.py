"""The keys of an entry: what each may hold, and what is said of a value that it may not.

A check takes a key's value as tomllib gives it, and gives back the value that an Entry has. It raises
ValueError with what is wrong, without the key's name, or Misplaced to point at a part of the value.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from scheduler.cadences.solar_keys import degrees_up_to
from scheduler.cadences.wall_steps import DST_FOLDS, DST_GAPS
from scheduler.entry_calendars import ON_HOLIDAY
from scheduler.entry_times import (
    crontab_values,
    exclude_values,
    holiday_values,
    interval_value,
    moment_value,
    moment_values,
    rrule_value,
    solar_values,
    timezone_value,
)
from scheduler.entry_values import (
    NAME,
    choice_of,
    count_value,
    json_value,
    positive_value,
    switch_value,
    table_values,
    text_value,
)
from scheduler.lints.allowance import allowances
from scheduler.lints.misplaced import Misplaced
from scheduler.message import HIGHEST_PRIORITY
from scheduler.quoting import quoted
from scheduler.rate import time_between
from scheduler.retry import retry_value
from scheduler.suggestion import did_you_mean

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


def unknown_key(key: str, known: Mapping[str, Any], *, value: object = None) -> str:
    """What is said of a key that no entry has."""
    if key in OTHER_NAMES:
        return f"unknown key {key!r}; did you mean {OTHER_NAMES[key]!r}?"
    hint = did_you_mean(key, [*known, *UNSUPPORTED_KEYS])
    if not hint and isinstance(value, dict):
        hint = '; a name with a dot stands in quotes, as in [schedules."team.report"]'
    return f"unknown key {key!r}{hint}"


def _job(value: object) -> str:
    text = text_value(value)
    if not text or any(character.isspace() for character in text):
        raise ValueError(f"{quoted(text)} is not the dotted name of a job, such as 'jobs.reports.nightly'")
    return text


def _args(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{quoted(value)} is not a list")
    return [json_value(item, (index,)) for index, item in enumerate(value)]


def _kwargs(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f'{quoted(value)} is not a table, such as {{ region = "eu" }}')
    return {name: json_value(item, (name,)) for name, item in value.items()}


def _queue(value: object) -> str:
    text = text_value(value)
    if not QUEUE.fullmatch(text):
        raise ValueError(f"{quoted(text)} can't name a queue; use letters, digits and _ . : -, at most 100")
    return text


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
    text = text_value(value)
    time_between(text)
    return text


def _retry(value: object) -> dict[str, Any]:
    """The values of a `retry` table by its keys; it is merged with others before it is a policy."""
    if not isinstance(value, dict):
        raise ValueError(f"{quoted(value)} is not a table, such as {{ max_attempts = 3 }}")
    return table_values(value, retry_value)


def _group(value: object) -> str:
    text = text_value(value)
    if not NAME.fullmatch(text):
        raise ValueError(f"{quoted(text)} is no name: 1 to 100 letters, digits and _ . -")
    return text


def _tags(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f'{quoted(value)} is not a list, such as ["nightly"]')
    for index, item in enumerate(value):
        if not isinstance(item, str):
            raise Misplaced(f"{quoted(item)} is not a text in quotes", (index,))
    return tuple(value)


CHECKS: Final[Mapping[str, Callable[[object], Any]]] = {
    "job": _job,
    "crontab": crontab_values,
    "seconds": switch_value,
    "interval": interval_value,
    "rrule": rrule_value,
    "at": moment_values,
    "solar": solar_values,
    "after": _names,
    "after_failed": _names,
    "latitude": degrees_up_to(90),
    "longitude": degrees_up_to(180),
    "jitter": positive_value,
    "anchor": moment_value,
    "dst_gap": choice_of(*DST_GAPS),
    "dst_fold": choice_of(*DST_FOLDS),
    "starts_at": moment_value,
    "ends_at": moment_value,
    "timezone": timezone_value,
    "exclude": exclude_values,
    "on_holiday": choice_of(*ON_HOLIDAY),
    "holidays": holiday_values,
    "args": _args,
    "kwargs": _kwargs,
    "queue": _queue,
    "priority": _priority,
    "rate_limit": _rate_limit,
    "timeout": positive_value,
    "soft_timeout": positive_value,
    "retry": _retry,
    "enabled": switch_value,
    "overlap": choice_of("skip", "queue", "allow", "replace"),
    "max_active": count_value,
    "group": _group,
    "catchup": choice_of("none", "latest", "all"),
    "catchup_window": positive_value,
    "catchup_spread": positive_value,
    "start_deadline": positive_value,
    "max_runs": count_value,
    "description": text_value,
    "owner": text_value,
    "tags": _tags,
    "runbook": text_value,
    "keep_runs": count_value,
    "keep_for": positive_value,
    "allow": allowances,
}
