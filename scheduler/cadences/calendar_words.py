"""Months, days and numbers as people say them."""

from collections.abc import Sequence
from typing import Final

MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
DAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
NTH: Final = ("first", "second", "third", "fourth", "fifth")

_TEENS: Final = range(11, 14)


def joined(names: Sequence[str], word: str = "and") -> str:
    """As in a sentence: "Monday, Tuesday and Friday"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"


def ordinal(number: int) -> str:
    """A number of a row: "1st", "22nd", "13th"."""
    endings = {1: "st", 2: "nd", 3: "rd"}
    return f"{number}{'th' if number % 100 in _TEENS else endings.get(number % 10, 'th')}"


def from_end(number: int) -> str:
    """A number of a row, negative ones from its end: "3rd", "last", "2nd last"."""
    if number > 0:
        return NTH[number - 1] if number <= len(NTH) else ordinal(number)
    return "last" if number == -1 else f"{from_end(-number)} last"
