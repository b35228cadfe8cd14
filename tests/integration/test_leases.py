"""The keeper of a worker's leases, on a real server: what it renews, and that nothing ends it."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from scheduler.attempt import WORKER_LOST, Claimed, Ending
from scheduler.errors import Unreachable
from scheduler.run import Call, RunState
from scheduler.settings import load_settings
from scheduler.store import Keys, Store, connect
from scheduler.worker.context import WorkerContext
from scheduler.worker.held import Held
from scheduler.worker.leases import LeaseKeeper
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

LEASE = timedelta(seconds=15)
CALL = Call(job="jobs.x")


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    return Store(connect(valkey.url), Keys())


@pytest.fixture
def keeper(valkey: ValkeyServer) -> Iterator[LeaseKeeper]:
    here = WorkerContext(load_settings(redis_url=valkey.url), "w")
    keeper = LeaseKeeper(here, dict, turning=lambda: True)
    keeper.start()
    try:
        yield keeper
    finally:
        keeper.stop()


def lease_end(store: Store, run_id: str) -> float | None:
    end = store.client.zscore("onbeat:leases", run_id)
    return None if end is None else float(end)


def claimed(store: Store, run_id: str = "r1") -> float:
    """A run that the worker `w` executes; the end of its lease, which is near."""
    store.runs.create(run_id, CALL, entry="e", trigger="manual", scheduled_at=store.presence.now())
    assert isinstance(store.runs.claim(run_id, 1, "w", "token", timedelta(seconds=1)), Claimed)
    end = lease_end(store, run_id)
    assert end is not None
    return end


def test_a_lease_is_renewed_while_its_run_is_held(store: Store, keeper: LeaseKeeper) -> None:
    before = claimed(store)
    keeper.hold(Held("r1", 1, pid=1))
    eventually(lambda: (lease_end(store, "r1") or 0) > before + 5_000, within=10)


def test_a_second_message_for_a_run_that_is_held_does_not_take_its_lease_along(
    store: Store, keeper: LeaseKeeper
) -> None:
    before = claimed(store)
    first, second = Held("r1", 1, pid=1), Held("r1", 1, pid=1)
    keeper.hold(first)
    keeper.hold(second)
    keeper.drop(second)
    assert keeper.held() == [first]
    eventually(lambda: (lease_end(store, "r1") or 0) > before + 5_000, within=10)


def test_a_run_that_its_child_is_about_to_claim_is_neither_renewed_nor_lost(store: Store) -> None:
    assert store.runs.renew("w", [("not-yet-there", 1)], LEASE) == []
    store.runs.create("queued", CALL, entry="e", trigger="manual", scheduled_at=store.presence.now())
    assert store.runs.renew("w", [("queued", 1)], LEASE) == []
    assert lease_end(store, "queued") is None
    claimed(store)
    assert store.runs.renew("w", [("r1", 2)], LEASE) == [], (
        "self.retry() sends a message before its run waits"
    )
    assert store.runs.renew("other", [("r1", 1)], LEASE) == ["r1"]


def test_a_run_that_its_job_has_just_ended_is_not_lost_but_one_that_a_beat_gave_up_is(store: Store) -> None:
    """Its child may be idle by now, and SIGTERM would end it: to Celery the worker would be lost."""
    for run_id, ending in (
        ("well", Ending(state=RunState.SUCCEEDED)),
        ("again", Ending(state=RunState.RETRYING, error="no", wait=LEASE)),
        ("given-up", Ending(state=RunState.FAILED, error="no", reason=WORKER_LOST)),
    ):
        claimed(store, run_id)
        store.runs.finish(run_id, 1, "w", ending, entry="e", call=CALL)
    pairs = [("well", 1), ("again", 1), ("given-up", 1)]
    assert store.runs.renew("w", pairs, LEASE) == ["given-up"]
    assert store.runs.renew("other", pairs, LEASE) == ["well", "again", "given-up"]


def test_what_fails_is_told_and_ends_neither_the_keeper_nor_what_comes_after_it(
    store: Store, keeper: LeaseKeeper
) -> None:
    done: list[str] = []
    tries: list[str] = []

    def fails() -> None:
        raise KeyError("a fault of ours")

    def out_of_reach_once() -> None:
        tries.append("try")
        if len(tries) == 1:
            raise Unreachable("not now")

    actions: list[Callable[[], None]] = [fails, out_of_reach_once, lambda: done.append("done")]
    for action in actions:
        keeper.later(action)
    eventually(lambda: done == ["done"])
    assert len(tries) == 2
    before = claimed(store)
    keeper.hold(Held("r1", 1, pid=1))
    eventually(lambda: (lease_end(store, "r1") or 0) > before + 5_000, within=10)
