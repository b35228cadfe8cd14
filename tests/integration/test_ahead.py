"""A beat reads what comes due soon before its time, and an idle one asks the server next to nothing."""

import math
from datetime import timedelta

import pytest

from scheduler.beat.ahead import AT_ONCE, HORIZON, Ahead
from scheduler.beat.decide import prepared
from scheduler.beat.loop import LONGEST_SLEEP, SIGN_EVERY_S, Loop
from scheduler.beat.turn import take_turn
from scheduler.cadences.interval import Interval
from scheduler.entry import Entry
from scheduler.publisher import StorePublisher
from scheduler.store import Keys, Store, connect
from tests.support.valkey import ValkeyServer


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    return Store(connect(valkey.url), Keys())


def apply(store: Store, *entries: Entry) -> None:
    wanted = {entry.name: entry for entry in entries}
    store.entries.apply(wanted, digest="d", revision=0, now=store.presence.now(), by="test")


def due_in(store: Store, delay: timedelta, *names: str) -> list[Entry]:
    at = store.presence.now() + delay
    every = Interval(timedelta(days=1), anchor=at.replace(microsecond=0))
    return [Entry(name=name, job="jobs.x", schedule=every) for name in names]


def test_what_comes_due_soon_is_read_before_its_time_and_only_once(store: Store) -> None:
    soon = due_in(store, HORIZON / 2, *(f"soon-{number}" for number in range(AT_ONCE + 10)))
    later = due_in(store, HORIZON * 3, "later")
    apply(store, *soon, *later)
    store.client.hset("redbeat:soon-3", "definition", "{not json")
    prepared.cache_clear()
    ahead = Ahead(store)
    turn = take_turn(store, push=True)
    assert ahead.look(turn.now, turn.next_at)
    assert not ahead.look(turn.now, turn.next_at)
    read = prepared.cache_info().currsize
    assert read == len(soon) - 1
    assert not ahead.look(turn.now + timedelta(seconds=25), turn.next_at)
    assert prepared.cache_info().misses == len(soon)
    ahead.forget()
    assert ahead.look(turn.now, turn.next_at)


def test_nothing_is_read_ahead_where_a_tick_is_at_hand_or_far_away(store: Store) -> None:
    apply(store, *due_in(store, HORIZON / 2, "one"))
    prepared.cache_clear()
    ahead = Ahead(store)
    now = store.presence.now()
    for next_at in (None, now + timedelta(milliseconds=10), now - timedelta(seconds=1), now + HORIZON * 2):
        assert not ahead.look(now, next_at)
    assert prepared.cache_info().currsize == 0


def test_a_turn_that_finds_nothing_costs_four_commands(store: Store) -> None:
    """By the server's own count, in which each command of a script is one."""
    apply(store, *due_in(store, timedelta(hours=1), "one", "two"))
    take_turn(store, push=True)
    before = commands(store)
    for _ in range(10):
        take_turn(store, push=True)
    assert commands(store) - before == 10 * 4 + 1  # and the INFO that asked


def test_a_beat_without_work_has_the_server_run_at_most_five_commands_a_second(store: Store) -> None:
    """A turn after each of its longest sleeps, and its sign of life at the first turn for which it is time."""
    apply(store, *due_in(store, timedelta(hours=1), "one", "two"))
    loop = Loop(store, StorePublisher(store), "m", {"host": "h"})
    loop.step()
    turn_s = LONGEST_SLEEP.total_seconds()
    turns = math.ceil(SIGN_EVERY_S / turn_s)
    store.presence.sign_in("beats", "m", {})
    before = commands(store)
    for _ in range(turns):
        take_turn(store, push=True)
    store.presence.sign_in("beats", "m", {})
    assert (commands(store) - before - 1) / (turns * turn_s) <= 5


def commands(store: Store) -> int:
    return int(store.client.info("stats")["total_commands_processed"])
