"""A real beat after downtime: it stops in the middle of catching up, goes on where it was, and needs no worker."""

import signal
import time
from datetime import UTC, datetime, timedelta

from scheduler.store import Keys, Store, connect
from scheduler.store.ledger import Counts
from tests.support.process import OnbeatProcess
from tests.support.project import Project
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

SCHEDULES = """
[schedules.every]
job = "jobs.hello"
interval = "1s"
catchup = "all"
overlap = "allow"
keep_runs = 100000

[schedules.soon]
job = "jobs.hello"
interval = "1s"
start_deadline = "500ms"

[schedules.twice]
job = "jobs.hello"
interval = "1s"
overlap = "allow"
max_runs = 2
"""


def ledger(valkey: ValkeyServer, entry: str) -> Counts:
    return Store(connect(valkey.url), Keys()).ledger.of([entry])[entry]


def set_back(valkey: ValkeyServer, entry: str, ago: timedelta) -> None:
    at = round((datetime.now(UTC) - ago).timestamp() * 1000)
    with valkey.client() as client:
        client.hset(f"redbeat:{entry}", "tick", at)
        client.zadd("redbeat::schedule", {f"redbeat:{entry}": at / 1000})


def scheduled(beat: OnbeatProcess, entry: str) -> list[str]:
    return [event["scheduled_at"] for event in beat.named("tick.dispatched", entry=entry)]


def test_sigterm_stops_a_beat_in_the_middle_of_catching_up_and_the_next_one_goes_on(
    project: Project, valkey: ValkeyServer
) -> None:
    project.schedules(SCHEDULES)
    with project.start("beat") as beat:
        # Without any worker: a run expires by itself, and the entry's next tick finds nothing in its way.
        expired = beat.wait_for_event("run.expired", entry="soon")
        assert "start_deadline" in expired["reason"]
        beat.wait_for_event("tick.dispatched", entry="soon", count=2)
        assert beat.wait_for_event("entry.ended", entry="twice")["runs"] == 2
    before = ledger(valkey, "every")

    set_back(valkey, "every", timedelta(hours=23))
    with project.start("beat") as beat:
        beat.wait_for_event("tick.dispatched", entry="every", count=100)
        began = time.monotonic()
        beat.send(signal.SIGTERM)
        assert beat.wait() == 0
        assert time.monotonic() - began < 3
    first = scheduled(beat, "every")
    counts = ledger(valkey, "every")
    assert counts.unaccounted == 0
    assert 100 <= counts.dispatched - before.dispatched == len(first) < 60_000
    assert first == in_steps_of_a_second(first)

    with project.start("beat") as beat:
        beat.wait_for_event("tick.dispatched", entry="every", count=100)
    both = [*first, *scheduled(beat, "every")[:100]]
    assert both == in_steps_of_a_second(both)
    listed = project.run("entries", "--json").expect().json()
    (entry,) = [each for each in listed if each["entry"] == "twice"]
    assert (entry["next_at"], entry["ended"]) == (None, "has had its 2 runs")


def test_a_worker_that_comes_too_late_does_not_start_a_run(project: Project) -> None:
    """No beat ran either, which would have ended it at its deadline."""
    project.schedules(SCHEDULES)
    with project.start("beat") as beat:
        beat.wait_for_event("schedules.applied")
    project.run("trigger", "soon").expect()
    asked_at = datetime.now(UTC)
    eventually(lambda: datetime.now(UTC) > asked_at + timedelta(milliseconds=500))
    with project.start("worker") as worker:
        expired = worker.wait_for_event("run.expired", entry="soon")
        assert expired["run_id"]
    assert not worker.named("run.started", entry="soon", run_id=expired["run_id"])
    run = project.run("run", expired["run_id"], "--json").expect().json()
    assert (run["state"], run["started_at"], run["attempts"]) == ("expired", None, [])
    assert "start_deadline" in run["reason"]


def in_steps_of_a_second(times: list[str]) -> list[str]:
    """As many moments from the first of `times` on, a second apart."""
    first = datetime.fromisoformat(times[0])
    return [
        (first + timedelta(seconds=n)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        for n in range(len(times))
    ]
