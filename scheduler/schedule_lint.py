"""Schedules that are right and probably not what was meant."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from scheduler.crontab_fields import ALIASES

_STEP: Final = re.compile(r"\*/([0-9]+)")
_UNITS: Final = (("second", 60, "minute"), ("minute", 60, "hour"), ("hour", 24, "day"))
_WITH_SECONDS: Final = 6


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
    has_seconds = len(words) == _WITH_SECONDS
    minute, hour, day, _, weekday = (text for text, _, _ in words[-5:])
    if has_seconds and words[0][0] == "*" and minute != "*":
        yield Warning_("runs every second of its minutes; for once a minute write 0 first", *words[0][1:])
    if minute == "*" and not hour.startswith("*"):
        yield Warning_(f"runs every minute of its hours; for once an hour write 0 {hour}", *words[-5][1:])
    for (unit, size, whole), (text, start, end) in zip(
        _UNITS[0 if has_seconds else 1 :], words, strict=False
    ):
        if step := _STEP.fullmatch(text):
            yield from _step_warnings(int(step[1]), unit, size, whole, start, end)
    if not day.startswith("*") and not weekday.startswith("*"):
        message = "day of month and day of week are both given: it runs when either matches, as in cron"
        yield Warning_(message, words[-3][1], words[-1][2])


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
