"""The life of a run from its record and from logs: the same steps, in order, whatever else the lines hold."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scheduler.errors import NotFound, UsageProblem
from scheduler.run import Attempt, Run, RunState
from scheduler.run_story import story_in, story_of

AT = datetime(2026, 11, 21, 2, 30, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def line(seconds: float, event: str, run_id: str = "3f2a", **fields: Any) -> str:
    stamp = after(seconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    base = {"timestamp": stamp, "level": "info", "event": event, "process": "worker", "host": "h", "pid": 7}
    return json.dumps({**base, "run_id": run_id, **fields})


def run(**changes: Any) -> Run:
    fields: dict[str, Any] = {
        "run_id": "3f2a",
        "entry": "backup",
        "job": "jobs.backup",
        "trigger": "schedule",
        "scheduled_at": AT,
        "state": RunState.QUEUED,
        "attempt": 1,
        "max_attempts": 3,
        "queue": "default",
        "queued_at": after(0.01),
    }
    return Run(**{**fields, **changes})


def test_a_run_that_waits_has_one_step() -> None:
    (step,) = story_of(run())
    assert (step.event, step.at, step.details["queue"]) == ("tick.dispatched", after(0.01), "default")


def test_each_attempt_begins_and_ends() -> None:
    first = Attempt(
        number=1,
        outcome="retrying",
        worker="w1",
        started_at=after(1),
        finished_at=after(2),
        error="OSError: no",
        retry_at=after(12),
    )
    told = story_of(
        run(
            state=RunState.SUCCEEDED,
            attempt=2,
            worker="w2",
            started_at=after(12),
            finished_at=after(15),
            result=7,
            attempts=(first,),
        )
    )
    assert [(step.event, step.attempt, step.who) for step in told] == [
        ("tick.dispatched", None, None),
        ("run.started", 1, "w1"),
        ("run.retrying", 1, "w1"),
        ("run.started", 2, "w2"),
        ("run.succeeded", 2, "w2"),
    ]
    assert told[2].details == {"error": "OSError: no", "retry_at": after(12)}
    assert told[4].details == {"result": 7}


def test_a_run_that_was_never_started_ends_without_a_beginning() -> None:
    told = story_of(
        run(state=RunState.EXPIRED, finished_at=after(60), reason="its start_deadline had passed")
    )
    assert [step.event for step in told] == ["tick.dispatched", "run.expired"]


def test_logs_of_several_processes_become_one_story() -> None:
    lines = [
        line(2, "run.succeeded", attempt=1, worker="w1", duration_ms=900),
        "not JSON 3f2a",
        '{"torn": "3f2a',
        line(1, "run.started", attempt=1, worker="w1"),
        "Nov 21 02:30:00 h onbeat[7]: " + line(0.01, "tick.dispatched", process="beat"),
        line(1.5, "run.started", run_id="other"),
        json.dumps({"event": "x", "run_id": "3f2a", "timestamp": "yesterday"}),
    ]
    name, told = story_in(lines, "3f")
    assert name == "3f2a"
    assert [(step.event, step.who) for step in told] == [
        ("tick.dispatched", "beat h:7"),
        ("run.started", "w1"),
        ("run.succeeded", "w1"),
    ]
    assert told[2].details == {"worker": "w1", "duration_ms": 900}


def test_an_id_that_is_none_or_of_several_is_said() -> None:
    with pytest.raises(NotFound, match="no line of these logs is of a run '9'"):
        story_in([line(1, "run.started")], "9")
    with pytest.raises(UsageProblem, match="'3' is the beginning of 2 runs: 3f2a, 3f2b"):
        story_in([line(1, "run.started"), line(1, "run.started", run_id="3f2b")], "3")
