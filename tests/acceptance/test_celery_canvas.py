"""What applications do with Celery's own means: chains, chords, results, retries, ETAs. All of it is tracked."""

import json
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from scheduler.run import RunState
from scheduler.store import Keys, Store, connect
from tests.support.process import OnbeatProcess, finished
from tests.support.project import Project
from tests.support.runs import end_of
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

JOBS = """
import time
from datetime import datetime

from celery import shared_task

from scheduler import Skip, current_run, job


@job(retry={"max_attempts": 3, "initial": "100ms", "jitter": 0.0})
def flaky(number):
    if current_run().attempt < 2:
        raise OSError("first attempt")
    return number


@job
def plus(*numbers):
    return sum(numbers)


@job
def total(numbers):
    return sum(number or 0 for number in numbers)


@job
def skip(number=0):
    raise Skip("nothing to do")


@job
def fail(number=0):
    raise ValueError("broken")


@job
def wait():
    time.sleep(60)


@job
def note(*args):
    print("noted")
    return "noted"


@job(retry={"max_attempts": 2, "initial": "100ms"})
def when(at):
    assert isinstance(at, datetime), at
    if current_run().attempt < 2:
        raise OSError("first attempt")
    return at.isoformat()


@shared_task(bind=True, max_retries=3)
def again(self, countdown=0):
    if self.request.retries < 2:
        raise self.retry(countdown=countdown)
    return self.request.retries


@shared_task(autoretry_for=(OSError,), retry_backoff=False, default_retry_delay=0, max_retries=2)
def automatic():
    if current_run().attempt < 3:
        raise OSError("not yet")
    return "third"


@shared_task(bind=True)
def replaces(self):
    raise self.replace(plus.s(1, 2))


@shared_task
def no_json():
    return object()
"""

SCHEDULES = """
[schedules.again]
job = "jobs.again"
kwargs = { countdown = 0 }
"""


Ask = Callable[[str], Any]


@pytest.fixture(scope="module")
def with_results(module_project: Project) -> Project:
    return prepared(module_project)


@pytest.fixture(scope="module")
def fleet(with_results: Project) -> Iterator[OnbeatProcess]:
    """A beat and a worker for all tests of this module that start none of their own."""
    with with_results.start("beat"), with_results.start("worker", "-c", "2") as worker:
        worker.wait_for_event("worker.started", within=30)
        yield worker


@pytest.fixture(scope="module")
def ask(with_results: Project) -> Ask:
    return partial(evaluated, with_results)


@pytest.fixture(scope="module")
def store(module_valkey: ValkeyServer) -> Store:
    return Store(connect(module_valkey.url), Keys())


@pytest.fixture
def alone(project: Project) -> Project:
    """The same project on a server that no worker is on yet."""
    return prepared(project)


@pytest.fixture
def store_alone(valkey: ValkeyServer) -> Store:
    return Store(connect(valkey.url), Keys())


def prepared(project: Project) -> Project:
    project.jobs(JOBS)
    project.schedules(SCHEDULES)
    project.environ["ONBEAT_RESULT_BACKEND"] = project.environ["ONBEAT_REDIS_URL"]
    return project


def evaluated(project: Project, expression: str) -> Any:
    """The value of an expression of an application that imports the jobs and Celery."""
    script = project.write(
        "ask.py",
        f"""
        import json
        from datetime import UTC, datetime
        from celery import chain, chord, group
        from jobs import *
        from scheduler.celery_app import app

        print(json.dumps({expression}))
        """,
    )
    environ = {**project.environ, "PYTHONPATH": str(project.directory)}
    done = finished(directory=project.directory, environ=environ, program=(sys.executable, str(script)))
    return json.loads(done.expect(0).out)


def test_a_chain_and_a_chord_go_on_after_a_retry_by_policy(fleet: OnbeatProcess, ask: Ask) -> None:
    asked = (
        "chain(flaky.s(1), plus.s(10), flaky.s())()",
        "chord([flaky.s(1), plus.s(2), flaky.s(3)], total.s())()",
        "group([flaky.s(1), plus.s(2)])()",
    )
    assert ask(f"[result.get(timeout=20) for result in ({', '.join(asked)})]") == [11, 6, [1, 2]]


def test_a_skipped_job_keeps_nobody_waiting(fleet: OnbeatProcess, ask: Ask, store: Store) -> None:
    asked = "skip.delay(), chord([skip.s(1), plus.s(2)], total.s())()"
    assert ask(f"[result.get(timeout=20) for result in ({asked})]") == [None, 2]
    states = {run.job: run.state for run in store.runs.recent([""])}
    assert states["jobs.skip"] is RunState.SKIPPED


def test_a_failed_job_calls_its_error_callback(fleet: OnbeatProcess, ask: Ask) -> None:
    ask("fail.apply_async(link_error=note.si()).id")
    fleet.wait_for_line("noted")


def test_arguments_that_celery_marks_in_its_json_are_the_same_at_the_second_attempt(
    fleet: OnbeatProcess, ask: Ask, store: Store
) -> None:
    run = end_of(store, ask("when.delay(datetime(2026, 1, 1, tzinfo=UTC)).id"))
    assert (run.state, run.result, run.attempt) == (RunState.SUCCEEDED, "2026-01-01T00:00:00+00:00", 2)


def test_retries_of_celerys_own_are_attempts_and_start_without_delay(
    fleet: OnbeatProcess, ask: Ask, store: Store
) -> None:
    run = end_of(store, ask("again.delay().id"), within=10)
    assert (run.state, run.result, run.attempt) == (RunState.SUCCEEDED, 2, 3)
    assert [attempt.outcome for attempt in run.attempts] == ["retrying", "retrying", "succeeded"]
    automatic = end_of(store, ask("automatic.delay().id"), within=10)
    assert (automatic.state, automatic.result) == (RunState.SUCCEEDED, "third")


def test_retries_of_celerys_own_work_in_an_entry_too(
    fleet: OnbeatProcess, with_results: Project, store: Store
) -> None:
    run_id = with_results.run("trigger", "again", "--json").expect(0).json()["run_id"]
    run = end_of(store, run_id, within=10)
    assert (run.state, run.result, run.attempt, run.entry) == (RunState.SUCCEEDED, 2, 3, "again")


def test_a_result_that_celery_can_not_store_is_no_failure_of_the_run(
    fleet: OnbeatProcess, ask: Ask, store: Store
) -> None:
    run = end_of(store, ask("no_json.delay().id"))
    assert (run.state, run.reason) == (RunState.SUCCEEDED, "result kept as text")
    assert ask("plus.delay(1, 1).get(timeout=10)") == 2


def test_a_task_that_replaces_itself_fails_and_says_what_to_do(
    fleet: OnbeatProcess, ask: Ask, store: Store
) -> None:
    run = end_of(store, ask("replaces.delay().id"))
    assert run.state is RunState.FAILED
    assert (run.error or "").startswith("NotImplementedError: self.replace() is not supported")


def test_what_a_worker_holds_for_later_is_not_lost_with_it(alone: Project, store_alone: Store) -> None:
    """A task with a countdown waits in a worker's memory; when that ends in order, it goes back to the queue."""
    with alone.start("worker", "-c", "1") as worker:
        worker.wait_for_event("worker.started", within=30)
        run_id = evaluated(alone, "plus.apply_async((1, 2), countdown=6).id")
        eventually(
            lambda: store_alone.client.hlen("unacked") == 1,
            within=10,
            what="the message in the worker's hand",
        )
        worker.send(signal.SIGTERM)
        assert worker.wait() == 0
    with alone.start("worker", "-c", "1"):
        run = end_of(store_alone, run_id, within=30)
        assert run.result == 3


def test_what_a_worker_holds_for_later_goes_back_even_when_its_grace_is_over(
    alone: Project, store_alone: Store
) -> None:
    alone.environ["ONBEAT_SHUTDOWN_GRACE"] = "100ms"
    with alone.start("worker", "-c", "1") as worker:
        worker.wait_for_event("worker.started", within=30)
        evaluated(alone, "plus.apply_async((1, 2), countdown=60).id")
        eventually(
            lambda: store_alone.client.hlen("unacked") == 1,
            within=10,
            what="the message in the worker's hand",
        )
        run_id = evaluated(alone, "wait.delay().id")
        worker.wait_for_event("run.started", run_id=run_id)
        worker.send(signal.SIGTERM)
        assert worker.wait() == 0
        assert worker.named("worker.stopped", handed_back=1), worker.transcript()
    assert store_alone.client.hlen("unacked") == 0
    assert store_alone.client.llen("default") == 2


def test_a_job_that_is_called_eagerly_needs_no_store(alone: Project) -> None:
    script = alone.write("eager.py", "import jobs\nprint(jobs.plus.apply((1, 2)).get(), jobs.plus.s(3)())\n")
    environ = {**alone.environ, "PYTHONPATH": str(alone.directory)}
    environ["ONBEAT_REDIS_URL"] = "redis://127.0.0.1:1/0"
    done = finished(directory=alone.directory, environ=environ, program=(sys.executable, str(script)))
    assert done.expect(0).out.split() == ["3", "3"]
