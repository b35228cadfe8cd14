"""A server that answers and can't write, as with a full disk: nobody exits, and each process says so once."""

from collections.abc import Callable
from pathlib import Path

from scheduler.store import Keys, Store, connect
from tests.support.project import Project
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually


def test_beat_and_worker_wait_for_a_server_that_refuses_writes(
    tmp_path: Path, new_valkey: Callable[..., ValkeyServer]
) -> None:
    server = new_valkey(append_only=True)
    project = Project(tmp_path, server.url)
    with (
        project.start("beat") as beat,
        project.start("worker", "-c", "1") as worker,
        server.client() as client,
    ):
        worker.wait_for_event("run.succeeded", within=30)
        # Without the replicas that it wants a server refuses writes, and reads go on, as when its disk is full.
        client.config_set("min-replicas-to-write", 1)
        beat.wait_for_event("store.unreachable", within=10)
        worker.wait_for_event("store.unreachable", within=10)
        # Ticks come every second: there are turns with something to write, and turns with nothing, in such a time.
        before = client.info("commandstats")["cmdstat_time"]["calls"]
        eventually(lambda: client.info("commandstats")["cmdstat_time"]["calls"] > before + 3, 15)
        client.config_set("min-replicas-to-write", 0)
        beat.wait_for_event("store.reachable", within=10)
        done = len(worker.named("run.succeeded"))
        worker.wait_for_event("run.succeeded", within=20, count=done + 1)
        worker.wait_for_event("store.reachable", within=10)
        for process in (beat, worker):
            said = [event for event in process.named("store.unreachable") if event["pid"] == process.pid]
            assert len(said) == len(process.named("store.reachable", pid=process.pid)) == 1
        assert not [line for line in worker.out if "onnection to broker" in line or "annot connect" in line]
        assert not worker.ended()
        assert Store(connect(server.url), Keys()).ledger.totals().unaccounted == 0
