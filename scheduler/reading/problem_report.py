"""Collects the problems of one file, with the line that each stands in."""

from dataclasses import replace

from scheduler.problem import Problem, Severity
from scheduler.quoting import LONGEST
from scheduler.reading.toml_positions import Path, Span, TomlPositions
from scheduler.secrecy import hidden


class Report:
    """The problems found so far in one file."""

    def __init__(self, file: str, positions: TomlPositions) -> None:
        self.file = file
        self.positions = positions
        self._problems: dict[tuple[int | None, int | None, str, str], Problem] = {}
        self._wrong: set[Path] = set()
        self.secrets: set[str] = set()

    def add(
        self,
        message: str,
        span: Span | None,
        *,
        code: str,
        severity: Severity = "error",
        path: Path = (),
        entry: str | None = None,
    ) -> None:
        """Note a problem at `span`, or with the whole file; `path` is the key that can't be used because of
        it, and `entry` whose problem it is where the path does not tell.
        """
        if severity == "error":
            self.mark(path)
        self.note(
            Problem(
                file=self.file,
                line=span.line if span else None,
                column=span.column if span else None,
                severity=severity,
                code=code,
                message=message,
                entry=entry or _entry_of(path),
                source_line=self.positions.source_line(span.line) if span else None,
                length=span.length if span else 1,
            )
        )

    def note(self, problem: Problem) -> None:
        """Note a problem once, however many entries or environments have it. No message shows one of the secrets."""
        if self.secrets:
            # A message shows the beginning of a long value.
            shown = {form for value in self.secrets for form in (value, value[: LONGEST - 1])}
            problem = replace(problem, message=hidden(problem.message, shown))
        self._problems.setdefault((problem.line, problem.column, problem.code, problem.message), problem)

    def pop_unplaced(self) -> Problem | None:
        """The problem with the file as a whole, taken out of the report; None where there is none."""
        key = next((key for key in self._problems if key[0] is None), None)
        return None if key is None else self._problems.pop(key)

    def has(self, message: str, span: Span | None, *, code: str) -> bool:
        """Whether the problem was noted already."""
        place = (span.line, span.column) if span else (None, None)
        return (*place, code, message) in self._problems

    def mark(self, path: Path) -> None:
        """The key at `path` can't be used."""
        self._wrong |= {path[:length] for length in range(len(path) + 1)}

    @property
    def any_wrong(self) -> bool:
        """Whether anything of the file can't be used."""
        return bool(self._wrong)

    def is_wrong(self, path: Path) -> bool:
        """Whether an error was found at `path` or within it; at () anywhere in the file."""
        return path in self._wrong

    def count(self) -> int:
        """How many problems were found so far."""
        return len(self._problems)

    def key(self, path: Path) -> Span | None:
        """Where the key at `path` stands."""
        return self.positions.key(path)

    def value(self, path: Path) -> Span | None:
        """Where the value at `path` stands."""
        return self.positions.value(path)

    def in_order(self) -> tuple[Problem, ...]:
        """The problems by line and column; those of the whole file first."""
        return tuple(
            sorted(self._problems.values(), key=lambda problem: (problem.line or 0, problem.column or 0))
        )


def _entry_of(path: Path) -> str | None:
    """The name of the entry that `path` is part of, in an environment's tables too."""
    within = path[2:] if path[:1] == ("env",) else path
    return str(within[1]) if len(within) > 1 and within[0] == "schedules" else None
