"""The outbox, where the broker is another server: several processes publish, and no two the same run."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from celery import Celery

from scheduler.beat.upkeep import keep_up
from scheduler.broker_trouble import BrokerUnreachable
from scheduler.entry import Entry
from scheduler.epoch import milliseconds
from scheduler.operations import trigger
from scheduler.publisher import BrokerPublisher
from scheduler.run import Call, Run
from scheduler.store import Keys, Store, connect
from tests.support.server import free_port
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

CALL = Call(job="jobs.x")


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    return Store(connect(valkey.url), Keys())


@pytest.fixture
def open_publisher(store: Store, valkey: ValkeyServer) -> Callable[[], BrokerPublisher]:
    """Makes publishers to another database, which stands for another server."""

    def opened() -> BrokerPublisher:
        url = valkey.url.removesuffix("0") + "1"
        return BrokerPublisher(store, Celery(broker=url, set_as_current=False))

    return opened


@pytest.fixture
def queue(valkey: ValkeyServer) -> Callable[[], int]:
    client = connect(valkey.url.removesuffix("0") + "1")
    return lambda: int(client.llen("default"))


def create(store: Store, *run_ids: str) -> list[tuple[Run, str, int]]:
    """Runs that are in the outbox, as a publisher takes them."""
    for run_id in run_ids:
        store.runs.create(run_id, CALL, entry=None, trigger="manual", scheduled_at=store.presence.now())
    return [(run, call, run.attempt) for run, call in store.runs.calls(run_ids).values()]


def test_of_two_that_saw_the_same_run_one_sends_it(
    store: Store, open_publisher: Callable[[], BrokerPublisher], queue: Callable[[], int]
) -> None:
    due = create(store, "r1", "r2")
    assert [open_publisher().publish(due) for _ in range(2)] == [2, 0]
    assert queue() == 2
    assert store.outbox.size() == 0


def test_what_another_has_hold_of_is_not_due(store: Store) -> None:
    create(store, "r1", "r2")
    now = store.presence.now()
    assert store.outbox.hold(["r1"]).keys() == {"r1"}
    assert [run.run_id for run, _ in store.outbox.due("outbox", now)] == ["r2"]
    assert store.outbox.hold(["r1", "r2", "unknown"]).keys() == {"r2"}
    selection = store.ticks.select()
    assert selection.waiting.outbox == 0
    assert selection.next_at is not None, "a beat looks again when the time of the hold is over"
    assert selection.next_at - now <= timedelta(seconds=1.5)


def test_a_hold_ends_by_itself_so_that_one_that_died_loses_nothing(store: Store) -> None:
    create(store, "r1")
    store.outbox.hold(["r1"], timedelta(milliseconds=50))
    eventually(lambda: store.outbox.hold(["r1"]), what="another's hold")


@pytest.mark.parametrize("place", ["outbox", "retries", "unclaimed"])
def test_what_is_let_go_is_due_as_it_was(store: Store, place: str) -> None:
    create(store, "r1")
    store.client.delete(store.keys.own("outbox"))
    since = milliseconds(store.presence.now()) - 5_000
    store.client.zadd(store.keys.own(place), {"r1": since})
    held = store.outbox.hold(["r1"])
    assert store.client.zscore(store.keys.own(place), "r1") != since
    store.outbox.let_go(held)
    assert store.client.zscore(store.keys.own(place), "r1") == since


def test_what_has_moved_on_is_not_brought_back_by_letting_go(store: Store) -> None:
    create(store, "r1")
    held = store.outbox.hold(["r1"])
    store.client.zrem(store.keys.own("outbox"), "r1")
    store.outbox.let_go(held)
    assert store.outbox.size() == 0


def test_a_run_of_a_person_whose_broker_is_away_is_anyones_at_once(store: Store) -> None:
    celery = Celery(broker=f"redis://127.0.0.1:{free_port()}/0", set_as_current=False)
    publisher = BrokerPublisher(store, celery)
    entry = Entry(name="one", job="jobs.x")
    store.entries.apply({"one": entry}, digest="d", revision=0, now=store.presence.now(), by="test")
    stored = store.entries.get("one")
    assert stored is not None
    run_id = trigger(store, publisher, stored, by="ada")
    due = store.outbox.due("outbox", store.presence.now())
    assert [run.run_id for run, _ in due] == [run_id]
    with pytest.raises(BrokerUnreachable, match="can't be reached"):
        publisher.publish([(run, call, run.attempt) for run, call in due])
    with pytest.raises(BrokerUnreachable):
        publisher.probe()


def test_a_message_is_not_sent_again_while_its_queue_is_long(
    store: Store, open_publisher: Callable[[], BrokerPublisher], queue: Callable[[], int]
) -> None:
    """What waits there explains that nobody has claimed the run."""
    publisher = open_publisher()
    publisher.publish(create(store, "r1"))
    assert publisher.queue_lengths(["default", "not-there"]) == {"default": 1, "not-there": 0}
    store.client.zadd(store.keys.own("unclaimed"), {"r1": 1})
    keep_up(store, publisher, store.ticks.select().waiting, store.presence.now())
    assert queue() == 1
    assert store.ticks.select().waiting.unclaimed == 0
