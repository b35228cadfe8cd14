"""How long an entry's runs take: measured, given by a person, or the time-out as the longest they may. Pure."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal

from scheduler.durations import parse_duration
from scheduler.entry import Entry
from scheduler.quoting import quoted
from scheduler.suggestion import did_you_mean

Source = Literal["measured", "given", "timeout"]

_KEYS: Final = ("p50", "p95")
_PERCENT: Final = 100


@dataclass(frozen=True, slots=True)
class RunTime:
    """Half of an entry's runs take no longer than `p50`, 95 of 100 no longer than `p95`; `runs` were measured."""

    p50: timedelta
    p95: timedelta
    source: Source
    runs: int = 0

    def to_json(self) -> dict[str, Any]:
        """Seconds, as `given_run_times` reads them."""
        seconds = {"p50": self.p50.total_seconds(), "p95": self.p95.total_seconds()}
        return {**seconds, "source": self.source, "runs": self.runs}


def measured(durations: Sequence[timedelta]) -> RunTime:
    """The percentiles by the nearest rank. Raises ValueError where nothing was measured."""
    if not durations:
        raise ValueError("nothing was measured")
    ordered = sorted(durations)
    p50, p95 = (ordered[-(-len(ordered) * percent // _PERCENT) - 1] for percent in (50, 95))
    return RunTime(p50, p95, "measured", len(ordered))


def run_times(entries: Iterable[Entry], known: Mapping[str, RunTime]) -> dict[str, RunTime]:
    """The known times, and for other entries their `timeout`, where they have one."""
    found = {}
    for entry in entries:
        if entry.name in known:
            found[entry.name] = known[entry.name]
        elif entry.timeout is not None:
            found[entry.name] = RunTime(entry.timeout, entry.timeout, "timeout")
    return found


def given_run_times(text: str, names: Iterable[str]) -> dict[str, RunTime]:
    """The times in a JSON object: by entry a duration, or an object with p50 and p95.

    Raises ValueError, fit to be shown, for anything else and for entries that are not among `names`.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ValueError(f"is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise ValueError('is not an object such as {"backup": "90s"}')
    known = set(names)
    found = {}
    for name, value in document.items():
        if name not in known:
            raise ValueError(f"no such entry: {quoted(name)}{did_you_mean(name, known)}")
        try:
            found[name] = _given(value)
        except ValueError as problem:
            raise ValueError(f"{name}: {problem}") from None
    return found


def _given(value: object) -> RunTime:
    if not isinstance(value, dict):
        duration = _duration(value)
        return RunTime(duration, duration, "given")
    if not all(key in value for key in _KEYS):
        raise ValueError(f"{quoted(value)} has no p50 and p95")
    p50, p95 = (_duration(value[key]) for key in _KEYS)
    if p95 < p50:
        raise ValueError("p95 is less than p50")
    return RunTime(p50, p95, "given")


def _duration(value: object) -> timedelta:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f'{quoted(value)} is not a duration, such as "90s"')
    return parse_duration(value)
