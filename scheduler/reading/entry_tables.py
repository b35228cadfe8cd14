"""From the tables of all files to entries, in one environment: the tables of each put together and checked."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import timedelta
from typing import Any, Final, NamedTuple

from scheduler.cadences.crontab_fields import CrontabProblem
from scheduler.cadences.rule_text import RuleProblem
from scheduler.durations import format_duration
from scheduler.entry import Entry
from scheduler.entry_calendars import OF_CALENDARS
from scheduler.entry_chain import broken_chains
from scheduler.entry_keys import CHECKS
from scheduler.entry_schedule import OF_SCHEDULE, conflicts, schedule_of
from scheduler.entry_values import NAME
from scheduler.job import JobDeclaration
from scheduler.job_arguments import argument_problems
from scheduler.job_catalogue import JobCatalogue
from scheduler.quoting import quoted
from scheduler.reading.calendar_use import CalendarUse
from scheduler.reading.declarations import Declarations, Declared, defaults_of
from scheduler.reading.entry_checks import Checker
from scheduler.reading.entry_layers import Layer, Layers, Place, merged
from scheduler.reading.entry_lints import EntryLints
from scheduler.reading.entry_memory import EntryMemory
from scheduler.reading.entry_pattern import ARGUMENTS, Pattern
from scheduler.reading.schedule_source import Source
from scheduler.reading.toml_positions import Path
from scheduler.retry import RetryPolicy, retry_fields, retry_problem
from scheduler.schedule import Schedule
from scheduler.suggestion import did_you_mean

_ALONE: Final = frozenset({*OF_CALENDARS, "allow"})  # an entry with one of these is made by itself
_RETRY_FIELDS: Final = tuple(field.name for field in fields(RetryPolicy))


class _Scope(NamedTuple):
    """What `[defaults]` say to the entries of a file: as text, and as values."""

    text: str
    values: Mapping[str, Any]


class _Made(NamedTuple):
    """An entry, and the values of all its tables."""

    entry: Entry
    values: Mapping[str, Any]


class Tables:
    """All files' tables on their way to entries; what is wrong with them goes to the files' reports."""

    def __init__(
        self,
        declarations: Declarations,
        catalogue: JobCatalogue | None,
        calendars: CalendarUse,
        memory: EntryMemory,
        lints: EntryLints,
    ) -> None:
        self._declarations = declarations
        self._memory = memory
        self._catalogue = catalogue
        self._calendars = calendars
        self._lints = lints
        self._checker = Checker()
        self._layers: dict[tuple[Source, Path], Layer | None] = {}
        self._defaults: dict[tuple[Source, str | None], tuple[Layer, ...]] = {}
        self._scopes: dict[tuple[Source, str | None], _Scope | None] = {}

    def entries(self, sources: Sequence[Source], env: str | None) -> dict[str, Entry]:
        """The entries of the environment without an error, by name."""
        self._check_defaults(sources, env)
        found = {name: self._remembered(name, env) for name in self._declarations.names(env)}
        entries = {name: entry for name, entry in found.items() if entry is not None}
        for name in self._check_chains(entries, env):
            del entries[name]
        self._lints.look_at_all(entries.values(), lambda name: self._layers_of(name, env))
        return entries

    def _check_chains(self, entries: Mapping[str, Entry], env: str | None) -> set[str]:
        """Report entries that follow on none that there is, or on each other; their names."""
        wrong = set()
        for broken in broken_chains(entries, dict.fromkeys(self._declarations.names(env))):
            wrong.add(broken.entry)
            for declared in reversed(self._declarations.of(broken.entry, env)):
                value = declared.table.get(broken.key) if isinstance(declared.table, dict) else None
                if value is None:
                    continue
                path = (*declared.path, broken.key)
                place = (*path, value.index(broken.name)) if isinstance(value, list) else path
                report = declared.source.report
                report.add(f"{broken.key}: {broken.message}", report.value(place), code="after", path=place)
                break
        return wrong

    def check(self, sources: Sequence[Source], env: str | None) -> None:
        """Report what is wrong in the environment, with the entries that differ there; with None, in all."""
        self._check_defaults(sources, env)
        for name in self._declarations.names(env):
            if env is None or self._differs(name, env):
                self._entry(name, env)

    def look_at_allowances(self) -> None:
        """Report what the tables allow that no entry needs, once all environments were looked at."""
        self._lints.look_at_allowances(layer for layer in self._layers.values() if layer is not None)

    def _check_defaults(self, sources: Sequence[Source], env: str | None) -> None:
        for source in sources:
            self._defaults_for(source, env)

    def _defaults_for(self, source: Source, env: str | None) -> tuple[Layer, ...]:
        if (source, env) not in self._defaults:
            layers = [self._layer(declared) for declared in defaults_of(source, env)]
            self._defaults[source, env] = tuple(layer for layer in layers if layer is not None)
        return self._defaults[source, env]

    def _differs(self, name: str, env: str) -> bool:
        """Whether the environment has anything to say of the entry."""
        declared = self._declarations.entries.get(name)
        return (
            declared is None
            or self._declarations.overlay(name, env) is not None
            or self._defaults_for(declared.source, env) != self._defaults_for(declared.source, None)
        )

    def _remembered(self, name: str, env: str | None) -> Entry | None:
        """The entry as it was made last time or as others like it were, where its tables say the same; or made now."""
        declared = self._declarations.of(name, env)
        scope = self._scope(declared[-1].source, env)
        tables = [each.table for each in declared if isinstance(each.table, dict)]
        if scope is None or len(tables) < len(declared) or not all(map(_ALONE.isdisjoint, tables)):
            return self._entry(name, env)
        said = (
            f"{[{key: table[key] for key in table if key not in ARGUMENTS} for table in tables]} {scope.text}"
        )
        arguments = str([{key: table[key] for key in ARGUMENTS if key in table} for table in tables])
        pattern = self._memory.pattern(said)
        if pattern is None:
            return self._first_of_pattern(name, env, said, arguments)
        if any(each.source.report.is_wrong(each.path) for each in declared) or (
            pattern.scheduled is not None and self._lints.look_ahead
        ):
            return self._entry(name, env)
        entry = self._memory.made(name, pattern, arguments)
        if entry is None:
            entry = pattern.entry(name, tables, scope.values, self._catalogue)
        if entry is None:
            return self._entry(name, env)
        self._memory.keep(entry, pattern, arguments)
        return entry

    def _first_of_pattern(self, name: str, env: str | None, said: str, arguments: str) -> Entry | None:
        declared = self._declarations.of(name, env)
        defaults = self._defaults_for(declared[-1].source, env)
        reports = {each.source.report for each in declared} | {layer.report for layer in defaults}
        before = sum(report.count() for report in reports)
        made = self._made(name, env)
        if made is None:
            return None
        if sum(report.count() for report in reports) == before:
            pattern = Pattern.of(made.entry, said, made.values)
            self._memory.keep_pattern(pattern)
            self._memory.keep(made.entry, pattern, arguments)
        return made.entry

    def _scope(self, source: Source, env: str | None) -> _Scope | None:
        """What `[defaults]` say to entries of the file; None where it depends on more than that."""
        if (source, env) not in self._scopes:
            defaults = self._defaults_for(source, env)
            tables = [layer.table for layer in defaults]
            elsewhere = any(key in table for table in tables for key in OF_CALENDARS)
            self._scopes[source, env] = None if elsewhere else _Scope(repr(tables), merged(defaults))
        return self._scopes[source, env]

    def _layers_of(self, name: str, env: str | None) -> Layers | None:
        """The tables of the entry, each checked; None where one is none."""
        declared = self._declarations.of(name, env)
        own = [layer for each in declared if (layer := self._layer(each, name)) is not None]
        if len(own) < len(declared):
            return None
        told = env if env is not None and self._differs(name, env) else None
        return Layers(name, tuple(own), self._defaults_for(declared[-1].source, env), told)

    def _entry(self, name: str, env: str | None) -> Entry | None:
        made = self._made(name, env)
        return None if made is None else made.entry

    def _made(self, name: str, env: str | None) -> _Made | None:
        layers = self._layers_of(name, env)
        if layers is None:
            return None
        self._check_job(layers)
        declaration = self._declaration(layers)
        values = _with_declared(layers.values, declaration)
        schedule, exclusion = self._calendars.applied(_schedule(values, layers), values, layers)
        _check_times(values, layers)
        retry = _retry(values, layers)
        if not layers.usable:
            self._lints.excuse(layers)
            return None
        plain = {
            key: value for key, value in values.items() if key not in (*OF_SCHEDULE, *OF_CALENDARS, "allow")
        }
        plain |= {"retry": retry, "args": tuple(values.get("args", ()))}
        entry = Entry(name=name, schedule=schedule, exclusion=exclusion, **plain)
        self._lints.look_at(entry, layers)
        return _Made(entry, values)

    def _layer(self, declared: Declared, name: str | None = None) -> Layer | None:
        """The declared table, checked once; None where it is none. With `name` it is an entry's own."""
        key = (declared.source, declared.path)
        if key not in self._layers:
            report, path = declared.source.report, declared.path
            if name is not None:
                _check_name(name, declared)
            if isinstance(declared.table, dict):
                self._layers[key] = self._checker.layer(report, path, declared.table)
            else:
                message = f"{name!r} is {quoted(declared.table)}, and an entry is a table: [{'.'.join(map(str, path))}]"
                report.add(message, report.key(path), code="value", path=path)
                self._layers[key] = None
        return self._layers[key]

    def _check_job(self, layers: Layers) -> None:
        only_tables = any(
            layer.table
            and all(isinstance(value, dict) and key not in CHECKS for key, value in layer.table.items())
            for layer in layers.own
        )
        if "job" in layers.values or layers.is_wrong("job") or only_tables:
            return
        message = f"the entry {layers.name!r} has no job"
        if layers.name not in self._declarations.entries:
            hint = did_you_mean(layers.name, self._declarations.entries)
            message = f"{message}: it stands in no [schedules], only in the environment {layers.env}{hint}"
        place = Place(layers.own[0].report, layers.own[0].path)
        layers.add(message, place, place.key, code="missing")

    def _declaration(self, layers: Layers) -> JobDeclaration | None:
        """The job's declaration, after its arguments were checked against it; None if it isn't known."""
        job = layers.values.get("job")
        if self._catalogue is None or job is None:
            return None
        if (missing := self._catalogue.missing(job)) is not None:
            place = layers.place("job")
            layers.add(f"job: {missing}", place, place.value, code="job")
            return None
        declaration = self._catalogue.jobs[job]
        if layers.is_wrong("args", "kwargs"):
            return declaration
        args, kwargs = layers.values.get("args", ()), layers.values.get("kwargs", {})
        for problem in argument_problems(declaration.function, args, kwargs):
            place = layers.place(*problem.path)
            if len(problem.path) == 1 and not layers.has(*problem.path):
                place = layers.place("job")
            span = place.key if problem.by_name else place.value
            layers.add(f"{job}: {problem.message}", place, span, code="arguments")
        return declaration


def _check_name(name: str, declared: Declared) -> None:
    if not NAME.fullmatch(name):
        message = f"the name {quoted(name)} has other characters than letters, digits and _ . -"
        if not name or len(name) > 100:  # noqa: PLR2004 - as NAME says
            message = f"the name {quoted(name)} has {len(name)} characters; it may have 1 to 100"
        report = declared.source.report
        report.add(message, report.key(declared.path), code="name", path=declared.path)


def _schedule(values: Mapping[str, Any], layers: Layers) -> Schedule | None:
    if layers.is_wrong(*OF_SCHEDULE):
        return None
    given = layers.given
    for conflict in conflicts(values, given=given):
        place = layers.place(conflict.key)
        inside = Place(place.report, (*place.path, conflict.element or 0))
        inside = inside if layers.has(conflict.key, conflict.element or 0) else place
        span = place.key if conflict.code == "conflict" else inside.value
        message = f"{conflict.key}: {conflict.message}"
        layers.add(message, place, span, code=conflict.code, mark=True)
    if layers.is_wrong(*OF_SCHEDULE):
        return None
    try:
        schedule = schedule_of(layers.name, values)
    except CrontabProblem as problem:
        place = layers.place("crontab")
        layers.add(f"crontab: for this entry's H it {problem}", place, place.value, code="crontab")
        return None
    except RuleProblem as problem:
        place = layers.place("rrule")
        span = place.report.positions.within(place.path, values["rrule"], problem.start, problem.end)
        layers.add(f"rrule: {problem}", place, span, code="rrule", mark=True)
        return None
    return schedule


def _check_times(values: Mapping[str, Any], layers: Layers) -> None:
    soft, hard = values.get("soft_timeout"), values.get("timeout")
    if isinstance(soft, timedelta) and isinstance(hard, timedelta) and soft >= hard:
        places = [layers.place(key) for key in ("soft_timeout", "timeout") if layers.has(key)]
        where = "" if len(places) > 1 else ", by @job"
        place = min(places, key=lambda each: each.path[0] != "env") if places else layers.place("job")
        key = place.path[-1]
        message = f"{key}: soft_timeout is {format_duration(soft)} and timeout {format_duration(hard)}{where}"
        layers.add(f"{message}; the soft one comes first", place, place.value, code="conflict")


def _retry(values: Mapping[str, Any], layers: Layers) -> RetryPolicy:
    policy = RetryPolicy(**retry_fields(values.get("retry", {})))
    if (problem := retry_problem(policy)) is not None:
        places = [layers.place("retry", key) for key in ("initial", "max") if layers.has("retry", key)]
        place = places[0] if places else layers.place("retry")
        layers.add(f"retry: {problem}", place, place.value, code="conflict")
    return policy


def _with_declared(merged: Mapping[str, Any], declaration: JobDeclaration | None) -> dict[str, Any]:
    """An entry's values over what its job declares."""
    if declaration is None:
        return dict(merged)
    declared = {key: getattr(declaration, key) for key in ("timeout", "soft_timeout", "queue")}
    values = {key: value for key, value in declared.items() if value is not None} | dict(merged)
    if declaration.retry is not None:
        names = {"maximum": "max"}
        of_job = {names.get(name, name): getattr(declaration.retry, name) for name in _RETRY_FIELDS}
        values["retry"] = of_job | merged.get("retry", {})
    return values
