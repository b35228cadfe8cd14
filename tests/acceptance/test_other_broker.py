"""The broker is another server than the store: decisions go to the outbox first, and out of it once."""

import functools
from collections.abc import Callable

from scheduler.run import RunState
from scheduler.store import Keys, Store, connect
from tests.support.project import Project
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually


def test_runs_go_through_the_outbox_and_wait_there_while_the_broker_is_away(
    project: Project, valkey: ValkeyServer, new_valkey: Callable[..., ValkeyServer]
) -> None:
    broker = new_valkey(append_only=True)
    project.environ["ONBEAT_BROKER_URL"] = broker.url
    store = Store(connect(valkey.url), Keys())
    with project.start("beat") as beat, project.start("worker", "-c", "1") as worker:
        worker.wait_for_event("run.succeeded", within=30, entry="hello")
        assert store.outbox.size() == 0
        assert store.client.exists("default") == 0

        broker.kill()
        beat.wait_for_event("broker.unreachable", within=10)
        eventually(lambda: store.outbox.size() == 1, within=10, what="a run that waits in the outbox")
        broker.start()
        beat.wait_for_event("broker.reachable", within=15)
        for run_id in store.runs.active("hello"):
            eventually(functools.partial(_succeeded, store, run_id), within=20)
        assert len(beat.named("broker.unreachable")) == 1
        eventually(lambda: store.outbox.size() == 0, within=10)
        assert store.ledger.totals().unaccounted == 0


def _succeeded(store: Store, run_id: str) -> bool:
    run = store.runs.get(run_id)
    return run is not None and run.state is RunState.SUCCEEDED
