"""Messages that nobody has any more: taken by a worker that died before its claim, or gone with their queue."""

import signal
import sys
import time
from pathlib import Path

from scheduler.publisher import StorePublisher
from scheduler.run import Call
from scheduler.store import Keys, Store, connect
from tests.faults import faulty
from tests.support.process import OnbeatProcess
from tests.support.project import Project
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

JOBS = "from scheduler import job\n\n\n@job\ndef nothing() -> None: ...\n"
WITHIN_S = 30


def ring(store: Store, run_id: str) -> None:
    store.runs.create(
        run_id, Call(job="jobs.nothing"), entry="e", trigger="manual", scheduled_at=store.presence.now()
    )
    StorePublisher(store).publish([(run, text, 1) for run, text in store.runs.calls([run_id]).values()])


def test_what_was_lost_with_a_worker_or_a_queue_is_sent_again_within_30_s(
    project: Project, valkey: ValkeyServer
) -> None:
    project.jobs(JOBS)
    project.schedules("")
    store = Store(connect(valkey.url), Keys())
    order = project.directory / "order"
    order.write_text("claim.before:orphan")
    program = (sys.executable, str(Path(faulty.__file__)), str(order))
    dying = OnbeatProcess(
        ("worker", "-c", "1"), directory=project.directory, environ=project.environ, program=program
    )
    try:
        ring(store, "taken")
        assert dying.wait(within=30) == -signal.SIGKILL
    finally:
        dying.close()
    assert not store.client.llen("default")
    ring(store, "purged")
    lost_at = time.monotonic()
    store.client.delete("default")
    with project.start("beat") as beat, project.start("worker", "-c", "1") as worker:
        for run_id in ("taken", "purged"):
            worker.wait_for_event("run.succeeded", run_id=run_id, within=60)
        assert time.monotonic() - lost_at < WITHIN_S
        eventually(lambda: len(beat.named("run.republished")) == 2, within=5, what="both told of")
        assert [event["attempt"] for event in worker.named("run.started")] == [1, 1]
