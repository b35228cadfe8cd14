"""A job that goes on where it was, in real workers: after an error, a kill, a worker that stopped, and a cancel."""

import signal

import pytest

from scheduler.operations import cancel
from scheduler.run import RunState
from scheduler.store import Keys, Store, connect
from tests.support.project import Project
from tests.support.runs import asked_for
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

JOBS = """
import os
import threading
import time

from scheduler import Cancelled, current_run, job


@job
def goes_on():
    run = current_run()
    place = run.checkpoint.get(default=0)
    run.checkpoint.set(place + 1)
    if place == 0:
        raise OSError("first")
    if place == 1:
        os.kill(os.getpid(), 9)
    if place == 2:
        run.heartbeat(0.4, "waiting for the worker to stop")
        time.sleep(60)
    return place


@job
def in_a_thread():
    run = current_run()
    try:
        while True:
            run.heartbeat(message="round and round")
            time.sleep(0.01)
    except Cancelled:
        run.checkpoint.set("tidied")
        raise
"""

SCHEDULES = """
[schedules.goes-on]
job = "jobs.goes_on"
retry = { max_attempts = 3, initial = "50ms" }
[schedules.in-a-thread]
job = "jobs.in_a_thread"
queue = "threads"
"""


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    return Store(connect(valkey.url), Keys())


def test_a_job_goes_on_where_it_was_and_says_how_far_it_is(project: Project, store: Store) -> None:
    project.jobs(JOBS)
    project.schedules(SCHEDULES)
    project.environ["ONBEAT_SHUTDOWN_GRACE"] = "100ms"
    with (
        project.start("beat") as beat,
        project.start("worker", "-Q", "default", "-c", "1") as worker,
        project.start("worker", "-Q", "threads", "--pool", "threads", "-c", "1") as threads,
    ):
        beat.wait_for_event("schedules.applied", within=30)
        threads.wait_for_event("worker.started", within=30)
        run_id, cancelled = (asked_for(store, name) for name in ("goes-on", "in-a-thread"))
        worker.wait_for_event("run.started", within=30, run_id=run_id, attempt=3)
        eventually(lambda: (run := store.runs.get(run_id)) and run.progress == 0.4, within=5)
        (shown,) = project.run("runs", "goes-on", "--json").expect(0).json()
        assert (shown["progress"], shown["message"]) == (0.4, "waiting for the worker to stop")
        assert shown["heartbeat_at"] > shown["started_at"]
        assert "40% waiting for the worker" in project.run("runs", "goes-on").expect(0).out

        eventually(lambda: (run := store.runs.get(cancelled)) and run.message == "round and round")
        cancel(store, store.runs.get_many([cancelled])[0], by="test")
        threads.wait_for_event("run.cancelled", run_id=cancelled)
        run = store.runs.get(cancelled)
        assert run is not None
        assert (run.state, run.checkpoint) == (RunState.CANCELLED, '"tidied"')

        with project.start("worker", "-Q", "default", "-c", "1") as other:
            other.wait_for_event("worker.started", within=30)
            worker.send(signal.SIGTERM)
            other.wait_for_event("run.succeeded", within=10, run_id=run_id, result=3)
        assert worker.wait() == 0
        assert store.runs.get(run_id).checkpoint is None  # type: ignore[union-attr]
