"""Which run goes first, and how often: priorities within a queue, and a rate that all workers keep together."""

import json
from datetime import datetime, timedelta

from scheduler import operations
from scheduler.publisher import StorePublisher
from scheduler.store import Keys, Store, connect
from tests.support.project import Project
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

SCHEDULES = """
[defaults]
job = "jobs.hello"
[schedules.low]
[schedules.middle]
priority = 5
[schedules.high]
priority = 9
[schedules.limited]
rate_limit = "2/s"
max_active = 10
"""


def trigger(project: Project, entry: str) -> str:
    run_id: str = json.loads(project.run("trigger", entry, "--json").expect(0).out)["run_id"]
    return run_id


def ask(store: Store, entry: str) -> str:
    stored = store.entries.get(entry)
    assert stored is not None
    return operations.trigger(store, StorePublisher(store), stored, by="test")


def test_the_highest_priority_goes_first_and_a_rate_holds_for_all_workers(
    project: Project, valkey: ValkeyServer
) -> None:
    project.write("schedules.toml", SCHEDULES)
    store = Store(connect(valkey.url), Keys())
    with project.start("beat") as beat:
        beat.wait_for_event("schedules.applied", within=30)
        waiting = {name: trigger(project, name) for name in ("low", "middle", "high")}
        assert store.outbox.queue_lengths(["default"]) == {"default": 3}
        with project.start("worker", "-c", "1") as first, project.start("worker", "-c", "1") as second:
            for worker in (first, second):
                worker.wait_for_event("worker.started", within=30)
            eventually(lambda: _started(store, list(waiting.values())), within=15, what="all three")
            times = _started(store, list(waiting.values()))
            assert times is not None
            low, _, high = times
            assert high <= low
            limited = [ask(store, "limited") for _ in range(4)]
            starts = eventually(lambda: _started(store, limited), within=20, what="the limited ones")
            assert starts is not None
            gaps = [
                later - earlier for earlier, later in zip(sorted(starts), sorted(starts)[1:], strict=False)
            ]
            assert min(gaps) >= timedelta(milliseconds=440)
            assert first.named("run.limited") or second.named("run.limited")


def _started(store: Store, ids: list[str]) -> list[datetime] | None:
    runs = store.runs.get_many(ids)
    times = [run.started_at for run in runs if run.started_at is not None and run.state.final]
    return times if len(times) == len(ids) else None
