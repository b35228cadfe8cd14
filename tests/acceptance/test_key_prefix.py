"""Several deployments share a server by ONBEAT_KEY_PREFIX: nothing of one stands outside its prefix."""

import sys

import pytest

from scheduler.run import RunState
from scheduler.store import Keys, Store, connect
from tests.support.process import finished
from tests.support.project import Project
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

JOBS = """
from scheduler import current_run, job


@job
def hello():
    print("hello")
    return "hello"


@job(retry={"max_attempts": 2, "initial": "100ms"})
def flaky():
    if current_run().attempt < 2:
        raise OSError("first")
    return 1


@job
def fail():
    raise ValueError("broken")


@job
def total(numbers):
    return sum(numbers)
"""

SCHEDULES = """
[schedules.hello]
job = "jobs.hello"
interval = "1s"
[schedules.elsewhere]
job = "jobs.flaky"
queue = "elsewhere"
retry = { max_attempts = 2, initial = "100ms" }
[schedules.fail]
job = "jobs.fail"
"""


@pytest.mark.parametrize("prefix", ["acme:", "{acme}"])
def test_no_key_stands_outside_the_prefix(project: Project, valkey: ValkeyServer, prefix: str) -> None:
    project.jobs(JOBS)
    project.schedules(SCHEDULES)
    project.environ |= {"ONBEAT_KEY_PREFIX": prefix, "ONBEAT_RESULT_BACKEND": valkey.url}
    store = Store(connect(valkey.url), Keys(prefix))
    with project.start("beat") as beat, project.start("worker", "-c", "2") as worker:
        beat.wait_for_event("schedules.applied", within=30)
        worker.wait_for_event("run.succeeded", within=30, entry="hello")
        for entry in ("elsewhere", "fail"):
            project.run("trigger", entry).expect(0)
        project.run("pause", "fail", "--reason", "why").expect(0)
        assert _application(project) == "2"
        eventually(lambda: _states(store, "elsewhere") == {RunState.SUCCEEDED}, within=15)
        eventually(lambda: _states(store, "fail") == {RunState.FAILED}, within=15)
        outside = [str(key) for key in store.client.scan_iter("*") if not str(key).startswith(prefix)]
        assert outside == []
        channels = [str(name) for name in store.client.pubsub_channels() if prefix not in str(name)]
        assert channels == []
    assert project.run("health", "beat").code == 1
    assert [str(key) for key in store.client.scan_iter("*") if not str(key).startswith(prefix)] == []


def _states(store: Store, entry: str) -> set[RunState]:
    return {run.state for run in store.runs.recent([entry])}


def _application(project: Project) -> str:
    """An application's chord, whose result it waits for."""
    script = project.write(
        "ask.py",
        """
        from celery import chord
        from jobs import flaky, total

        print(chord([flaky.s(), flaky.s()], total.s())().get(timeout=20))
        """,
    )
    environ = {**project.environ, "PYTHONPATH": str(project.directory)}
    done = finished(directory=project.directory, environ=environ, program=(sys.executable, str(script)))
    return done.expect(0).out.strip()
