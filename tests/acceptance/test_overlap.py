"""Two beats and two workers: runs that wait for each other, give way to each other, and share a limit."""

from itertools import pairwise

import pytest

from scheduler.run import Run, RunState
from scheduler.store import Keys, Store, connect
from tests.support.project import Project
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

JOBS = """
import time

from scheduler import job


@job
def work(seconds: float) -> None:
    time.sleep(seconds)
"""

SCHEDULES = """
[defaults]
job = "jobs.work"
interval = "1s"
keep_runs = 500
[schedules.queue]
kwargs = { seconds = 1.7 }
overlap = "queue"
[schedules.replace]
kwargs = { seconds = 30.0 }
overlap = "replace"
[schedules.one]
kwargs = { seconds = 0.2 }
overlap = "queue"
group = "shared"
[schedules.other]
kwargs = { seconds = 0.2 }
overlap = "queue"
group = "shared"
"""


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    return Store(connect(valkey.url), Keys())


def ended(store: Store, name: str, *states: RunState) -> list[Run]:
    found = store.runs.recent([name], states=frozenset(states or (RunState.SUCCEEDED,)), limit=500)
    return sorted(found, key=lambda run: run.finished_at or run.queued_at)


def gaps_ms(runs: list[Run]) -> list[float]:
    """From the end of each run to the start of the next, by the times on record."""
    pairs = pairwise(runs)
    return [
        (after.started_at - before.finished_at).total_seconds() * 1000
        for before, after in pairs
        if after.started_at is not None and before.finished_at is not None
    ]


def test_runs_wait_give_way_and_share_a_limit(project: Project, store: Store) -> None:
    project.jobs(JOBS)
    project.schedules(SCHEDULES)
    with (
        project.start("beat") as beat,
        project.start("beat"),
        project.start("worker", "-c", "3") as worker,
        project.start("worker", "-c", "3"),
    ):
        beat.wait_for_event("schedules.applied", within=30)
        eventually(lambda: len(ended(store, "queue")) >= 3, within=30, what="three runs one after the other")
        eventually(lambda: len(ended(store, "replace", RunState.CANCELLED)) >= 2, within=20)
        eventually(lambda: min(len(ended(store, name)) for name in ("one", "other")) >= 2, within=20)
        worker.wait_for_event("worker.started")

        queued = gaps_ms(ended(store, "queue"))
        assert all(gap >= 0 for gap in queued)
        assert sorted(queued)[len(queued) // 2] < 250, f"what waits starts at once: {queued}"
        reasons = [each.reason for each in store.ledger.left_out("queue")]
        assert any("waits already, for the end of run" in str(reason) for reason in reasons)

        shared = sorted(
            [*ended(store, "one"), *ended(store, "other")], key=lambda run: run.started_at or run.queued_at
        )
        assert all(gap >= 0 for gap in gaps_ms(shared)), "one run of the group at a time"

        replaced = ended(store, "replace", RunState.CANCELLED)
        assert all("by overlap: replaced by run" in str(run.reason) for run in replaced)
        started = [run for run in replaced if run.started_at is not None]
        assert all(gap >= 0 for gap in gaps_ms(started))
        assert store.ledger.totals().unaccounted == 0
        shown = project.run("show", "one").expect(0).out
        assert "queue, 1 active at once in the group shared" in shown
