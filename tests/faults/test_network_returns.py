"""The network is gone, and comes back without a word about the connections from before: workers take runs again."""

import time
from collections.abc import Iterator

import pytest

from scheduler.publisher import StorePublisher
from scheduler.run import Call
from scheduler.store import Keys, Store, connect
from tests.faults.proxy import Proxy
from tests.support.project import Project
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

JOBS = "from scheduler import job\n\n\n@job\ndef nothing() -> None: ...\n"
WITHIN_S = 15


@pytest.fixture
def wire(valkey: ValkeyServer) -> Iterator[Proxy]:
    proxy = Proxy(valkey.port).start()
    yield proxy
    proxy.close()


def ring(store: Store, run_id: str) -> None:
    store.runs.create(
        run_id, Call(job="jobs.nothing"), entry="e", trigger="manual", scheduled_at=store.presence.now()
    )
    StorePublisher(store).publish([(run, text, 1) for run, text in store.runs.calls([run_id]).values()])


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_connections_that_died_unheard_are_replaced_within_15_s(
    project: Project, valkey: ValkeyServer, wire: Proxy, pool: str
) -> None:
    project.jobs(JOBS)
    project.environ["ONBEAT_POOL"] = pool
    project.environ["ONBEAT_REDIS_URL"] = f"redis://127.0.0.1:{wire.port}/0"
    store = Store(connect(valkey.url), Keys())
    with project.start("worker", "-c", "1") as worker:
        worker.wait_for_event("worker.started", within=30)
        ring(store, "before")
        worker.wait_for_event("run.succeeded", run_id="before", within=10)
        wire.forget()
        began = time.monotonic()
        # Until then the server would hand the message to a connection that is dead.
        eventually(lambda: not blocked(store), within=5, what="the end of the last wait for messages")
        ring(store, "after")
        worker.wait_for_event("run.started", run_id="after", within=60)
        assert time.monotonic() - began < WITHIN_S


def blocked(store: Store) -> int:
    """How many connections wait for messages."""
    return int(store.client.info("clients")["blocked_clients"])
