"""What the tables of all files declare: entries, `[defaults]`, and what each environment lays over them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from scheduler.entry_values import NAME
from scheduler.quoting import quoted
from scheduler.reading.schedule_source import Source
from scheduler.reading.toml_positions import Path
from scheduler.suggestion import did_you_mean

OF_ENVIRONMENT: Final = ("defaults", "schedules")


@dataclass(frozen=True, slots=True, eq=False)
class Declared:
    """A table, and the file that it stands in."""

    source: Source
    path: Path
    table: object

    @property
    def where(self) -> str:
        """`file:line`."""
        span = self.source.report.key(self.path)
        return f"{self.source.path}:{span.line}" if span else str(self.source.path)


class Declarations:
    """All files' tables, found by entry and by environment."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.entries: dict[str, Declared] = {}
        self._overlays: dict[str, dict[str, Declared]] = {}
        self.any_entry = False
        for source in sources:
            self._declare(self.entries, source, ())
            for env in _environments_of(source):
                overlays = self._overlays.setdefault(env, {})
                self._declare(overlays, source, ("env", env))

    @property
    def environments(self) -> tuple[str, ...]:
        """The environments that any file has tables for."""
        return tuple(self._overlays)

    def overlay(self, name: str, env: str | None) -> Declared | None:
        """What the environment lays over the entry."""
        return self._overlays[env].get(name) if env in self._overlays else None

    def of(self, name: str, env: str | None) -> list[Declared]:
        """The entry's own tables, what the environment lays over it first."""
        return [each for each in (self.overlay(name, env), self.entries.get(name)) if each is not None]

    def names(self, env: str | None) -> list[str]:
        """The entries that there are in the environment."""
        return list(dict.fromkeys([*self.entries, *(self._overlays.get(env, ()) if env is not None else ())]))

    def _declare(self, found: dict[str, Declared], source: Source, above: Path) -> None:
        tables = _inside(source.document, (*above, "schedules"))
        self.any_entry = self.any_entry or bool(tables)
        for name, table in _table(tables).items():
            declared = Declared(source, (*above, "schedules", name), table)
            first = found.setdefault(name, declared)
            if first is not declared:
                message = f"the entry {name!r} is declared in {first.where} as well; one of the two needs another name"
                report = source.report
                report.add(message, report.key(declared.path), code="duplicate", path=declared.path)


def defaults_of(source: Source, env: str | None) -> Iterator[Declared]:
    """The tables of defaults for entries of the file, the nearest first: those of the files that include it last."""
    nearest: Source | None = source
    while nearest is not None:
        for above in (("env", env), ()) if env else ((),):
            path: Path = (*above, "defaults")
            if isinstance(table := _inside(nearest.document, path), dict):
                yield Declared(nearest, path, table)
        nearest = nearest.parent


def check_environments(source: Source) -> None:
    """Report what stands in `[env]` and belongs there not."""
    environments = source.document.get("env", {})
    report = source.report
    if not isinstance(environments, dict):
        message = (
            "'env' is a table of environments; write [env.production.schedules.NAME] above an entry's keys"
        )
        report.add(message, report.key(("env",)), code="value", path=("env",))
        return
    for env, tables in environments.items():
        path: Path = ("env", env)
        if not NAME.fullmatch(env):
            message = f"the environment's name {quoted(env)} is not 1 to 100 letters, digits and _ . -"
            report.add(message, report.key(path), code="name", path=path)
        if not isinstance(tables, dict):
            message = (
                f"{env!r} is {quoted(tables)}, and an environment has the tables [env.{env}.schedules.NAME]"
            )
            report.add(message, report.key(path), code="value", path=path)
            continue
        for key, value in tables.items():
            here: Path = (*path, key)
            if key not in OF_ENVIRONMENT:
                hint = did_you_mean(key, OF_ENVIRONMENT) or f"; its entries are [env.{env}.schedules.NAME]"
                report.add(f"unknown key {key!r}{hint}", report.key(here), code="unknown-key", path=here)
            elif not isinstance(value, dict):
                message = f"{key!r} is a table; write [env.{env}.{key}] above its keys"
                report.add(message, report.key(here), code="value", path=here)


def _environments_of(source: Source) -> Iterator[str]:
    for env, tables in _table(source.document.get("env")).items():
        if isinstance(tables, dict):
            yield env


def _inside(document: Mapping[str, Any], path: Path) -> object:
    value: Any = document
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
