"""From the tables of a file to entries: each key checked, `[defaults]` and the job's own defaults merged
in.
"""

from collections.abc import Mapping
from dataclasses import fields
from datetime import timedelta
from typing import Any, Final

from scheduler.crontab_fields import CrontabProblem
from scheduler.durations import format_duration
from scheduler.entry import Entry
from scheduler.entry_keys import (
    CHECKS,
    NAME,
    UNSUPPORTED_KEYS,
    Misplaced,
    NotYet,
    Several,
    unknown_key,
)
from scheduler.entry_schedule import KINDS, OF_KIND, OF_SCHEDULE, conflicts, schedule_of, warnings
from scheduler.job import JobDeclaration
from scheduler.job_arguments import argument_problems
from scheduler.job_catalogue import JobCatalogue
from scheduler.problem_report import Report
from scheduler.quoting import quoted
from scheduler.retry import RetryPolicy, retry_fields, retry_problem
from scheduler.schedule import Schedule
from scheduler.schedule_lint import crontab_warnings
from scheduler.toml_positions import Path

_DEFAULTS: Final[Path] = ("defaults",)
_MERGED: Final = ("retry", "kwargs")
_COUNTS: Final = {2: "two", 3: "three"}
_RETRY_FIELDS: Final = tuple(field.name for field in fields(RetryPolicy))


class Tables:
    """One file's tables on their way to entries; what is wrong with them goes to the report."""

    def __init__(self, document: Mapping[str, Any], report: Report, catalogue: JobCatalogue | None) -> None:
        self._schedules = _table(document.get("schedules"))
        self._report = report
        self._catalogue = catalogue
        defaults = _table(document.get("defaults"))
        self._defaults = self._checked(defaults, _DEFAULTS)
        self._check_kinds(defaults, _DEFAULTS)

    def entries(self) -> dict[str, Entry]:
        """The entries without an error, by name."""
        found = {}
        for name, table in self._schedules.items():
            if (entry := self._entry(name, table)) is not None:
                found[name] = entry
        return found

    def _entry(self, name: str, table: object) -> Entry | None:
        path: Path = ("schedules", name)
        if not isinstance(table, dict):
            message = f"{name!r} is {quoted(table)}, and an entry is a table: [schedules.{name}]"
            self._report.add(message, self._report.key(path), code="value", path=path)
            return None
        if not NAME.fullmatch(name):
            message = f"the name {quoted(name)} has other characters than letters, digits and _ . -"
            if not name or len(name) > 100:  # noqa: PLR2004 - as NAME says
                message = f"the name {quoted(name)} has {len(name)} characters; it may have 1 to 100"
            self._report.add(message, self._report.key(path), code="name", path=path)
        own = self._checked(table, path)
        self._check_kinds(table, path)
        merged = self._merged(own)
        only_tables = table and all(
            isinstance(value, dict) and key not in CHECKS for key, value in table.items()
        )
        if "job" not in merged and not self._is_wrong("job", path) and not only_tables:
            message = f"the entry {name!r} has no job"
            self._report.add(message, self._report.key(path), code="missing", path=path)
        declaration = self._declaration(merged, path)
        values = _with_declared(merged, declaration)
        schedule = self._schedule(name, values, own, path)
        self._check_times(values, path)
        retry = self._retry(values, path)
        if self._report.is_wrong(path) or self._report.is_wrong(_DEFAULTS):
            return None
        plain = {key: value for key, value in values.items() if key not in OF_SCHEDULE}
        plain |= {"retry": retry, "args": tuple(values.get("args", ()))}
        return Entry(name=name, schedule=schedule, **plain)

    def _checked(self, table: Mapping[str, Any], path: Path) -> dict[str, Any]:
        """The values that their keys may hold; what they may not hold is reported."""
        checked: dict[str, Any] = {}
        for key, value in table.items():
            here: Path = (*path, key)
            if key not in CHECKS:
                self._add_unknown(key, value, here)
            elif not self._report.is_wrong(here):
                self._check(key, value, here, checked)
        return checked

    def _check(self, key: str, value: object, here: Path, checked: dict[str, Any]) -> None:
        add, positions = self._report.add, self._report.positions
        try:
            checked[key] = CHECKS[key](value)
        except CrontabProblem as problem:
            span = positions.within(here, str(value), problem.start, problem.end)
            add(f"{key}: {problem}", span, code=key, path=here)
        except (Misplaced, Several) as problem:
            for each in problem.problems if isinstance(problem, Several) else [problem]:
                inside = (*here, *each.path)
                span = positions.key(inside) if each.code == "unknown-key" else positions.value(inside)
                span = positions.within(inside, *each.within) if each.within else span
                add(f"{key}: {each}", span, code=each.code, path=here)
        except NotYet as problem:
            add(f"{key}: {problem}", positions.value(here), code="unsupported", path=here)
        except ValueError as problem:
            code = key if key == "timezone" else "value"
            add(f"{key}: {problem}", positions.value(here), code=code, path=here)
        else:
            if key == "crontab":
                texts = (
                    [((*here, index), str(item)) for index, item in enumerate(value)]
                    if isinstance(value, list)
                    else [(here, str(value))]
                )
                for place, text in texts:
                    self._warn(text, place)

    def _add_unknown(self, key: str, value: object, here: Path) -> None:
        if key in UNSUPPORTED_KEYS:
            message, code = f"{key!r} is not supported by this version yet", "unsupported"
        else:
            message, code = unknown_key(key, CHECKS, value=value), "unknown-key"
        self._report.add(message, self._report.key(here), code=code, path=here)

    def _warn(self, expression: str, here: Path) -> None:
        if expression != " ".join(expression.split()):
            return
        for message, start, end in crontab_warnings(expression):
            span = self._report.positions.within(here, expression, start, end)
            self._report.add(f"crontab: {message}", span, code="lint", severity="warning", path=here)

    def _check_kinds(self, table: Mapping[str, Any], path: Path) -> None:
        kinds = [kind for kind in KINDS if kind in table]
        if len(kinds) > 1:
            span = max(
                (span for kind in kinds if (span := self._report.key((*path, kind)))), key=lambda s: s.line
            )
            message = f"{', '.join(kinds[:-1])} and {kinds[-1]} are {_COUNTS[len(kinds)]} schedules; keep one"
            self._report.add(message, span, code="conflict", path=path)

    def _merged(self, own: Mapping[str, Any]) -> dict[str, Any]:
        defaults = dict(self._defaults)
        if any(kind in own for kind in KINDS):
            for key in KINDS:
                defaults.pop(key, None)
            for key, (kind, _) in OF_KIND.items():
                if kind not in own:
                    defaults.pop(key, None)
        merged = {**defaults, **own}
        for key in _MERGED:
            if key in defaults and key in own:
                merged[key] = {**defaults[key], **own[key]}
        return merged

    def _declaration(self, merged: Mapping[str, Any], path: Path) -> JobDeclaration | None:
        """The job's declaration, after its arguments were checked against it; None if it isn't known."""
        if self._catalogue is None or "job" not in merged:
            return None
        job = merged["job"]
        if (missing := self._catalogue.missing(job)) is not None:
            here = self._place("job", path)
            self._report.add(f"job: {missing}", self._report.value(here), code="job", path=path)
            return None
        declaration = self._catalogue.jobs[job]
        if self._is_wrong("args", path) or self._is_wrong("kwargs", path):
            return declaration
        args, kwargs = merged.get("args", ()), merged.get("kwargs", {})
        for problem in argument_problems(declaration.function, args, kwargs):
            place = (*self._place_of_argument(problem.path, path), *problem.path[1:])
            if len(problem.path) == 1 and self._report.positions.value(place) == self._report.key(path):
                place = self._place("job", path)
            span = self._report.key(place) if problem.by_name else self._report.value(place)
            self._report.add(f"{job}: {problem.message}", span, code="arguments", path=path)
        return declaration

    def _schedule(
        self, name: str, values: Mapping[str, Any], own: Mapping[str, Any], path: Path
    ) -> Schedule | None:
        if any(self._is_wrong(key, path) for key in OF_SCHEDULE):
            return None
        for conflict in conflicts(values, given=frozenset(own)):
            place = self._place(conflict.key, path)
            if self._report.is_wrong(place):  # in [defaults], and said for the entry before
                continue
            inside: Path = (*place, conflict.element or 0)
            inside = inside if self._report.positions.has(inside) else place
            span = self._report.key(place) if conflict.code == "conflict" else self._report.value(inside)
            self._report.add(f"{conflict.key}: {conflict.message}", span, code=conflict.code, path=place)
        if any(self._is_wrong(key, path) for key in OF_SCHEDULE):
            return None
        try:
            schedule = schedule_of(name, values)
        except CrontabProblem as problem:
            span = self._report.value(self._place("crontab", path))
            self._report.add(f"crontab: for this entry's H it {problem}", span, code="crontab", path=path)
            return None
        for warning in warnings(schedule, given=frozenset(own)):
            span, message = self._report.key((*path, warning.key)), f"{warning.key}: {warning.message}"
            self._report.add(message, span, code=warning.code, severity="warning", path=path)
        return schedule

    def _check_times(self, values: Mapping[str, Any], path: Path) -> None:
        soft, hard = values.get("soft_timeout"), values.get("timeout")
        if isinstance(soft, timedelta) and isinstance(hard, timedelta) and soft >= hard:
            key = "soft_timeout" if self._is_set("soft_timeout", path) else "timeout"
            both_here = self._is_set("soft_timeout", path) and self._is_set("timeout", path)
            where = "" if both_here else ", by @job"
            message = (
                f"{key}: soft_timeout is {format_duration(soft)} and timeout {format_duration(hard)}{where}"
            )
            span = self._report.value(self._place(key, path))
            self._report.add(f"{message}; the soft one comes first", span, code="conflict", path=path)

    def _retry(self, values: Mapping[str, Any], path: Path) -> RetryPolicy:
        policy = RetryPolicy(**retry_fields(values.get("retry", {})))
        if (problem := retry_problem(policy)) is not None:
            tables = [self._place_of_argument(("retry", key), path) for key in ("initial", "max")]
            places = [(*table, key) for table, key in zip(tables, ("initial", "max"), strict=True)]
            own = [place for place in places if self._report.positions.has(place)]
            span = self._report.value((own or places)[0])
            self._report.add(f"retry: {problem}", span, code="conflict", path=path)
        return policy

    def _is_set(self, key: str, path: Path) -> bool:
        return self._report.positions.has((*path, key)) or self._report.positions.has((*_DEFAULTS, key))

    def _is_wrong(self, key: str, path: Path) -> bool:
        return self._report.is_wrong((*path, key)) or self._report.is_wrong((*_DEFAULTS, key))

    def _place(self, key: str, path: Path) -> Path:
        """Where an entry's value of `key` was set: in the entry itself or in [defaults]."""
        here: Path = (*path, key)
        there: Path = (*_DEFAULTS, key)
        return there if self._report.positions.has(there) and not self._report.positions.has(here) else here

    def _place_of_argument(self, argument: Path, path: Path) -> Path:
        here: Path = (*path, *argument[:2])
        there: Path = (*_DEFAULTS, *argument[:2])
        in_defaults = self._report.positions.has(there) and not self._report.positions.has(here)
        return (*_DEFAULTS, argument[0]) if in_defaults else (*path, argument[0])


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


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
