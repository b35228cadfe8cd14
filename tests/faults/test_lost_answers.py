"""The store takes a claim, and is away before its answer has arrived: the run starts when the store is back, once."""

import os
import signal
import sys
from collections.abc import Iterator
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
# Longer than a worker would try for the sake of its place.
AWAY_S = 9.0


@pytest.fixture
def wire(valkey: ValkeyServer) -> Iterator[Proxy]:
    proxy = Proxy(valkey.port).start()
    yield proxy
    proxy.close()


@pytest.fixture
def worker(project: Project, wire: Proxy, tmp_path: Path) -> Iterator[OnbeatProcess]:
    """One with a single child, which does what `order` says."""
    project.jobs(JOBS)
    project.schedules("")
    process = OnbeatProcess(
        ("worker", "-c", "1"),
        directory=project.directory,
        environ={**project.environ, "ONBEAT_REDIS_URL": f"redis://127.0.0.1:{wire.port}/0"},
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


def ring(store: Store, run_id: str) -> None:
    call = Call(job="jobs.nothing")
    store.runs.create(run_id, call, entry="e", trigger="manual", scheduled_at=store.presence.now())
    StorePublisher(store).publish([(run, text, 1) for run, text in store.runs.calls([run_id]).values()])
