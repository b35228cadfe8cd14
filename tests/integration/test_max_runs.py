"""An entry with `max_runs` has exactly so many runs, whatever beats, people and edits do at the same time."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from scheduler.beat.turn import take_turn
from scheduler.entry import Entry
from scheduler.epoch import milliseconds
from scheduler.operations import trigger
from scheduler.publisher import StorePublisher
from scheduler.schedule import Interval
from scheduler.store import Keys, Store, connect
from tests.support.valkey import ValkeyServer
from tests.support.waiting import clear_of_the_minute

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _no_tick_comes_while_a_test_counts() -> None:
    clear_of_the_minute()


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    return Store(connect(valkey.url), Keys())


def entry(**changes: Any) -> Entry:
    usual = {"name": "one", "job": "jobs.x", "schedule": Interval(MINUTE), "overlap": "allow", "max_runs": 3}
    return Entry(**{**usual, **changes})


def apply(store: Store, *entries: Entry) -> None:
    wanted = {each.name: each for each in entries}
    store.entries.apply(wanted, digest=str(entries), revision=0, now=store.presence.now(), by="test")


def set_back(store: Store, ago: timedelta) -> None:
    """As if no beat had run for so long."""
    at = milliseconds(store.presence.now() - ago)
    store.client.hset("redbeat:one", "tick", at)
    store.client.zadd(store.keys.schedule, {"redbeat:one": at / 1000})


def tick(store: Store) -> int:
    """How many runs the next tick makes. Its minute is always the same, so earlier runs go out of its way."""
    client: Any = store.client
    for run_id in client.zrange(store.keys.runs("one"), 0, -1):
        client.delete(store.keys.run(run_id))
    set_back(store, MINUTE)
    before = store.ledger.totals().dispatched
    take_turn(store, push=True)
    return store.ledger.totals().dispatched - before


def next_score(store: Store) -> float:
    return float(store.client.zscore(store.keys.schedule, "redbeat:one") or 0)


def test_after_its_last_run_an_entry_has_no_next_tick(store: Store) -> None:
    apply(store, entry())
    assert [tick(store) for _ in range(3)] == [1, 1, 1]
    assert next_score(store) == -1
    assert not store.ticks.select().due
    totals = store.ledger.totals()
    assert (totals.expected, totals.dispatched) == (3, 3)


@pytest.mark.parametrize("catchup", ["latest", "all"])
def test_missed_ticks_are_made_up_for_up_to_the_limit(store: Store, catchup: str) -> None:
    apply(store, entry(catchup=catchup))
    set_back(store, 10 * MINUTE)
    for _ in range(10):
        take_turn(store, push=True)
    totals = store.ledger.totals()
    assert totals.dispatched == (3 if catchup == "all" else 1)
    assert totals.expected == (3 if catchup == "all" else 10)
    assert totals.unaccounted == 0
    assert (next_score(store) == -1) == (catchup == "all")


def test_as_many_as_the_limit_leaves_are_made_up_for_in_one_turn(store: Store) -> None:
    apply(store, entry(catchup="all", max_runs=40, keep_runs=1_000))
    set_back(store, 10 * MINUTE)
    assert take_turn(store, push=True).dispatched == 10
    assert next_score(store) > 0
    set_back(store, 200 * MINUTE)
    take_turn(store, push=True)
    totals = store.ledger.totals()
    assert (totals.expected, totals.dispatched, totals.unaccounted) == (40, 40, 0)
    assert next_score(store) == -1


def test_an_entry_that_ends_while_it_catches_up_is_behind_no_more(store: Store) -> None:
    apply(store, entry(catchup="all", overlap="skip", max_runs=2))
    set_back(store, 10 * MINUTE)
    take_turn(store, push=True)
    assert store.entries.behind("one") is not None
    client: Any = store.client
    client.delete(*(store.keys.run(run_id) for run_id in client.zrange(store.keys.runs("one"), 0, -1)))
    client.zadd(store.keys.schedule, {"redbeat:one": 1})
    take_turn(store, push=True)
    assert next_score(store) == -1
    assert store.entries.behind("one") is None


def test_many_beats_at_once_make_no_run_more(valkey: ValkeyServer) -> None:
    stores = [Store(connect(valkey.url), Keys()) for _ in range(4)]
    apply(stores[0], entry(max_runs=25, catchup="all", keep_runs=1_000))
    set_back(stores[0], 200 * MINUTE)

    def beat(store: Store) -> None:
        for _ in range(40):
            take_turn(store, push=True)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(beat, stores))
    totals = stores[0].ledger.totals()
    assert (totals.expected, totals.dispatched, totals.unaccounted) == (25, 25, 0)
    assert stores[0].client.llen("default") == 25
    assert next_score(stores[0]) == -1


def test_a_skipped_tick_is_no_run(store: Store) -> None:
    apply(store, entry(overlap="skip", max_runs=2))
    set_back(store, MINUTE)
    take_turn(store, push=True)
    set_back(store, MINUTE)
    take_turn(store, push=True)  # the run before has not ended
    assert store.ledger.totals().dispatched == 1
    assert next_score(store) > 0
    assert tick(store) == 1
    assert next_score(store) == -1


def test_a_run_by_hand_is_not_counted_and_is_possible_after_the_last(store: Store) -> None:
    apply(store, entry(max_runs=1))
    stored = store.entries.get("one")
    assert stored is not None
    trigger(store, StorePublisher(store), stored, by="ada")
    assert tick(store) == 1
    trigger(store, StorePublisher(store), stored, by="ada")
    assert store.client.llen("default") == 3


def test_edits_of_other_keys_and_of_the_schedule_give_no_further_run(store: Store) -> None:
    apply(store, entry())
    assert [tick(store) for _ in range(3)] == [1, 1, 1]
    for other in (
        entry(description="x"),
        entry(schedule=Interval(2 * MINUTE)),
        entry(enabled=False),
        entry(),
    ):
        apply(store, other)
        assert next_score(store) == -1
    assert tick(store) == 0
    assert next_score(store) == -1
    assert store.ledger.totals().expected == 3


def test_a_higher_limit_lets_it_go_on_and_a_lower_one_ends_it(store: Store) -> None:
    apply(store, entry())
    assert [tick(store) for _ in range(4)] == [1, 1, 1, 0]
    apply(store, entry(max_runs=5))
    assert next_score(store) > 0
    assert tick(store) == 1
    apply(store, entry(max_runs=2))
    assert tick(store) == 0
    apply(store, entry(max_runs=None))
    assert tick(store) == 1


def test_the_count_begins_anew_when_the_entry_was_away(store: Store) -> None:
    apply(store, entry(max_runs=1))
    assert [tick(store) for _ in range(2)] == [1, 0]
    apply(store)
    apply(store, entry(max_runs=1))
    assert tick(store) == 1
