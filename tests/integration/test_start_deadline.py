"""A run that is not started by its deadline never is: with a worker that comes too late, and with none at all."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from scheduler.attempt import Claimed, Ending, Refused
from scheduler.beat import upkeep
from scheduler.beat.turn import take_turn
from scheduler.beat.upkeep import keep_up
from scheduler.broker_trouble import BrokerUnreachable
from scheduler.entry import Entry
from scheduler.epoch import milliseconds
from scheduler.operations import trigger
from scheduler.publisher import StorePublisher
from scheduler.retry import RetryPolicy
from scheduler.run import Call, Run, RunState
from scheduler.schedule import Interval
from scheduler.store import Keys, Store, connect
from tests.support.valkey import ValkeyServer
from tests.support.waiting import clear_of_the_minute

LEASE = timedelta(seconds=15)
MINUTE = timedelta(minutes=1)
ENTRY = Entry(
    name="one",
    job="jobs.x",
    schedule=Interval(MINUTE),
    start_deadline=5 * MINUTE,
    retry=RetryPolicy(max_attempts=2, initial=timedelta(0)),
)
CALL = Call.of(ENTRY)


@pytest.fixture(autouse=True)
def _no_tick_comes_while_a_test_counts() -> None:
    clear_of_the_minute()


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    store = Store(connect(valkey.url), Keys())
    store.entries.apply({"one": ENTRY}, digest="d", revision=0, now=store.presence.now(), by="test")
    return store


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """What a beat logs in its spare time."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(upkeep, "emit", lambda event, **fields: found.append({"event": event, **fields}))
    return iter([found])


def dispatched(store: Store) -> str:
    """The run of a tick."""
    make_due(store)
    assert take_turn(store, push=True).dispatched == 1
    (run,) = store.runs.recent(["one"], limit=1)
    return run.run_id


def make_due(store: Store) -> None:
    at = milliseconds(store.presence.now() - MINUTE)
    store.client.hset("redbeat:one", "tick", at)
    store.client.zadd(store.keys.schedule, {"redbeat:one": at / 1000})


def make_overdue(store: Store, run_id: str) -> None:
    """As if the deadline had come."""
    at = milliseconds(store.presence.now()) - 1
    store.client.hset(store.keys.run(run_id), "d", at)
    store.client.zadd(store.keys.own("deadlines"), {run_id: at})


def run_of(store: Store, run_id: str) -> Run:
    run = store.runs.get(run_id)
    assert run is not None
    return run


def upkeep_of_a_beat(store: Store) -> None:
    turn = take_turn(store, push=True)
    keep_up(store, StorePublisher(store), turn.waiting, turn.now)


def test_a_run_must_start_so_long_after_its_tick(store: Store) -> None:
    run = run_of(store, dispatched(store))
    at = store.client.zscore(store.keys.own("deadlines"), run.run_id)
    assert at == milliseconds(run.scheduled_at + 5 * MINUTE)


def test_a_worker_that_comes_too_late_does_not_start_it(store: Store) -> None:
    run_id = dispatched(store)
    make_overdue(store, run_id)
    refused = store.runs.claim(run_id, 1, "w", "t", LEASE)
    assert isinstance(refused, Refused)
    assert refused.expired
    run = run_of(store, run_id)
    assert (run.state, run.started_at, run.attempts) == (RunState.EXPIRED, None, ())
    assert (run.reason or "").startswith("not started within its start_deadline")
    assert run.finished_at is not None
    assert not store.runs.active("one")
    again = store.runs.claim(run_id, 1, "w2", "t2", LEASE)
    assert again == Refused("already expired")


def test_without_any_worker_a_beat_ends_it_and_the_entry_goes_on(store: Store, events: Any) -> None:
    (found,) = events
    run_id = dispatched(store)
    upkeep_of_a_beat(store)
    assert run_of(store, run_id).state is RunState.QUEUED
    make_overdue(store, run_id)
    upkeep_of_a_beat(store)
    assert run_of(store, run_id).state is RunState.EXPIRED
    (event,) = [event for event in found if event["event"] == "run.expired"]
    assert (event["entry"], event["run_id"], event["attempt"]) == ("one", run_id, 1)
    for place in ("outbox", "unclaimed", "deadlines"):
        assert store.client.zcard(store.keys.own(place)) == 0
    store.client.delete(store.keys.run(run_id))  # the tick is set back to the same minute below
    make_due(store)
    assert take_turn(store, push=True).dispatched == 1
    assert store.ledger.totals().dispatched == 2


def test_its_message_goes_with_it_and_no_other(store: Store) -> None:
    """Or else a queue without workers would grow by a message each time."""
    run_id = dispatched(store)
    long_gone = str(store.client.lindex("default", -1)).replace(run_id, "long-gone")
    store.client.rpush("default", long_gone)
    triggered = trigger(store, StorePublisher(store), store.entries.all()["one"], by="test")
    for other in ("not JSON", "[1]", '{"headers": {"id": "x", "onbeat": null}}'):
        store.client.rpush("default", other)
    make_overdue(store, run_id)
    upkeep_of_a_beat(store)
    left = store.client.lrange("default", 0, -1)
    assert len(left) == 4
    assert not [text for text in left if run_id in str(text) or text == long_gone]
    assert run_of(store, triggered).state is RunState.QUEUED


def test_a_beat_wakes_for_a_deadline(store: Store) -> None:
    run_id = dispatched(store)
    soon = milliseconds(store.presence.now()) + 300
    store.client.zadd(store.keys.own("deadlines"), {run_id: soon})
    selection = store.ticks.select()
    assert selection.next_at is not None
    assert timedelta(0) < selection.next_at - selection.now <= timedelta(milliseconds=300)


def test_with_the_broker_down_it_expires_in_the_outbox(store: Store) -> None:
    class Down(StorePublisher):
        def publish(self, due: Any) -> int:
            if due:
                raise BrokerUnreachable("it is down", hint="")
            return 0

    make_due(store)
    take_turn(store, push=False)
    (run,) = store.runs.recent(["one"])
    assert store.outbox.size() == 1
    with pytest.raises(BrokerUnreachable):
        keep_up(store, Down(store), take_turn(store, push=False).waiting, store.presence.now())
    make_overdue(store, run.run_id)
    keep_up(store, Down(store), take_turn(store, push=False).waiting, store.presence.now())
    assert run_of(store, run.run_id).state is RunState.EXPIRED
    assert store.outbox.size() == 0


def test_only_the_first_start_has_a_deadline(store: Store) -> None:
    run_id = dispatched(store)
    assert isinstance(store.runs.claim(run_id, 1, "w", "t", LEASE), Claimed)
    assert store.client.zcard(store.keys.own("deadlines")) == 0
    store.runs.finish(run_id, 1, "w", Ending(state=RunState.RETRYING), entry="one", call=CALL)
    upkeep_of_a_beat(store)
    assert run_of(store, run_id).state is RunState.QUEUED
    assert isinstance(store.runs.claim(run_id, 2, "w", "t2", LEASE), Claimed)


def test_a_run_that_a_person_asked_for_has_the_same_deadline(store: Store) -> None:
    stored = store.entries.get("one")
    assert stored is not None
    at = store.presence.now() + timedelta(hours=1)
    run_id = trigger(store, StorePublisher(store), stored, by="ada", at=at)
    assert store.client.zscore(store.keys.own("deadlines"), run_id) == milliseconds(at + 5 * MINUTE)


def test_a_run_that_waits_for_another_one_expires_in_its_lane_and_makes_way(store: Store) -> None:
    first = dispatched(store)
    assert isinstance(store.runs.claim(first, 1, "w", "t", LEASE), Claimed)
    queued = replace(ENTRY, overlap="queue", schedule=Interval(timedelta(seconds=1)))
    store.entries.apply({"one": queued}, digest="e", revision=0, now=store.presence.now(), by="test")
    make_due(store)
    take_turn(store, push=True)
    (waiting,) = store.lanes.waiting([queued]).values()
    make_overdue(store, waiting)
    upkeep_of_a_beat(store)
    assert run_of(store, waiting).state is RunState.EXPIRED
    assert store.lanes.waiting([queued]) == {}
    assert run_of(store, first).state is RunState.RUNNING
