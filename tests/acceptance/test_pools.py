"""`onbeat worker --pool threads` and `--pool solo`: what they do as well as child processes, and what they can't."""

import os
import signal
from datetime import timedelta

import pytest

from scheduler.publisher import StorePublisher
from scheduler.run import Call, RunState
from scheduler.store import Keys, Store, connect
from tests.support.project import Project
from tests.support.runs import end_of
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

JOBS = """
import asyncio
import os
import threading
import time

from scheduler import current_run, job

both = threading.Barrier(2, timeout=20)


@job
def meet():
    both.wait()
    for number in range(20):
        print(f"{current_run().run_id} says {number}")
        time.sleep(0.01)
    both.wait()
    return current_run().run_id


@job
async def later():
    await asyncio.sleep(0)
    return current_run().run_id


@job
def fail():
    raise ValueError("broken")


@job
def take(megabytes):
    held = bytearray(b"x") * (megabytes * 1024 * 1024)
    return os.getpid()


@job
def wait():
    print("waiting")
    time.sleep(60)
"""


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    return Store(connect(valkey.url), Keys())


def ask(store: Store, run_id: str, job: str, **kwargs: int) -> None:
    call = Call(job=job, kwargs=kwargs)
    store.runs.create(run_id, call, entry="e", trigger="manual", scheduled_at=store.presence.now())
    StorePublisher(store).publish([(run, text, 1) for run, text in store.runs.calls([run_id]).values()])


def test_runs_in_threads_at_once_keep_their_lines_and_their_current_run_apart(
    project: Project, store: Store
) -> None:
    project.jobs(JOBS)
    with project.start("worker", "--pool", "threads", "-c", "2") as worker:
        worker.wait_for_event("worker.started", within=30)
        ids = ("one", "two")
        for run_id in ids:
            ask(store, run_id, "jobs.meet")
        for run_id in ids:
            assert end_of(store, run_id).result == run_id
            messages = [line["message"] for _, line in store.logs.read(run_id)]
            assert messages == [f"{run_id} says {number}" for number in range(20)]


@pytest.mark.parametrize("pool", ["prefork", "threads", "solo"])
def test_a_thread_that_is_free_takes_the_next_run_at_once(project: Project, store: Store, pool: str) -> None:
    """Nothing but a timer woke the loop for it: 60 short runs took 15 s."""
    project.jobs(JOBS)
    ids = [f"run-{number}" for number in range(60)]
    with project.start("worker", "--pool", pool, "-c", "2") as worker:
        worker.wait_for_event("worker.started", within=30)
        for run_id in ids:
            ask(store, run_id, "jobs.later")
        eventually(lambda: not store.runs.active("e"), within=6, what="the end of all runs")
    assert all(run.state is RunState.SUCCEEDED for run in store.runs.get_many(ids))


@pytest.mark.parametrize("pool", ["threads", "solo"])
def test_a_worker_without_children_executes_says_what_it_cannot_and_ends_in_order(
    project: Project, store: Store, pool: str
) -> None:
    project.jobs(JOBS)
    with project.start("worker", "--pool", pool, "-c", "2") as worker:
        worker.wait_for_event("worker.started", within=30)
        limited = worker.wait_for_event("worker.limited")
        assert "timeout" in limited["reason"]
        ask(store, "well", "jobs.later")
        ask(store, "bad", "jobs.fail")
        assert end_of(store, "well").result == "well"
        assert end_of(store, "bad").error == "ValueError: broken"
        assert worker.stop() == 0
        assert worker.named("worker.stopped")
        assert worker.named("process.log", level="error") == []


@pytest.mark.parametrize("pool", ["prefork", "threads", "solo"])
def test_a_run_longer_than_the_grace_is_handed_back_by_every_pool(
    project: Project, store: Store, pool: str
) -> None:
    project.jobs(JOBS)
    project.environ["ONBEAT_SHUTDOWN_GRACE"] = "200ms"
    with project.start("worker", "--pool", pool, "-c", "1") as worker:
        worker.wait_for_event("worker.started", within=30)
        ask(store, "long", "jobs.wait")
        worker.wait_for_event("run.started", run_id="long")
        worker.send(signal.SIGTERM)
        assert worker.wait(within=10) == 0
        assert worker.named("worker.stopped")[0]["handed_back"] == 1
    run = store.runs.get("long")
    assert run is not None
    assert (run.state, run.attempt, run.worker) == (RunState.QUEUED, 1, None)
    assert store.client.llen("default") >= 1  # solo has not let go of its message: the second one is refused


def test_sighup_changes_nothing_for_a_worker_without_terminal_and_sigquit_ends_it_at_once(
    project: Project, store: Store
) -> None:
    project.jobs(JOBS)
    with project.start("worker", "-c", "1") as worker:
        worker.wait_for_event("worker.started", within=30)
        worker.send(signal.SIGHUP)
        ask(store, "long", "jobs.wait")
        worker.wait_for_event("run.started", run_id="long")
        assert len(worker.named("worker.started")) == 1
        worker.send(signal.SIGQUIT)
        assert worker.wait(within=10) == os.EX_OK
        assert worker.named("run.interrupted", run_id="long")


def test_a_timeout_is_kept_by_child_processes_only(project: Project, store: Store) -> None:
    """So the default pool is the one that ends what hangs."""
    project.jobs(JOBS)
    with project.start("worker", "-c", "1") as worker:
        worker.wait_for_event("worker.started", within=30)
        call = Call(job="jobs.wait", timeout=timedelta(milliseconds=500))
        store.runs.create("hangs", call, entry="e", trigger="manual", scheduled_at=store.presence.now())
        StorePublisher(store).publish([(run, text, 1) for run, text in store.runs.calls(["hangs"]).values()])
        assert (
            end_of(store, "hangs").error == "TimeLimitExceeded: the job took longer than its timeout of 500ms"
        )
        assert not worker.named("worker.limited")


def test_a_child_is_replaced_after_so_many_runs_and_after_one_that_took_too_much_memory(
    project: Project, store: Store
) -> None:
    project.jobs(JOBS)
    rules = ("--max-tasks-per-child", "2", "--max-memory-per-child", "250MB")
    with project.start("worker", "-c", "1", *rules) as worker:
        worker.wait_for_event("worker.started", within=30)
        children = []
        for number, megabytes in enumerate((1, 1, 300, 1, 1, 1)):
            ask(store, f"run-{number}", "jobs.take", megabytes=megabytes)
            children.append(end_of(store, f"run-{number}").result)
        first, same, large, fourth, fifth, last = children
        assert (first == same, fourth == fifth) == (True, True)
        assert len({first, large, fourth, last}) == 4
        assert not worker.named("run.lost")
        assert worker.stop() == 0


def test_autoscale_starts_children_while_there_is_work_for_them(project: Project, store: Store) -> None:
    project.jobs(JOBS)
    project.environ["ONBEAT_AUTOSCALE"] = "3,1"
    with project.start("worker") as worker:
        assert worker.wait_for_event("worker.started", within=30)["concurrency"] == 1
        for number in range(4):
            ask(store, f"run-{number}", "jobs.wait")
        eventually(lambda: len(worker.named("run.started")) == 3, within=15, what="three runs at once")
        assert len({event["pid"] for event in worker.named("run.started")}) == 3
        worker.send(signal.SIGQUIT)
        assert worker.wait(within=10) == os.EX_OK
    assert len(store.runs.active("e")) == 4


def test_rules_of_children_are_refused_where_there_are_none(project: Project) -> None:
    refused = project.run("worker", "--pool", "threads", "--max-tasks-per-child", "5").expect(3)
    assert "ONBEAT_MAX_TASKS_PER_CHILD is about child processes, and the pool threads has none" in refused.err
    assert "--max-memory-per-child" in project.run("worker", "--max-memory-per-child", "200").expect(2).err
    project.run("worker", "-c", "2", "--autoscale", "3,1").expect(2)
