"""Beats share the work: each takes the entries whose home it is, and the others' only when they are overdue."""

from datetime import timedelta

import pytest

from scheduler.beat.loop import Loop
from scheduler.beat.turn import take_turn
from scheduler.cadences.interval import Interval
from scheduler.entry import Entry
from scheduler.epoch import milliseconds
from scheduler.home import homes, own_slots, slot
from scheduler.publisher import StorePublisher
from scheduler.settings import Settings
from scheduler.status import read_status, status_document
from scheduler.store import Keys, Store, connect
from tests.support.valkey import ValkeyServer

BEATS = frozenset({"a", "b"})
LONG = timedelta(hours=1)  # instead of 250 ms, so that no test depends on how fast it is
NAMES = [f"entry-{number}" for number in range(40)]


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    return Store(connect(valkey.url), Keys())


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scheduler.store.ticks.LEFT_TO_ITS_HOME", LONG)


@pytest.fixture
def entries(store: Store) -> list[str]:
    """Entries that are due since a minute."""
    wanted = {name: Entry(name=name, job="jobs.x", schedule=Interval(timedelta(days=1))) for name in NAMES}
    store.entries.apply(wanted, digest="d", revision=0, now=store.presence.now(), by="test")
    make_due(store, timedelta(minutes=1))
    return NAMES


def make_due(store: Store, ago: timedelta, names: list[str] = NAMES) -> None:
    at = store.presence.now() - ago
    for name in names:
        key = store.keys.entry(name)
        store.client.hset(key, "tick", milliseconds(at - timedelta(days=1)))
        store.client.zadd(store.keys.schedule, {key: milliseconds(at) / 1000})


def at_home(store: Store, beat: str, beats: frozenset[str] = BEATS) -> set[str]:
    return {name for name in NAMES if homes(beats)[slot(store.keys.entry(name))] == beat}


def due(store: Store, slots: str, limit: int = 100) -> list[str]:
    return [each.name for each in store.ticks.select(limit, slots).due]


def test_the_store_and_the_beats_agree_on_what_is_whose(store: Store, entries: list[str]) -> None:
    found = {beat: set(due(store, own_slots(beat, BEATS))) for beat in BEATS}
    assert found == {beat: at_home(store, beat) for beat in BEATS}
    assert all(found.values())
    assert found["a"] | found["b"] == set(entries)
    assert set(due(store, own_slots("a", frozenset({"a"})))) == set(entries)


def test_the_others_entries_are_looked_at_again_when_they_are_overdue(
    store: Store, entries: list[str]
) -> None:
    selection = store.ticks.select(100, own_slots("a", BEATS))
    (soonest,) = {each.due_at for each in store.ticks.select(100).due}
    assert selection.next_at == soonest + LONG
    make_due(store, LONG + timedelta(seconds=1))
    found = due(store, own_slots("a", BEATS))
    ours = at_home(store, "a")
    assert set(found[: len(ours)]) == ours, "what is ours comes first"
    assert set(found) == set(entries)


def test_a_batch_of_the_others_entries_hides_none_of_ours(store: Store, entries: list[str]) -> None:
    """3,000 due before ours, with a batch of ten."""
    theirs = (f"redbeat:other-{number}" for number in range(20_000))
    older = [key for key in theirs if homes(BEATS)[slot(key)] == "b"][:3_000]
    at = store.presence.now() - LONG / 2
    store.client.zadd(store.keys.schedule, dict.fromkeys(older, milliseconds(at) / 1000))
    found = due(store, own_slots("a", BEATS), limit=10)
    assert len(found) == 10
    assert set(found) <= at_home(store, "a")


def test_behind_very_many_of_the_others_ours_are_looked_for_again_soon(
    store: Store, entries: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = (f"redbeat:other-{number}" for number in range(60_000))
    older = [key for key in theirs if homes(BEATS)[slot(key)] == "b"][:22_000]
    at = store.presence.now() - LONG / 2
    store.client.zadd(store.keys.schedule, dict.fromkeys(older, milliseconds(at) / 1000))
    selection = store.ticks.select(10, own_slots("a", BEATS))
    assert selection.due == ()
    assert selection.next_at == selection.now + timedelta(milliseconds=50)
    monkeypatch.setattr("scheduler.store.ticks.LEFT_TO_ITS_HOME", timedelta(minutes=1))
    assert len(due(store, own_slots("a", BEATS), limit=10)) == 10, "overdue: anyone's"


def test_a_turn_with_others_costs_no_round_trip_more(store: Store, entries: list[str]) -> None:
    def scripts() -> int:
        return int(store.client.info("commandstats").get("cmdstat_evalsha", {}).get("calls", 0))

    take_turn(store, push=True, own_slots=own_slots("a", BEATS))
    before = scripts()
    make_due(store, timedelta(minutes=1))
    turn = take_turn(store, push=True, own_slots=own_slots("a", BEATS))
    assert turn.dispatched == len(at_home(store, "a"))
    assert scripts() - before == 2
    assert take_turn(store, push=True, own_slots=own_slots("a", BEATS)).dispatched == 0
    assert scripts() - before == 3, "the others' are due, and there is nothing to commit"


class Pair:
    """Two loops on one store, stepped by hand."""

    def __init__(self, store: Store) -> None:
        self.a, self.b = (Loop(store, StorePublisher(store), name, {}) for name in "ab")
        for loop in (self.a, self.b, self.a):
            loop.say(host="h")  # and so it signs in
            loop.step()


@pytest.fixture
def pair(store: Store) -> Pair:
    return Pair(store)


def decided(store: Store) -> set[str]:
    """The entries that are not due any more."""
    return set(NAMES) - {each.name for each in store.ticks.select(100).due}


def test_two_beats_decide_each_its_own_and_once_alone_the_other_decides_all(
    store: Store, pair: Pair, entries: list[str]
) -> None:
    pair.a.step()
    assert decided(store) == at_home(store, "a")
    pair.b.step()
    assert decided(store) == set(entries)
    assert store.ledger.totals().dispatched == len(entries)

    make_due(store, timedelta(minutes=1))
    pair.b.stop()
    pair.b.run()
    assert decided(store) == at_home(store, "b"), "what came due before it signed out is left to it"
    make_due(store, timedelta(minutes=1))
    assert pair.a.step() == 0.0, "it learns of it when something is due, and at once takes another turn"
    pair.a.step()
    assert decided(store) == set(entries)


def test_a_beat_that_fell_silent_is_no_home_any_more(store: Store, pair: Pair, entries: list[str]) -> None:
    old = milliseconds(store.presence.now() - timedelta(seconds=20))
    store.client.hset(store.keys.own("beats"), "b", f'{{"seen":{old},"is":{{}}}}')
    assert read_status(store, Settings()).homes == {"a": len(entries)}
    pair.a.say(host="h")  # and so it signs in
    pair.a.step()
    pair.a.step()
    assert decided(store) == set(entries)


def test_the_status_says_how_many_entries_have_their_home_with_each_beat(
    store: Store, pair: Pair, entries: list[str]
) -> None:
    document = status_document(read_status(store, Settings()))
    assert {beat["id"]: beat["entries"] for beat in document["beats"]} == {
        beat: len(at_home(store, beat)) for beat in BEATS
    }
