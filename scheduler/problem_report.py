"""Collects the problems of one file, with the line that each stands in."""

from scheduler.problem import Problem, Severity
from scheduler.toml_positions import Path, Span, TomlPositions


class Report:
    """The problems found so far in one file."""

    def __init__(self, file: str, positions: TomlPositions) -> None:
        self.file = file
        self.positions = positions
        self._problems: list[Problem] = []
        self._wrong: set[Path] = set()

    def add(
        self, message: str, span: Span | None, *, code: str, severity: Severity = "error", path: Path = ()
    ) -> None:
        """Note a problem at `span`, or with the whole file; `path` is the key that can't be used because of
        it.
        """
        if severity == "error":
            self._wrong |= {path[:length] for length in range(1, len(path) + 1)}
        self._problems.append(
            Problem(
                file=self.file,
                line=span.line if span else None,
                column=span.column if span else None,
                severity=severity,
                code=code,
                message=message,
                entry=str(path[1]) if len(path) > 1 and path[0] == "schedules" else None,
                source_line=self.positions.source_line(span.line) if span else None,
                length=span.length if span else 1,
            )
        )

    def is_wrong(self, path: Path) -> bool:
        """Whether an error was found at `path` or within it."""
        return path in self._wrong

    def key(self, path: Path) -> Span | None:
        """Where the key at `path` stands."""
        return self.positions.key(path)

    def value(self, path: Path) -> Span | None:
        """Where the value at `path` stands."""
        return self.positions.value(path)

    def in_order(self) -> tuple[Problem, ...]:
        """The problems by line and column; those of the whole file first."""
        return tuple(sorted(self._problems, key=lambda problem: (problem.line or 0, problem.column or 0)))
