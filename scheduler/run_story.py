"""The life of a run, step by step: from its record in the store, or from JSON logs alone."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from scheduler.attempt import TOO_LONG, WORKER_LOST
from scheduler.errors import NotFound, UsageProblem
from scheduler.events import BASE_FIELDS, RUN_FIELDS
from scheduler.run import FINAL, Attempt, Run, RunState
from scheduler.run_family import Relative, related
from scheduler.timestamps import milliseconds, rfc3339

# What every line says, or the run as a whole.
_OF_ALL: Final = frozenset({*BASE_FIELDS, *RUN_FIELDS, "at", "worker", "disposition"})
_ENDS: Final = FINAL | {RunState.RETRYING}
_STATES: Final[Mapping[str, str]] = {
    "tick.dispatched": RunState.QUEUED,
    "entry.triggered": RunState.QUEUED,
    "run.interrupted": RunState.QUEUED,
    "run.started": RunState.RUNNING,
    **{f"run.{state}": state for state in _ENDS},
}
_MOST_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened to a run: an event's name, who said it and what else it said."""

    at: datetime
    event: str
    attempt: int | None
    who: str | None
    details: Mapping[str, Any] = field(default_factory=dict)


def story_of(run: Run) -> list[Step]:
    """The steps that the record of a run tells of, in order: those that the logs tell of, in the same words."""
    first = "entry.triggered" if run.trigger in ("manual", "backfill") else "tick.dispatched"
    asked: dict[str, Any] = {"trigger": run.trigger, "queue": run.queue}
    if run.parents:
        asked["parents"] = list(run.parents)
    steps = [Step(run.queued_at, first, 1, None, asked)]
    for attempt in run.attempts:
        steps += _of_attempt(run, attempt)
    if not any(attempt.number == run.attempt and attempt.counts for attempt in run.attempts):
        steps += _of_attempt(run, _own(run))
    return steps


def _own(run: Run) -> Attempt:
    """The attempt that the fields of the run itself tell of."""
    outcome = run.state.value if run.state in _ENDS else None
    return Attempt(
        number=run.attempt,
        outcome=outcome,
        worker=run.worker,
        started_at=run.started_at,
        finished_at=run.finished_at if outcome else None,
        error=run.error,
        retry_at=run.retry_at,
    )


def _of_attempt(run: Run, attempt: Attempt) -> Iterator[Step]:
    number, who, begun, ended = attempt.number, attempt.worker, attempt.started_at, attempt.finished_at
    if begun is not None:
        about = {
            "lateness_ms": milliseconds(begun - run.scheduled_at),
            "queue_ms": milliseconds(begun - run.queued_at),
            "queue": run.queue,
            "max_attempts": run.max_attempts,
        }
        yield Step(begun, "run.started", number, who, about)
    if ended is None:
        return
    error = attempt.error or ""
    if error.startswith(WORKER_LOST):
        yield Step(ended, "run.lost", number, who, {"error": error})
    for limit, words in TOO_LONG.items():
        if error.startswith(words):
            yield Step(ended, "run.timed_out", number, who, {"limit": limit})
    end = {
        "duration_ms": None if begun is None else milliseconds(ended - begun),
        "error": attempt.error,
        "traceback": attempt.traceback,
        "retry_at": rfc3339(attempt.retry_at),
    }
    if number == run.attempt and attempt.counts:
        end |= {"reason": run.reason, "result": run.result}
    told = {name: value for name, value in end.items() if value is not None}
    yield Step(ended, f"run.{attempt.outcome or 'ended'}", number, who, told)


def story_in(lines: Iterable[str], run_id: str) -> tuple[str, list[Step]]:
    """The whole id of the run whose id begins with `run_id`, and its steps in these lines, by their time.

    Lines that are no event are passed over: logs come with prefixes and torn ends. Raises NotFound where no line is of
    the run, and UsageProblem where the id is the beginning of several.
    """
    found: dict[str, list[Step]] = {}
    for line in lines:
        if run_id not in line or (event := _event(line)) is None:
            continue
        name = event.get("run_id")
        if isinstance(name, str) and name.startswith(run_id) and (step := _step(event)) is not None:
            found.setdefault(name, []).append(step)
    if not found:
        raise NotFound(f"no line of these logs is of a run {run_id!r}", hint="are they JSON, and from then?")
    if len(found) > 1:
        some = ", ".join([*sorted(found)[:_MOST_NAMED], *(["…"] if len(found) > _MOST_NAMED else [])])
        message = f"{run_id!r} is the beginning of {len(found)} runs: {some}"
        raise UsageProblem(message, hint="give more of the id")
    ((name, steps),) = found.items()
    return name, sorted(steps, key=lambda step: step.at)


def steps_in(events: Iterable[Mapping[str, Any]]) -> list[Step]:
    """The steps that these events are."""
    return [step for event in events if (step := _step(event)) is not None]


def family_in(lines: Callable[[], Iterable[str]], run_id: str) -> list[Relative]:
    """The run with this whole id, all that it followed on and all that followed on it, as these logs tell of them.

    `lines` gives the lines anew each time: first it is read who followed on whom, then what became of those.
    """
    parents: dict[str, tuple[str, ...]] = {}
    for line in lines():
        if '"parents"' in line and (event := _event(line)) is not None and isinstance(event["parents"], list):
            parents[str(event.get("run_id"))] = tuple(map(str, event["parents"]))
    ids = related(parents, run_id)
    if len(ids) == 1:
        return []
    names: dict[str, str] = {}
    began: dict[str, datetime] = {}
    last: dict[str, Step] = {}
    named = re.compile("|".join(map(re.escape, ids)))
    for line in lines():
        if named.search(line) is None or (event := _event(line)) is None or (step := _step(event)) is None:
            continue
        name = str(event.get("run_id"))
        if name not in ids or step.event not in _STATES:
            continue
        names[name] = str(event.get("entry") or event.get("job"))
        began[name] = min(began.get(name, step.at), step.at)
        last[name] = max(last.get(name, step), step, key=lambda each: each.at)
    return [
        Relative(name, names[name], _STATES[step.event], began[name], _took(step), parents.get(name, ()))
        for name, step in last.items()
    ]


def _took(step: Step) -> timedelta | None:
    took = step.details.get("duration_ms")
    return timedelta(milliseconds=took) if isinstance(took, int) else None


def _event(line: str) -> dict[str, Any] | None:
    """The JSON object in a line, after what journalctl or docker compose put before it."""
    start = line.find("{")
    if start < 0:
        return None
    try:
        event, _ = json.JSONDecoder().raw_decode(line, start)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None


def _step(event: Mapping[str, Any]) -> Step | None:
    try:
        # What a person did, by a command, is logged by a beat up to a second later.
        at = datetime.fromisoformat(str(event.get("at") or event.get("timestamp")))
    except ValueError:
        return None
    if at.utcoffset() is None:
        return None
    who = (
        event.get("worker") or f"{event.get('process', '?')} {event.get('host', '?')}:{event.get('pid', '?')}"
    )
    details = {name: value for name, value in event.items() if name not in _OF_ALL and value is not None}
    attempt = event.get("attempt")
    return Step(at, event["event"], attempt if isinstance(attempt, int) else None, str(who), details)
