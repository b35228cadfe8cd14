"""Lints of a crontab's text: fields that are right and probably not what was meant. Pure."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from scheduler.cadences.crontab_fields import (
    ALIASES,
    MONTH,
    MONTH_DAY,
    checked_words,
    item_numbers,
    special_word,
)

_STEP: Final = re.compile(r"\*/([0-9]+)")
_UNITS: Final = (("second", 60, "minute"), ("minute", 60, "hour"), ("hour", 24, "day"))
_WITH_SECONDS: Final = 6
_LENGTHS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_NAMES: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Suspicion(NamedTuple):
    """The lint, what to think about, and the characters of the crontab that it is about."""

    lint: str
    message: str
    start: int
    end: int


def suspicions(expression: str) -> Iterator[Suspicion]:
    """What about a valid crontab, written with single spaces, its author may not expect."""
    if expression.lower() in ALIASES:
        return
    words = [(match.group(), match.start(), match.end()) for match in re.finditer(r"\S+", expression)]
    has_seconds = len(words) == _WITH_SECONDS
    minute, hour, day, _, weekday = (text for text, _, _ in words[-5:])
    if has_seconds and words[0][0] == "*" and minute != "*":
        message = "runs every second of its minutes; for once a minute write 0 first"
        yield Suspicion("every-second", message, *words[0][1:])
    if minute == "*" and not hour.startswith("*"):
        message = f"runs every minute of its hours; for once an hour write 0 {hour}"
        yield Suspicion("every-minute", message, *words[-5][1:])
    for (unit, size, whole), (text, start, end) in zip(
        _UNITS[0 if has_seconds else 1 :], words, strict=False
    ):
        if step := _STEP.fullmatch(text):
            yield from _of_step(int(step[1]), unit, size, whole, start, end)
    if not day.startswith("*") and not weekday.startswith("*"):
        message = "day of month and day of week are both given: it runs when either matches, as in cron"
        yield Suspicion("both-days", message, words[-3][1], words[-1][2])
    elif not day.startswith("*"):
        yield from _of_days(expression)


def _of_step(step: int, unit: str, size: int, whole: str, start: int, end: int) -> Iterator[Suspicion]:
    if step >= size:
        meant = f"every {step} {unit}s; an interval does that"
        yield Suspicion("step-too-large", f"*/{step} is once every {whole}, not {meant}", start, end)
    elif size % step:
        last = size - step * ((size - 1) // step)
        message = (
            f"*/{step} starts anew every {whole}, so its last step is {last} {unit}{'s' if last > 1 else ''}"
        )
        yield Suspicion("uneven-step", f"{message}; an interval is even", start, end)


def _of_days(expression: str) -> Iterator[Suspicion]:
    """A 29th to 31st written as a number, of months that lack it."""
    words = {word.field: word for word in checked_words(expression)}
    month, position = words[MONTH], words[MONTH_DAY].start
    months = sorted({n for item in month.text.split(",") for n in item_numbers(MONTH, item, "")})
    if "H" in month.text.upper():
        return
    for item in words[MONTH_DAY].text.split(","):
        if item.isdecimal() and special_word(MONTH_DAY, item) is None:
            lacking = [_NAMES[number - 1] for number in months if _LENGTHS[number - 1] < int(item)]
            if lacking:
                instead = "; L is the last day of each" if len(months) > 1 else ""
                but = " in most years" if item == "29" else ""
                message = f"{', '.join(lacking)} {'has' if len(lacking) == 1 else 'have'} no day {item}{but}{instead}"
                yield Suspicion("missing-days", message, position, position + len(item))
        position += len(item) + 1
