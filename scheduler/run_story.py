"""The life of a run, step by step: from its record in the store, or from JSON logs alone."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from scheduler.errors import NotFound, UsageProblem
from scheduler.run import Attempt, Run, RunState

# What every line says, or the run as a whole.
_OF_ALL: Final = frozenset(
    {
        "timestamp",
        "level",
        "event",
        "process",
        "host",
        "pid",
        "entry",
        "job",
        "run_id",
        "scheduled_at",
        "attempt",
    }
)
_ENDS: Final = {
    RunState.SUCCEEDED: "run.succeeded",
    RunState.FAILED: "run.failed",
    RunState.SKIPPED: "run.skipped",
    RunState.EXPIRED: "run.expired",
    RunState.CANCELLED: "run.cancelled",
    RunState.RETRYING: "run.retrying",
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
    """The steps that the record of a run tells of, in order."""
    first = "tick.dispatched" if run.trigger == "schedule" else "entry.triggered"
    steps = [Step(run.queued_at, first, None, None, {"trigger": run.trigger, "queue": run.queue})]
    known = {attempt.number for attempt in run.attempts}
    for attempt in run.attempts:
        steps += _of_attempt(attempt)
    if run.attempt not in known and run.started_at is not None:
        steps.append(Step(run.started_at, "run.started", run.attempt, run.worker))
        if run.state in _ENDS and run.finished_at is not None:
            steps.append(Step(run.finished_at, _ENDS[run.state], run.attempt, run.worker, _end(run)))
    elif run.state.final and run.finished_at is not None and run.attempt not in known:
        steps.append(Step(run.finished_at, _ENDS[run.state], None, None, _end(run)))
    return sorted(steps, key=lambda step: step.at)


def _of_attempt(attempt: Attempt) -> Iterator[Step]:
    if attempt.started_at is not None:
        yield Step(attempt.started_at, "run.started", attempt.number, attempt.worker)
    if attempt.finished_at is not None:
        details = {"error": attempt.error, "retry_at": attempt.retry_at}
        told = {name: value for name, value in details.items() if value is not None}
        yield Step(attempt.finished_at, _name(attempt.outcome), attempt.number, attempt.worker, told)


def _name(outcome: str | None) -> str:
    return f"run.{outcome}" if outcome else "run.ended"


def _end(run: Run) -> dict[str, Any]:
    details = {"error": run.error, "reason": run.reason, "result": run.result, "retry_at": run.retry_at}
    return {name: value for name, value in details.items() if value is not None}


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
        at = datetime.fromisoformat(str(event.get("timestamp")))
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
