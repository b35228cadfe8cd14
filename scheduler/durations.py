"""Durations as people write them: `"90s"`, `"1h30m"`, `"2d"`, `"250ms"`, or a number of seconds."""

import math
import re
from datetime import timedelta
from fractions import Fraction
from typing import Final

from scheduler.quoting import quoted

EXAMPLES: Final = '"90s", "1h30m", "2d" or "250ms"'
LONGEST: Final = timedelta(days=36_500)
FINEST: Final = timedelta(milliseconds=1)

_MILLISECONDS: Final = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_LONG_NAMES: Final = {
    "week": "w", "day": "d", "hour": "h", "hr": "h", "minute": "m", "min": "m", "second": "s", "sec": "s",
    "millisecond": "ms", "msec": "ms",
}  # fmt: skip
_PART: Final = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[^\W\d_]*)\s*", re.ASCII)
_LONGEST_TEXT: Final = 64


def parse_duration(value: str | float) -> timedelta:
    """The length that `value` says; exact to the millisecond.

    Text is a row of numbers with the units w, d, h, m, s, ms, each at most once and the largest first; a
    number alone, as text or not, is seconds. Raises ValueError, with a message for the one who wrote it, for
    anything else, for what is finer than a millisecond and for what is longer than a century.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f"{quoted(value)} is not a duration; write {EXAMPLES}")
    if isinstance(value, str):
        return _duration(_milliseconds(value.strip()), quoted(value))
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a duration; write {EXAMPLES}")
    # repr is what was typed: 0.1 is 100 ms, not 100.00000000000000555 ms.
    return _duration(Fraction(repr(value)) * 1_000, str(value))


def format_duration(duration: timedelta) -> str:
    """`duration` in the form that `parse_duration` reads, the shortest: "1h30m", "250ms", "0s"."""
    if duration < timedelta(0):
        return "-" + format_duration(-duration)
    left, finer = divmod(duration, FINEST)
    left += bool(finer)  # a rest of microseconds counts as a millisecond: a wait is never shown as none
    parts = []
    for unit in ("d", "h", "m", "s", "ms"):
        count, left = divmod(left, _MILLISECONDS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _milliseconds(text: str) -> Fraction:
    if not text:
        raise ValueError(f"a duration is empty; write {EXAMPLES}")
    shown = quoted(text)
    if text.startswith("-"):
        raise ValueError(f"{shown} is negative; a duration is not")
    if len(text) > _LONGEST_TEXT:
        raise ValueError(f"{shown} is not a duration; write {EXAMPLES}")
    if re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII):
        return Fraction(text) * 1_000
    total = Fraction(0)
    position, smallest = 0, math.inf
    while position < len(text):
        if (part := _PART.match(text, position)) is None:
            raise ValueError(f"{shown} is not a duration; write {EXAMPLES}")
        size = _MILLISECONDS[_unit(part["unit"], part["number"], shown)]
        if size >= smallest:
            raise ValueError(
                f"{shown} is not a duration: each unit stands once, the largest first, as in 1h30m"
            )
        total += Fraction(part["number"]) * size
        position, smallest = part.end(), size
    return total


def _unit(written: str, number: str, shown: str) -> str:
    if written in _MILLISECONDS:
        return written
    if not written:
        raise ValueError(f"{shown} is not a duration: {number} has no unit; the units are w d h m s ms")
    word = written.lower()
    known = _LONG_NAMES.get(word.removesuffix("s")) or (word if word in _MILLISECONDS else None)
    instead = f"write {number}{known}" if known else "the units are w d h m s ms"
    raise ValueError(f"{shown} is not a duration: {written!r} is not a unit; {instead}")


def _duration(milliseconds: Fraction, shown: str) -> timedelta:
    if milliseconds < 0:
        raise ValueError(f"{shown} is negative; a duration is not")
    if milliseconds.denominator != 1:
        raise ValueError(f"{shown} is finer than a millisecond")
    if milliseconds > LONGEST // FINEST:
        raise ValueError(f"{shown} is longer than a century; the longest duration is {LONGEST.days}d")
    return timedelta(milliseconds=int(milliseconds))
