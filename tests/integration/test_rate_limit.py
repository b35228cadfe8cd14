"""A rate limit gives each attempt a moment of its own, and the queue of a priority is its own list."""

from datetime import timedelta

import pytest

from scheduler.attempt import Claimed, Refused
from scheduler.beat.turn import take_turn
from scheduler.entry import Entry
from scheduler.redis_transport import Channel
from scheduler.run import Call
from scheduler.schedule import Interval
from scheduler.store import Keys, Store, connect
from tests.support.valkey import ValkeyServer

LEASE = timedelta(seconds=15)
LIMITED = Entry(name="limited", job="jobs.x", rate_limit="1/m")


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    return Store(connect(valkey.url), Keys())


def created(store: Store, *ids: str) -> None:
    now = store.presence.now()
    for run_id in ids:
        store.runs.create(run_id, Call.of(LIMITED), entry="limited", trigger="manual", scheduled_at=now)


def test_each_run_gets_the_next_free_moment_and_keeps_it(store: Store) -> None:
    created(store, "r1", "r2", "r3")
    now = store.presence.now()
    assert isinstance(store.runs.claim("r1", 1, "w", "t", LEASE), Claimed)
    second, third = (store.runs.claim(run_id, 1, "w", "t", LEASE) for run_id in ("r2", "r3"))
    assert isinstance(second, Refused)
    assert isinstance(third, Refused)
    assert second.until is not None
    assert third.until is not None
    assert timedelta(seconds=59) < second.until - now < timedelta(seconds=62)
    assert third.until - second.until == timedelta(minutes=1)
    again = store.runs.claim("r2", 1, "w2", "t2", LEASE)
    assert isinstance(again, Refused)
    assert again.until == second.until
    assert store.client.zscore("onbeat:outbox", "r2") == round(second.until.timestamp() * 1000)
    run = store.runs.get("r2")
    assert run is not None
    assert run.reason == "waits for its turn by rate_limit"


def test_when_its_moment_has_come_it_starts(store: Store) -> None:
    created(store, "r1", "r2")
    store.runs.claim("r1", 1, "w", "t", LEASE)
    store.runs.claim("r2", 1, "w", "t", LEASE)
    store.client.hset("onbeat:run:r2", "rs", 1)
    assert isinstance(store.runs.claim("r2", 1, "w", "t", LEASE), Refused), "too close to the start before"
    store.client.hset("onbeat:run:r2", "rs", 1)
    store.client.hset("onbeat:rate:limited", "l", 1)
    claimed = store.runs.claim("r2", 1, "w", "t", LEASE)
    assert isinstance(claimed, Claimed)
    assert claimed.run.reason is None


def test_a_tick_of_a_priority_goes_into_the_list_that_a_worker_reads_first(store: Store) -> None:
    now = store.presence.now()
    entry = Entry(
        name="p", job="jobs.x", schedule=Interval(timedelta(minutes=1)), priority=9, rate_limit="1/s"
    )
    store.entries.apply({"p": entry}, digest="d", revision=0, now=now - timedelta(minutes=2), by="test")
    assert take_turn(store, push=True).dispatched == 1
    key = Channel._q_for_pri(Channel, "default", 9)  # type: ignore[arg-type]  # it needs no instance
    assert store.client.llen(key) == 1
    assert Channel.priority_steps[0] == 9
    assert store.outbox.queue_lengths(["default"]) == {"default": 1}
    (run,) = store.runs.recent(["p"])
    assert store.client.hget(f"onbeat:run:{run.run_id}", "rl") == "1000"
