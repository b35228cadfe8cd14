"""The tables that an entry's values come from, the nearer one winning: its own, an environment's, `[defaults]`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from scheduler.entry_schedule import KINDS, OF_KIND
from scheduler.problem import Severity
from scheduler.reading.problem_report import Report
from scheduler.reading.toml_positions import Path, Span

MERGED: Final = ("retry", "kwargs", "allow")


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One table: as it is written, and what of it its keys may hold."""

    report: Report
    path: Path
    table: Mapping[str, Any]
    values: Mapping[str, Any]

    def has(self, keys: Path) -> bool:
        """Whether the table itself sets the key, or the key within a key."""
        value: Any = self.table
        for key in keys:
            if not isinstance(value, dict) or key not in value:
                return isinstance(value, list) and isinstance(key, int) and key < len(value)
            value = value[key]
        return True


@dataclass(frozen=True, slots=True)
class Place:
    """A key in one of the files."""

    report: Report
    path: Path

    @property
    def key(self) -> Span | None:
        """Where the key stands."""
        return self.report.key(self.path)

    @property
    def value(self) -> Span | None:
        """Where its value stands."""
        return self.report.value(self.path)


class Layers:
    """One entry's tables in one environment: `own` ones and `defaults`, each the nearest first.

    The tables `retry`, `kwargs` and `allow` are merged key by key; all else is replaced. A nearer `crontab`,
    `interval` or another kind of schedule replaces whichever kind is there.
    """

    def __init__(
        self, name: str, own: tuple[Layer, ...], defaults: tuple[Layer, ...], env: str | None = None
    ) -> None:
        self.name = name
        self.own = own
        self.all = (*own, *defaults)
        self.env = env
        self.values = merged(self.all)
        self.failed = False

    @property
    def given(self) -> frozenset[str]:
        """The keys that stand in the entry itself."""
        return frozenset(key for layer in self.own for key in layer.values)

    def is_wrong(self, *keys: str) -> bool:
        """Whether an error was found in what any table says of one of the keys."""
        marked = [layer for layer in self.all if layer.report.any_wrong]
        return any(layer.report.is_wrong((*layer.path, key)) for layer in marked for key in keys)

    @property
    def usable(self) -> bool:
        """Whether no error was found in any of the tables, nor in what they make together."""
        return not (self.failed or any(layer.report.is_wrong(layer.path) for layer in self.all))

    def place(self, *keys: str | int) -> Place:
        """Where the nearest table that has it sets the key, or the key within a key; else where it would stand."""
        layer = next((layer for layer in self.all if layer.has(keys)), self.own[0])
        return Place(layer.report, (*layer.path, *keys))

    def has(self, *keys: str | int) -> bool:
        """Whether a table sets the key, or the key within a key."""
        return any(layer.has(keys) for layer in self.all)

    def add(
        self,
        message: str,
        place: Place,
        span: Span | None,
        *,
        code: str,
        severity: Severity = "error",
        mark: bool = False,
    ) -> None:
        """Note a problem of this entry at `span`, with its environment's name where the place does not tell it.

        `mark`: the key at `place` is wrong for whatever else has it, too.
        """
        self.failed = self.failed or severity == "error"
        if mark:
            place.report.mark(place.path)
        if self.env is not None and place.path[0] != "env":
            if place.report.has(message, span, code=code):  # without the environment it is the same
                return
            message = f"{message} (in the environment {self.env})"
        place.report.add(message, span, code=code, severity=severity, entry=self.name)


def merged(nearest_first: tuple[Layer, ...]) -> dict[str, Any]:
    """The values of the tables, the nearer ones over the others."""
    values: dict[str, Any] = {}
    for layer in reversed(nearest_first):
        if any(kind in layer.values for kind in KINDS):
            for key in _of_another_kind(layer.values):
                values.pop(key, None)
        for key, value in layer.values.items():
            values[key] = {**values[key], **value} if key in MERGED and key in values else value
    return values


def _of_another_kind(nearer: Mapping[str, Any]) -> Iterator[str]:
    yield from KINDS
    yield from (key for key, (kinds, _) in OF_KIND.items() if not any(kind in nearer for kind in kinds))
