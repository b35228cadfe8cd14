"""Jobs that do what no job should: each run ends with a reason that tells, and the worker goes on."""

from collections.abc import Iterator

import pytest

from scheduler.publisher import StorePublisher
from scheduler.run import Call, RunState
from scheduler.store import Keys, Store, connect
from tests.support.process import OnbeatProcess
from tests.support.project import Project
from tests.support.runs import end_of
from tests.support.valkey import ValkeyServer

JOBS = r"""
import asyncio
import os
import sys

from scheduler import job


class BadText(Exception):
    def __str__(self):
        raise RuntimeError("no text")


class BadRepr:
    def __repr__(self):
        raise RuntimeError("no repr")


class Unpicklable(Exception):
    def __init__(self, first, second):
        super().__init__("unpicklable")
        self.keeps = lambda: first + second


@job
def no_text():
    raise BadText


@job
def no_repr():
    return BadRepr()


@job
def unpicklable():
    raise Unpicklable(1, 2)


@job
def interrupted():
    raise KeyboardInterrupt


@job
def leaves():
    sys.exit(3)


@job
def leaves_at_once():
    os._exit(0)


@job
def generator_exit():
    raise GeneratorExit


@job
async def cancelled():
    raise asyncio.CancelledError("cancelled by itself")


@job
def out_of_memory():
    raise MemoryError("too much")


@job
def half_a_pair():
    print("printed \udcff")
    raise ValueError("no such file: \udcff")


@job
def many_words():
    raise ValueError("y" * 5_000_000)


@job
def much():
    return "x" * 5_000_000


@job
def not_a_number():
    return float("nan")


@job
def group():
    raise ExceptionGroup("two", [ValueError("one"), TypeError("other")])


@job
def takes(a: int):
    return a


@job
def well():
    return 1
"""

FAILED, SUCCEEDED = RunState.FAILED, RunState.SUCCEEDED
ENDS: dict[str, tuple[RunState, str | None]] = {
    "no_text": (FAILED, "BadText: (its message can't be read)"),
    "no_repr": (SUCCEEDED, None),
    "unpicklable": (FAILED, "Unpicklable: unpicklable"),
    "interrupted": (FAILED, "KeyboardInterrupt"),
    "leaves": (FAILED, "RuntimeError: the job called exit(3)"),
    "leaves_at_once": (FAILED, "worker lost: the job's process ended by itself, with exit code 0"),
    "generator_exit": (FAILED, "GeneratorExit"),
    "cancelled": (FAILED, "CancelledError: cancelled by itself"),
    "out_of_memory": (FAILED, "MemoryError: too much"),
    "half_a_pair": (FAILED, "ValueError: no such file: \\udcff"),
    "group": (FAILED, "ExceptionGroup: two (2 sub-exceptions)"),
    "takes": (FAILED, "TypeError: the job has no argument 'b'; it takes a; the job needs the argument 'a'"),
    "much": (SUCCEEDED, None),
    "not_a_number": (SUCCEEDED, None),
    "well": (SUCCEEDED, None),
}


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    return Store(connect(valkey.url), Keys())


@pytest.fixture
def worker(project: Project) -> Iterator[OnbeatProcess]:
    project.jobs(JOBS)
    with project.start("worker", "-c", "2") as process:
        process.wait_for_event("worker.started", within=30)
        yield process


def ask(store: Store, call: Call) -> str:
    """A run of `call`, its message in the queue."""
    run_id = f"run-of-{call.job}"
    store.runs.create(run_id, call, entry="e", trigger="manual", scheduled_at=store.presence.now())
    StorePublisher(store).publish(
        [(run, text, run.attempt) for run, text in store.runs.calls([run_id]).values()]
    )
    return run_id


def test_whatever_leaves_a_job_ends_its_run_and_the_worker_goes_on(
    store: Store, worker: OnbeatProcess
) -> None:
    ids = {
        name: ask(store, Call(job=f"jobs.{name}", kwargs={"b": 1} if name == "takes" else {}))
        for name in ENDS
    }
    runs = {name: end_of(store, run_id) for name, run_id in ids.items()}
    assert {name: (run.state, run.error) for name, run in runs.items()} == ENDS
    assert runs["no_repr"].result == "<jobs.BadRepr whose repr fails>"
    assert runs["much"].reason == runs["not_a_number"].reason == "result kept as text"
    lines = [line["message"] for _, line in store.logs.read(ids["half_a_pair"])]
    assert lines == ["printed \N{REPLACEMENT CHARACTER}"]
    assert worker.strays == []


def test_an_error_of_many_words_is_cut_on_record_and_in_the_log(store: Store, worker: OnbeatProcess) -> None:
    run = end_of(store, ask(store, Call(job="jobs.many_words")))
    assert run.state is FAILED
    assert len(run.error or "") < 10_000
    assert len((worker.wait_for_event("run.failed"))["error"]) < 10_000
