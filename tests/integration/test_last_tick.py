"""A schedule that ends: its last tick runs, and nothing is owed after it."""

from datetime import timedelta

import pytest

from scheduler.beat.turn import take_turn
from scheduler.entry import Entry
from scheduler.schedule import Interval, Moments, Schedule, Within
from scheduler.store import Keys, Store, connect
from tests.support.valkey import ValkeyServer


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    return Store(connect(valkey.url), Keys())


@pytest.mark.parametrize("kind", ["at", "ends_at"])
def test_the_last_tick_runs_once_and_the_entry_stays_with_no_next_one(store: Store, kind: str) -> None:
    now = store.presence.now()
    last = (now - timedelta(seconds=10)).replace(microsecond=0)
    schedule: Schedule = (
        Moments((last,)) if kind == "at" else Within(Interval(timedelta(days=1), last), None, last)
    )
    entry = Entry(name="one", job="jobs.x", schedule=schedule)
    store.entries.apply({"one": entry}, digest="d", revision=0, now=now - timedelta(minutes=1), by="test")
    stored = store.entries.get("one")
    assert stored is not None
    assert stored.next_at == last

    assert take_turn(store, push=True).dispatched == 1
    assert take_turn(store, push=True).dispatched == 0
    stored = store.entries.get("one")
    assert stored is not None
    assert (stored.entry, stored.next_at, stored.last_tick_at) == (entry, None, last)
    assert store.client.zscore(store.keys.schedule, store.keys.entry("one")) == -1
    totals = store.ledger.totals()
    assert (totals.expected, totals.dispatched) == (1, 1)

    again = Entry(name="one", job="jobs.x", schedule=Moments((last + timedelta(days=1),)))
    store.entries.apply({"one": again}, digest="e", revision=0, now=store.presence.now(), by="test")
    stored = store.entries.get("one")
    assert stored is not None
    assert stored.next_at == last + timedelta(days=1)
