"""The lines of an iCalendar file (RFC 5545): whether they fit together, and where its events begin. Pure.

The library that reads the events drops what has no end without a word; a holiday must not get lost so.
"""

import re
from typing import Final

_NAME: Final = re.compile(r"[A-Za-z0-9-]+[:;]")
_NEWLINE: Final = re.compile(r"\r?\n")
_DEEPEST: Final = 20
_SHOWN: Final = 60


class IcsProblem(ValueError):
    """What is wrong with an iCalendar file, and in which of its lines; None where it is no single one."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


def event_lines(text: str) -> list[int]:
    """The numbers of the lines in which events begin, from 1. Raises IcsProblem where `text` is no whole calendar."""
    parts = _Parts()
    for number, line in enumerate(_NEWLINE.split(text), start=1):
        if line.strip() and line[0] not in " \t":  # else it is the rest of the line before
            parts.read(number, line)
    return parts.ended()


class _Parts:
    """The parts that are open, the innermost last, with the lines in which they begin."""

    def __init__(self) -> None:
        self._open: list[tuple[str, int]] = []
        self._any = False
        self._events: list[int] = []

    def read(self, number: int, line: str) -> None:
        if not _NAME.match(line):
            raise IcsProblem(_no_line(line, first=not self._any), number)
        name, _, value = line.partition(":")
        part = value.strip().upper()
        if name.upper() == "BEGIN":
            self._begin(part, number)
        elif not self._open:
            raise IcsProblem(f"{name[:_SHOWN]} stands outside of any VCALENDAR", number)
        elif name.upper() == "END":
            self._end(part, number)

    def ended(self) -> list[int]:
        if self._open:
            name, begins = self._open[-1]
            raise IcsProblem(f"the file ends within the {name} that begins here; is it whole?", begins)
        if not self._any:
            raise IcsProblem("is empty: an iCalendar file begins with BEGIN:VCALENDAR")
        return self._events

    def _begin(self, part: str, number: int) -> None:
        if not self._open and part != "VCALENDAR":
            raise IcsProblem(f"{part[:_SHOWN]} stands outside of any VCALENDAR", number)
        if len(self._open) >= _DEEPEST:
            raise IcsProblem("is nested too deeply", number)
        self._open.append((part, number))
        self._any = True
        if part == "VEVENT":
            self._events.append(number)

    def _end(self, part: str, number: int) -> None:
        name, begins = self._open[-1]
        if name != part:
            raise IcsProblem(
                f"END:{part[:_SHOWN]} while the {name[:_SHOWN]} of line {begins} is open", number
            )
        self._open.pop()


def _no_line(line: str, *, first: bool) -> str:
    shown = repr(line[:_SHOWN] + ("…" if len(line) > _SHOWN else ""))
    if first:
        return f"is no iCalendar file: that begins with BEGIN:VCALENDAR, this one with {shown}"
    return f"{shown} is no line of an iCalendar file, such as SUMMARY:Holiday"
