"""A real worker, real children, real signals: what becomes of a run, whatever happens to it."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from scheduler.run import RunState
from scheduler.store import Keys, Store, connect
from tests.support.process import OnbeatProcess
from tests.support.project import Project
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

JOBS = """
import asyncio
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

from celery import shared_task

from scheduler import Abort, Retry, Skip, current_run, job


@job
def talk():
    import logging

    print("printed")
    logging.getLogger("mine").warning("logged")
    warnings.warn("careful")
    os.write(1, b"written to descriptor 1\\n")
    subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
    sys.stdout.write("no newline at the end")
    return {"entry": current_run().entry}


@job
def fail():
    raise ValueError("broken")


@job
def flaky():
    if current_run().attempt < 3:
        raise OSError(f"attempt {current_run().attempt}")
    return "third"


@job
def skip():
    raise Skip("nothing to do")


@job
def abort():
    raise Abort("bad invoice")


@job
async def later():
    await asyncio.sleep(0)
    return "awaited"


@job
def stubborn(path):
    child = subprocess.Popen(["sh", "-c", "trap '' TERM; sleep 300 & sleep 300"])
    Path(path).write_text(str(child.pid))
    while True:
        time.sleep(1)


@job
def die():
    os.kill(os.getpid(), 9)


@job
def wait(seconds: float = 60.0):
    print("waiting")
    time.sleep(seconds)
    return "waited"


@job
def add(a: int, b: int) -> int:
    return a + b


@shared_task
def stock(x):
    return x * 2
"""

SCHEDULES = """
[schedules.talk]
job = "jobs.talk"
[schedules.fail]
job = "jobs.fail"
[schedules.flaky]
job = "jobs.flaky"
retry = { max_attempts = 3, initial = "200ms", jitter = 0.0 }
[schedules.given-up]
job = "jobs.flaky"
retry = { max_attempts = 3, initial = "200ms", give_up_on = ["OSError"] }
[schedules.skip]
job = "jobs.skip"
[schedules.abort]
job = "jobs.abort"
retry = { max_attempts = 3 }
[schedules.later]
job = "jobs.later"
[schedules.stubborn]
job = "jobs.stubborn"
kwargs = { path = "child-pid" }
timeout = "1s"
[schedules.soft]
job = "jobs.wait"
soft_timeout = "300ms"
timeout = "10s"
[schedules.die]
job = "jobs.die"
[schedules.die-again]
job = "jobs.die"
retry = { max_attempts = 2, initial = "100ms" }
[schedules.wait]
job = "jobs.wait"
[schedules.wait-and-retry]
job = "jobs.wait"
kwargs = { seconds = 300.0 }
retry = { max_attempts = 2, initial = "100ms" }
"""


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    return Store(connect(valkey.url), Keys())


@pytest.fixture
def fleet(project: Project) -> Project:
    project.jobs(JOBS)
    project.schedules(SCHEDULES)
    return project


def started(project: Project) -> Callable[[OnbeatProcess, OnbeatProcess], None]:
    def wait(beat: OnbeatProcess, worker: OnbeatProcess) -> None:
        beat.wait_for_event("schedules.applied", within=30)
        worker.wait_for_event("worker.started", within=30)

    return wait


def trigger(project: Project, entry: str) -> str:
    run_id: str = project.run("trigger", entry, "--json").expect(0).json()["run_id"]
    return run_id


def ended(store: Store, run_id: str, within: float = 15) -> RunState:
    def final() -> RunState | None:
        run = store.runs.get(run_id)
        return run.state if run is not None and run.state.final else None

    return eventually(final, within=within, what=f"the end of {run_id}")  # type: ignore[return-value]


def test_every_outcome_that_a_job_can_have_is_on_record(fleet: Project, store: Store) -> None:
    with fleet.start("beat") as beat, fleet.start("worker", "-c", "2") as worker:
        started(fleet)(beat, worker)
        runs = {
            entry: trigger(fleet, entry)
            for entry in ("talk", "fail", "flaky", "given-up", "skip", "abort", "later", "soft", "stubborn")
        }
        states = {entry: ended(store, run_id) for entry, run_id in runs.items()}
        assert states == {
            "talk": RunState.SUCCEEDED,
            "fail": RunState.FAILED,
            "flaky": RunState.SUCCEEDED,
            "given-up": RunState.FAILED,
            "skip": RunState.SKIPPED,
            "abort": RunState.FAILED,
            "later": RunState.SUCCEEDED,
            "soft": RunState.FAILED,
            "stubborn": RunState.FAILED,
        }
        flaky = store.runs.get(runs["flaky"])
        assert flaky is not None
        assert flaky.result == "third"
        assert [(each.number, each.outcome, each.error) for each in flaky.attempts] == [
            (1, "retrying", "OSError: attempt 1"),
            (2, "retrying", "OSError: attempt 2"),
            (3, "succeeded", None),
        ]
        failed = store.runs.get(runs["fail"])
        assert failed is not None
        assert failed.error == "ValueError: broken"
        assert failed.traceback is not None
        assert 'raise ValueError("broken")' in failed.traceback
        assert "scheduler/worker" not in failed.traceback
        stubborn = store.runs.get(runs["stubborn"])
        assert stubborn is not None
        assert stubborn.error == "TimeLimitExceeded: the job took longer than its timeout of 1s"
        worker.wait_for_event("run.timed_out", entry="stubborn", limit="hard")
        worker.wait_for_event("run.timed_out", entry="soft", limit="soft")
        child = int((fleet.directory / "child-pid").read_text())
        eventually(lambda: not _alive(child), what="the end of what the job had started")
        assert worker.stop() == 0
        assert beat.stop() == 0
    assert worker.strays == []


def test_all_that_a_job_writes_is_bound_to_its_run_on_stdout_and_in_the_store(
    fleet: Project, store: Store
) -> None:
    with fleet.start("beat") as beat, fleet.start("worker", "-c", "1") as worker:
        started(fleet)(beat, worker)
        run_id = trigger(fleet, "talk")
        assert ended(store, run_id) is RunState.SUCCEEDED
        kept = eventually(lambda: _messages(store, run_id, 6), what="the run's own log")
        lines = {
            "printed",
            "logged",
            "careful",
            "written to descriptor 1",
            "from a child",
            "no newline at the end",
        }
        assert lines <= set(kept or ())
        on_stdout = {event.get("message") for event in worker.events if event.get("run_id") == run_id}
        assert lines <= on_stdout
    assert worker.strays == []


@pytest.mark.slow
def test_a_child_that_is_killed_loses_its_run_at_once_and_it_is_retried_by_policy(
    fleet: Project, store: Store
) -> None:
    with fleet.start("beat") as beat, fleet.start("worker", "-c", "1") as worker:
        started(fleet)(beat, worker)
        lost, retried = trigger(fleet, "die"), trigger(fleet, "die-again")
        assert ended(store, lost) is RunState.FAILED
        assert ended(store, retried) is RunState.FAILED
        worker.wait_for_event("run.lost", run_id=lost)
        run = store.runs.get(retried)
        assert run is not None
        assert [each.number for each in run.attempts] == [1, 2]
        assert run.reason == "worker lost"


@pytest.mark.slow
def test_a_worker_that_is_killed_is_found_by_its_lease_within_20_seconds(
    fleet: Project, store: Store
) -> None:
    with fleet.start("beat") as beat:
        with fleet.start("worker", "-c", "1", may_leave=True) as worker:
            started(fleet)(beat, worker)
            run_id = trigger(fleet, "wait-and-retry")
            worker.wait_for_event("run.started", run_id=run_id)
            worker.kill()
        lost = beat.wait_for_event("run.lost", within=20, run_id=run_id)
        assert lost["attempt"] == 1
        with fleet.start("worker", "-c", "1") as other:
            other.wait_for_event("run.started", within=30, run_id=run_id, attempt=2)
            other.kill()


def test_a_worker_that_must_stop_hands_its_run_back_and_another_starts_it_at_once(
    fleet: Project, store: Store
) -> None:
    fleet.environ["ONBEAT_SHUTDOWN_GRACE"] = "1s"
    with fleet.start("beat") as beat, fleet.start("worker", "-c", "1") as worker:
        started(fleet)(beat, worker)
        run_id = trigger(fleet, "wait")
        worker.wait_for_event("run.started", run_id=run_id)
        with fleet.start("worker", "-c", "1") as other:
            other.wait_for_event("worker.started", within=30)
            worker.send(signal.SIGTERM)
            worker.wait_for_event("run.interrupted", run_id=run_id)
            other.wait_for_event("run.started", within=3, run_id=run_id, attempt=1)
            assert worker.wait() == 0
            assert worker.named("worker.draining")
            assert worker.named("worker.stopped")[0]["handed_back"] == 1
            other.send(signal.SIGTERM)
            other.wait_for_event("worker.draining")
            other.send(signal.SIGTERM)  # the second one ends it at once
            assert other.wait(within=5) == 0


def test_a_message_that_comes_twice_or_late_starts_nothing(fleet: Project, store: Store) -> None:
    with fleet.start("beat") as beat:
        beat.wait_for_event("schedules.applied", within=30)
        run_id = trigger(fleet, "later")
        (message,) = eventually(lambda: store.client.lrange("default", 0, -1), what="the message")
        store.client.lpush("default", message, message)
        with fleet.start("worker", "-c", "2") as worker:
            eventually(lambda: len(worker.named("run.duplicate", run_id=run_id)) == 2, within=30)
            assert len(worker.named("run.started", run_id=run_id)) == 1
            assert ended(store, run_id) is RunState.SUCCEEDED


def test_jobs_are_celery_tasks_too_and_what_an_application_sends_is_tracked(
    fleet: Project, store: Store
) -> None:
    sender = fleet.write(
        "send.py",
        """
        from celery import chain
        import jobs

        print(jobs.add.delay(1, 2).id)
        print(chain(jobs.add.s(1, 2), jobs.add.s(10))().id)
        print(jobs.stock.delay(21).id)
        """,
    )
    with fleet.start("worker", "-c", "1") as worker:
        worker.wait_for_event("worker.started", within=30)
        ids = _python(fleet, sender).split()
        assert [ended(store, run_id) for run_id in ids] == [RunState.SUCCEEDED] * 3
        results = [run.result for run in map(store.runs.get, ids) if run is not None]
        assert results == [3, 13, 42]
        run = store.runs.get(ids[0])
        assert run is not None
        assert (run.entry, run.job, run.trigger) == (None, "jobs.add", "manual")


def _python(project: Project, script: Path) -> str:
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=project.directory,
        env=project.environ | {"PYTHONPATH": str(project.directory)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _messages(store: Store, run_id: str, at_least: int) -> list[str] | None:
    found = [str(line.get("message")) for _, line in store.logs.read(run_id)]
    return found if len(found) >= at_least else None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
