"""The store is away while a worker claims a run or puts its end on record: it waits, and no attempt is lost by that."""

import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from scheduler.publisher import StorePublisher
from scheduler.run import Call
from scheduler.store import Keys, Store, connect
from tests.faults import faulty
from tests.faults.breakages import children
from tests.faults.proxy import Proxy
from tests.faults.trials import is_stopped
from tests.support.process import OnbeatProcess
from tests.support.project import Project
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually, never

JOBS = "from scheduler import job\n\n\n@job\ndef nothing() -> None: ...\n"
CALL = Call(job="jobs.nothing")
AWAY_S = 7.0  # longer than a worker once tried
LIMIT = timedelta(seconds=1.5)


@pytest.fixture
def wire(valkey: ValkeyServer) -> Iterator[Proxy]:
    proxy = Proxy(valkey.port).start()
    yield proxy
    proxy.close()


@pytest.fixture
def worker(project: Project, valkey: ValkeyServer, wire: Proxy, tmp_path: Path) -> Iterator[OnbeatProcess]:
    """One with a single child, which does what `order` says."""
    project.jobs(JOBS)
    project.schedules("")
    process = OnbeatProcess(
        ("worker", "-c", "1"),
        directory=project.directory,
        # With a broker of its own, or what it does meanwhile would wait for that.
        environ={**project.environ, "ONBEAT_REDIS_URL": wire.url, "ONBEAT_BROKER_URL": valkey.url},
        program=(sys.executable, str(Path(faulty.__file__)), str(tmp_path / "order")),
    )
    yield process
    process.close()


@pytest.mark.slow
@pytest.mark.timeout(90)
def test_a_claim_whose_answer_is_lost_is_kept_and_its_run_starts_once_when_the_store_is_back(
    project: Project, valkey: ValkeyServer, wire: Proxy, worker: OnbeatProcess, tmp_path: Path
) -> None:
    store = Store(connect(valkey.url), Keys())
    worker.wait_for_event("worker.started", within=30)
    ring(store, "before")  # its child has a connection then, by which a claim gets through
    worker.wait_for_event("run.succeeded", run_id="before", within=10)
    (tmp_path / "order").write_text("claim.before:stop")
    ring(store, "claimed")
    (child,) = eventually(lambda: [pid for pid in children(worker.pid) if is_stopped(pid)], within=10)
    wire.lose_answers()
    with project.start("beat") as beat:
        beat.wait_for_event("schedules.applied", within=30)
        os.kill(child, signal.SIGCONT)
        eventually(lambda: (run := store.runs.get("claimed")) and run.worker, within=10, what="a claim")
        never(lambda: worker.named("run.started", run_id="claimed"), AWAY_S, what="a start")
        wire.heal()
        worker.wait_for_event("run.succeeded", run_id="claimed", attempt=1, within=40)
        assert len(worker.named("run.started", run_id="claimed")) == 1
        assert not beat.named("run.lost")


@pytest.mark.slow
@pytest.mark.timeout(90)
@pytest.mark.parametrize("step", ["claim", "finish"])
def test_what_a_worker_waits_for_the_store_is_no_time_of_its_job(
    step: str, valkey: ValkeyServer, wire: Proxy, worker: OnbeatProcess, tmp_path: Path
) -> None:
    store = Store(connect(valkey.url), Keys())
    worker.wait_for_event("worker.started", within=30)
    ring(store, "before")
    worker.wait_for_event("run.succeeded", run_id="before", within=10)
    (tmp_path / "order").write_text(f"{step}.before:stop")
    ring(
        store,
        "limited",
        replace(CALL, soft_timeout=LIMIT / 2, timeout=LIMIT),
    )
    (child,) = eventually(lambda: [pid for pid in children(worker.pid) if is_stopped(pid)], within=10)
    wire.hold()
    os.kill(child, signal.SIGCONT)
    never(lambda: worker.named("run.timed_out"), 2 * LIMIT.total_seconds(), what="a time-out")
    wire.heal()
    worker.wait_for_event("run.succeeded", run_id="limited", attempt=1, within=40)
    assert not worker.named("run.timed_out")


def ring(store: Store, run_id: str, call: Call = CALL) -> None:
    store.runs.create(run_id, call, entry="e", trigger="manual", scheduled_at=store.presence.now())
    StorePublisher(store).publish([(run, text, 1) for run, text in store.runs.calls([run_id]).values()])
