"""The life of a run from its record and from logs: the same steps, in order, whatever else the lines hold."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scheduler.errors import NotFound, UsageProblem
from scheduler.run import Attempt, Run, RunState
from scheduler.run_story import family_in, story_in, story_of

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
        ("tick.dispatched", 1, None),
        ("run.started", 1, "w1"),
        ("run.retrying", 1, "w1"),
        ("run.started", 2, "w2"),
        ("run.succeeded", 2, "w2"),
    ]
    assert told[2].details == {
        "duration_ms": 1000,
        "error": "OSError: no",
        "retry_at": "2026-11-21T02:30:12.000Z",
    }
    assert told[4].details == {"duration_ms": 3000, "result": 7}


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
    assert told[2].details == {"duration_ms": 900}


def test_an_id_that_is_none_or_of_several_is_said() -> None:
    with pytest.raises(NotFound, match="no line of these logs is of a run '9'"):
        story_in([line(1, "run.started")], "9")
    with pytest.raises(UsageProblem, match="'3' is the beginning of 2 runs: 3f2a, 3f2b"):
        story_in([line(1, "run.started"), line(1, "run.started", run_id="3f2b")], "3")


def attempt(number: int, outcome: str, error: str | None = None) -> Attempt:
    began, ended = after(10 * number), after(10 * number + 5)
    return Attempt(
        number=number, outcome=outcome, worker="w1", started_at=began, finished_at=ended, error=error
    )


@pytest.mark.parametrize(
    ("error", "events"),
    [
        ("worker lost: h:7 gave no sign of life", ["run.started", "run.lost", "run.retrying"]),
        (
            "TimeLimitExceeded: the job took longer than its timeout of 4s",
            ["run.started", "run.timed_out", "run.retrying"],
        ),
        (
            "SoftTimeLimitExceeded: the job took longer than its soft_timeout of 2s",
            ["run.started", "run.timed_out", "run.retrying"],
        ),
        ("TimeoutError: of the job's own", ["run.started", "run.retrying"]),
    ],
)
def test_the_record_tells_of_losses_and_time_outs_as_the_logs_do(error: str, events: list[str]) -> None:
    told = story_of(run(state=RunState.RETRYING, attempts=(attempt(1, "retrying", error),)))
    assert [step.event for step in told[1:]] == events


def test_an_attempt_that_was_handed_back_is_a_step_and_another_of_its_number_follows() -> None:
    told = story_of(
        run(
            state=RunState.RUNNING,
            worker="w2",
            started_at=after(20),
            attempts=(attempt(1, "interrupted"), Attempt(number=1, worker="w2", started_at=after(20))),
        )
    )
    assert [(step.event, step.attempt, step.who) for step in told[1:]] == [
        ("run.started", 1, "w1"),
        ("run.interrupted", 1, "w1"),
        ("run.started", 1, "w2"),
    ]


def test_what_a_person_did_stands_where_it_was_done_and_not_where_a_beat_logged_it() -> None:
    lines = [
        line(1, "run.started", attempt=1),
        line(1.6, "entry.triggered", attempt=1, at="2026-11-21T02:30:00.500Z"),
    ]
    _, told = story_in(lines, "3f2a")
    assert [(step.event, step.at) for step in told] == [
        ("entry.triggered", after(0.5)),
        ("run.started", after(1)),
    ]


def test_logs_tell_who_followed_on_whom() -> None:
    lines = [
        line(1, "entry.triggered", "a", entry="extract"),
        line(2, "run.succeeded", "a", entry="extract", duration_ms=900),
        line(2.1, "tick.dispatched", "b", entry="load", parents=["a"]),
        line(2.2, "run.started", "b", entry="load"),
        line(2.1, "tick.dispatched", "c", entry="other", parents=["x"]),
        line(3, "run.failed", "b", entry="load", duration_ms=800),
        line(3.1, "tick.dispatched", "d", entry="alarm", parents=["b"]),
    ]
    found = family_in(lambda: lines, "b")
    assert {(each.run_id, each.name, each.state, each.parents) for each in found} == {
        ("a", "extract", "succeeded", ()),
        ("b", "load", "failed", ("a",)),
        ("d", "alarm", "queued", ("b",)),
    }
    assert family_in(lambda: lines, "e") == []
