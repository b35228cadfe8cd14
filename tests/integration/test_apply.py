"""An apply beside beats that decide: what it withdraws is on record, and nothing is counted twice."""

from datetime import timedelta

import pytest

from scheduler.beat.turn import Turn, take_turn
from scheduler.disposition import Disposition
from scheduler.entry import Entry
from scheduler.epoch import milliseconds
from scheduler.schedule import Interval
from scheduler.store import Keys, Store, connect
from scheduler.store.applying import Applying
from tests.support.valkey import ValkeyServer
from tests.support.waiting import clear_of_the_minute

MINUTE = timedelta(minutes=1)
MINUTELY = Entry(name="one", job="jobs.x", schedule=Interval(MINUTE))
OTHERS = {
    "given another schedule": {"one": Entry(name="one", job="jobs.x", schedule=Interval(5 * MINUTE))},
    "disabled": {"one": Entry(name="one", job="jobs.x", schedule=Interval(MINUTE), enabled=False)},
    "removed": {},
}


@pytest.fixture(autouse=True)
def _no_tick_comes_while_a_test_counts() -> None:
    clear_of_the_minute()


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    """With the entry, as if no beat had run for ten minutes."""
    store = Store(connect(valkey.url), Keys())
    apply(store, {"one": MINUTELY})
    at = milliseconds(store.presence.now() - 10 * MINUTE)
    store.client.hset("redbeat:one", "tick", at)
    store.client.zadd(store.keys.schedule, {"redbeat:one": at / 1000})
    return store


def apply(store: Store, wanted: dict[str, Entry], *, ago: timedelta = timedelta(0)) -> None:
    store.entries.apply(wanted, digest=str(wanted), revision=0, now=store.presence.now() - ago, by="test")


@pytest.mark.parametrize("what", OTHERS)
def test_ticks_that_an_edit_withdraws_are_in_the_ledger(store: Store, what: str) -> None:
    apply(store, OTHERS[what])
    totals = store.ledger.totals()
    assert totals.by_disposition == {Disposition.SKIPPED_DEADLINE: 10}
    assert totals.expected == 10
    if what != "removed":
        (left_out,) = store.ledger.left_out("one")
        assert (left_out.count, left_out.reason) == (10, f"the entry was {what} before a beat had decided")
    assert take_turn(store, push=True).dispatched == 0


def test_an_edit_of_other_keys_withdraws_nothing(store: Store) -> None:
    apply(store, {"one": Entry(name="one", job="jobs.other", schedule=Interval(MINUTE))})
    assert store.ledger.totals().expected == 0
    assert take_turn(store, push=True).dispatched == 1
    assert store.ledger.totals().expected == 10


def test_an_apply_whose_clock_is_old_counts_no_tick_again(store: Store) -> None:
    """It read the time, was stopped for five minutes, and went on after a beat had decided."""
    take_turn(store, push=True)
    apply(store, OTHERS["given another schedule"], ago=5 * MINUTE)
    stored = store.entries.get("one")
    assert stored is not None
    assert stored.next_at is not None
    assert stored.next_at > store.presence.now()
    assert store.ledger.totals().expected == 10


@pytest.mark.parametrize("what", OTHERS)
def test_a_beat_that_decides_in_the_middle_of_an_apply_is_not_overlooked(
    store: Store, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Applying._read
    turns: list[Turn] = []

    def read_and_then_a_turn(self: Applying, names: list[str]) -> object:
        found = read(self, names)
        if not turns:
            turns.append(take_turn(store, push=True))
        return found

    monkeypatch.setattr(Applying, "_read", read_and_then_a_turn)
    apply(store, OTHERS[what])
    assert turns[0].dispatched == 1
    totals = store.ledger.totals()
    assert (totals.expected, totals.dispatched, totals.unaccounted) == (10, 1, 0)
