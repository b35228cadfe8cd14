"""Schedules that are right and probably not what was meant."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from scheduler.crontab_fields import ALIASES

_STEP: Final = re.compile(r"\*/([0-9]+)")
_A_FIELD: Final = {0: ("minute", 60, "hour"), 1: ("hour", 24, "day")}


class Warning_(NamedTuple):  # noqa: N801 - Warning is Python's
    """What to think about, and the characters of the crontab that it is about."""

    message: str
    start: int
    end: int


def crontab_warnings(expression: str) -> Iterator[Warning_]:
    """What about a valid crontab, written with single spaces, its author may not expect."""
    if expression.lower() in ALIASES:
        return
    words = [(match.group(), match.start(), match.end()) for match in re.finditer(r"\S+", expression)]
    minute, hour, day, _, weekday = (text for text, _, _ in words)
    if minute == "*" and not hour.startswith("*"):
        yield Warning_(f"runs every minute of its hours; for once an hour write 0 {hour}", *words[0][1:])
    for index, (unit, size, whole) in _A_FIELD.items():
        text, start, end = words[index]
        if step := _STEP.fullmatch(text):
            yield from _step_warnings(int(step[1]), unit, size, whole, start, end)
    if not day.startswith("*") and not weekday.startswith("*"):
        message = "day of month and day of week are both given: it runs when either matches, as in cron"
        yield Warning_(message, words[2][1], words[4][2])


def _step_warnings(step: int, unit: str, size: int, whole: str, start: int, end: int) -> Iterator[Warning_]:
    if step >= size:
        meant = f"every {step} {unit}s; an interval does that"
        yield Warning_(f"*/{step} is once every {whole}, not {meant}", start, end)
    elif size % step:
        last = size - step * ((size - 1) // step)
        message = (
            f"*/{step} starts anew every {whole}, so its last step is {last} {unit}{'s' if last > 1 else ''}"
        )
        yield Warning_(f"{message}; an interval is even", start, end)
