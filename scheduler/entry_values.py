"""What a value of an entry must be, whichever its key: text, a count, a duration, a choice, a list, a table.

Each check takes a value as tomllib gives it and gives back what an Entry has. It raises ValueError with what is wrong,
or Misplaced to point at a part of the value.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from scheduler.cadences.crontab_fields import CrontabProblem
from scheduler.durations import FINEST, parse_duration
from scheduler.lints.misplaced import Misplaced, Several
from scheduler.quoting import quoted
from scheduler.suggestion import did_you_mean

NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")  # of an entry, a calendar, an environment

_LONGEST_TEXT: Final = 4_000


def text_value(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{quoted(value)} is not a text in quotes")
    if len(value) > _LONGEST_TEXT:
        raise ValueError(f"is longer than {_LONGEST_TEXT} characters")
    return value


def switch_value(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{quoted(value)} is not true or false")
    return value


def choice_of(*choices: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        text = text_value(value)
        if text not in choices:
            hint = did_you_mean(text, choices)
            raise ValueError(f"{quoted(text)} is not one of {', '.join(choices)}{hint}")
        return text

    return check


def count_value(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{quoted(value)} is not a whole number")
    if not 1 <= value <= 1_000_000:  # noqa: PLR2004 - beyond it is a mistake, and Lua counts no further exactly
        raise ValueError(f"{quoted(value)} is not between 1 and 1000000")
    return value


def duration_value(value: object) -> timedelta:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f'{quoted(value)} is not a duration; write "90s", "1h30m", "2d" or "250ms"')
    return parse_duration(value)


def positive_value(value: object) -> timedelta:
    duration = duration_value(value)
    if duration < FINEST:
        raise ValueError(f"{quoted(value)} is no time at all; leave the key out for no limit")
    return duration


def listed_values(value: object, check: Callable[[object], str]) -> tuple[str, ...]:
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


def table_values(value: Mapping[str, object], check: Callable[[str, object], Any]) -> dict[str, Any]:
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


def json_value(value: object, path: tuple[str | int, ...]) -> Any:
    """`value` as JSON keeps it: dates become text, which annotated arguments are read from again."""
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        raise Misplaced(f"{value} can't be kept as JSON", path)
    if isinstance(value, dict):
        return {name: json_value(item, (*path, name)) for name, item in value.items()}
    if isinstance(value, list):
        return [json_value(item, (*path, index)) for index, item in enumerate(value)]
    return value
