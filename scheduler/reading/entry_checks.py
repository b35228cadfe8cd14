"""One table of an entry's keys: each value checked, and what is wrong reported where it stands."""

from collections.abc import Mapping
from typing import Any, Final

from scheduler.cadences.crontab_fields import CrontabProblem
from scheduler.entry_keys import CHECKS, UNSUPPORTED_KEYS, unknown_key
from scheduler.entry_schedule import KINDS
from scheduler.lints.misplaced import Misplaced, Several
from scheduler.reading.entry_layers import Layer
from scheduler.reading.problem_report import Report
from scheduler.reading.toml_positions import Path

_COUNTS: Final = {2: "two", 3: "three"}
_PLAIN: Final = (str, int, float, bool)


class Checker:
    """Checks tables. Values that thousands of entries share are checked once."""

    def __init__(self) -> None:
        self._right: dict[tuple[str, type, object], Any] = {}

    def layer(self, report: Report, path: Path, table: Mapping[str, Any]) -> Layer:
        """The table with the values that its keys may hold; what they may not hold is reported."""
        checked: dict[str, Any] = {}
        for key, value in table.items():
            here: Path = (*path, key)
            if key not in CHECKS:
                _add_unknown(report, key, value, here)
            elif not report.is_wrong(here):
                self._check(report, key, value, here, checked)
        _check_kinds(report, table, path)
        return Layer(report, path, table, checked)

    def _check(self, report: Report, key: str, value: object, here: Path, checked: dict[str, Any]) -> None:
        known = (key, type(value), value) if isinstance(value, _PLAIN) else None
        if known in self._right:
            checked[key] = self._right[known]
            return
        before = report.count()
        try:
            checked[key] = CHECKS[key](value)
        except ValueError as problem:
            _add(report, key, str(value), problem, here)
            return
        if known is not None and report.count() == before:
            self._right[known] = checked[key]


def _add(report: Report, key: str, text: str, problem: ValueError, here: Path) -> None:
    positions = report.positions
    match problem:
        case CrontabProblem():
            span = positions.within(here, text, problem.start, problem.end)
            report.add(f"{key}: {problem}", span, code=key, path=here)
        case Misplaced() | Several():
            for each in problem.problems if isinstance(problem, Several) else [problem]:
                inside = (*here, *each.path)
                span = positions.key(inside) if each.code == "unknown-key" else positions.value(inside)
                span = positions.within(inside, *each.within) if each.within else span
                report.add(f"{key}: {each}", span, code=each.code, path=here)
        case _:
            code = key if key == "timezone" else "value"
            report.add(f"{key}: {problem}", positions.value(here), code=code, path=here)


def _add_unknown(report: Report, key: str, value: object, here: Path) -> None:
    if key in UNSUPPORTED_KEYS:
        message, code = f"{key!r} is not supported by this version yet", "unsupported"
    else:
        message, code = unknown_key(key, CHECKS, value=value), "unknown-key"
    report.add(message, report.key(here), code=code, path=here)


def _check_kinds(report: Report, table: Mapping[str, Any], path: Path) -> None:
    kinds = [kind for kind in KINDS if kind in table]
    if len(kinds) > 1:
        span = max((span for kind in kinds if (span := report.key((*path, kind)))), key=lambda s: s.line)
        count = _COUNTS.get(len(kinds), str(len(kinds)))
        message = f"{', '.join(kinds[:-1])} and {kinds[-1]} are {count} schedules; keep one"
        report.add(message, span, code="conflict", path=path)
