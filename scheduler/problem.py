"""One thing that is wrong in a file: where it stands, what it is, and how it is shown."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from scheduler.lints.lint import ALLOWABLE

Severity = Literal["error", "warning", "notice"]

_LONGEST_LINE = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong, at the `length` characters from `line`:`column` (both from 1) of `file`.

    `line` is None where the problem is with the file as a whole. `code` is one stable word for scripts.
    """

    file: str
    line: int | None = None
    column: int | None = None
    severity: Severity = "error"
    code: str
    message: str
    entry: str | None = None
    source_line: str | None = None
    length: int = 1

    @property
    def where(self) -> str:
        """`file:line:column`, as far as they are known."""
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)

    def headline(self) -> str:
        """The problem in one line."""
        label = "warning: " if self.severity == "warning" else ""
        return f"{self.where}: {label}{self.message}{self.lint}"

    @property
    def lint(self) -> str:
        """The name by which an entry allows it, as ` [no-timeout]`; nothing where that can't be."""
        return f" [{self.code}]" if self.code in ALLOWABLE else ""

    def excerpt(self) -> str | None:
        """The line of the file with carets below what the problem is about, or None without a line."""
        if self.line is None or self.source_line is None:
            return None
        shown, start = _window(self.source_line, self.column)
        number = f"{self.line:>5}"
        lines = [f"{number} | {_printable(shown)}"]
        if self.column is not None:
            before = shown[: self.column - 1 - start]
            marked = shown[self.column - 1 - start :][: max(1, self.length)]
            indent = "".join("\t" if character == "\t" else " " * _width(character) for character in before)
            lines.append(f"{' ' * len(number)} | {indent}{'^' * max(1, sum(map(_width, marked)))}")
        return "\n".join(line.rstrip() for line in lines)

    def text(self) -> str:
        """The headline, and the excerpt where there is one."""
        excerpt = self.excerpt()
        return self.headline() if excerpt is None else f"{self.headline()}\n{excerpt}"

    def to_json(self) -> dict[str, Any]:
        """The fields that `onbeat check --json` promises."""
        names = ("file", "line", "column", "severity", "code", "message", "entry")
        return {name: getattr(self, name) for name in names}


def errors_in(problems: Iterable[Problem]) -> list[Problem]:
    """Those that stop a beat."""
    return [problem for problem in problems if problem.severity == "error"]


def _window(line: str, column: int | None) -> tuple[str, int]:
    """So much of a very long line as fits on a screen around `column`, and how many characters come before
    it.
    """
    if len(line) <= _LONGEST_LINE or column is None:
        return line[:_LONGEST_LINE], 0
    start = max(0, min(column - 1 - _LONGEST_LINE // 2, len(line) - _LONGEST_LINE))
    return line[start : start + _LONGEST_LINE], start


def _printable(line: str) -> str:
    """`line` without what would move the cursor or colour the terminal."""
    return "".join(
        character if character == "\t" or character.isprintable() else "\ufffd" for character in line
    )


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
