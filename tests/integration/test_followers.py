"""Entries that follow on others, on a real store: lines, fans and failures; once each, whoever sees to it."""

import itertools
from datetime import datetime, timedelta

import pytest

from scheduler.attempt import Claimed, Ending, Finished
from scheduler.beat.turn import take_turn
from scheduler.beat.upkeep import keep_up
from scheduler.disposition import Disposition
from scheduler.entry import Entry
from scheduler.operations import pause
from scheduler.publisher import StorePublisher
from scheduler.run import Run, RunState, tick_run_id
from scheduler.schedule import Interval
from scheduler.store import Keys, Store, connect
from scheduler.succession import succeed
from tests.support.valkey import ValkeyServer

MINUTE = timedelta(minutes=1)
TICKS = Interval(MINUTE)


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    return Store(connect(valkey.url), Keys())


def applied(store: Store, *entries: Entry) -> datetime:
    """The entries in force, and the ticks of those with a schedule decided; the newest whole minute."""
    now = store.presence.now()
    wanted = {entry.name: entry for entry in entries}
    store.entries.apply(wanted, digest="d", revision=0, now=now - 2 * MINUTE, by="test")
    take_turn(store, push=True)
    newest = store.entries.all()[entries[0].name].last_tick_at
    assert newest is not None
    return newest


def entry(name: str, after: str = "", after_failed: str = "") -> Entry:
    schedule = None if after or after_failed else TICKS
    return Entry(
        name=name,
        job=f"jobs.{name}",
        schedule=schedule,
        after=tuple(after.split()),
        after_failed=tuple(after_failed.split()),
    )


def ended(store: Store, name: str, at: datetime, state: RunState = RunState.SUCCEEDED) -> Run:
    """The run of this entry, executed; what follows on it is not seen to yet."""
    run_id = tick_run_id(name, at)
    claimed = store.runs.claim(run_id, 1, "w", "t", MINUTE)
    assert isinstance(claimed, Claimed), claimed
    ending = Ending(state=state, error="no" if state is RunState.FAILED else None)
    finished = store.runs.finish(run_id, 1, "w", ending, entry=name, call=claimed.call)
    assert isinstance(finished, Finished)
    assert finished.followed == bool(store.followers.of(name))  # the worker sees to it at once
    run = store.runs.get(run_id)
    assert run is not None
    return run


def see_to(store: Store, run: Run) -> None:
    succeed(store, StorePublisher(store), run)


def follows(store: Store, name: str, at: datetime) -> Run | None:
    return store.runs.get(tick_run_id(name, at))


def test_a_line_of_ten_runs_one_after_the_other(store: Store) -> None:
    names = [f"e{number}" for number in range(10)]
    line = [
        entry(names[0]),
        *(entry(name, after=before) for before, name in itertools.pairwise(names)),
    ]
    at = applied(store, *line)
    for name, following in zip(names, [*names[1:], ""], strict=True):
        run = ended(store, name, at)
        see_to(store, run)
        see_to(store, run)
        if following:
            child = follows(store, following, at)
            assert child is not None
            assert (child.trigger, child.state, child.parents) == ("after", RunState.QUEUED, (run.run_id,))
            parent = store.runs.get(run.run_id)
            assert parent is not None
            assert parent.children == (child.run_id,)
    assert store.client.llen("default") == 10
    totals = store.ledger.totals()
    assert (totals.unaccounted, totals.dispatched) == (0, 10)


def test_one_that_follows_on_several_waits_for_the_last_of_them(store: Store) -> None:
    at = applied(store, entry("a"), entry("b"), entry("both", after="a b"))
    first = ended(store, "a", at)
    see_to(store, first)
    assert follows(store, "both", at) is None
    second = ended(store, "b", at)
    see_to(store, second)
    both = follows(store, "both", at)
    assert both is not None
    assert both.parents == (first.run_id, second.run_id), "the one that ended last stands last"


def test_failures_have_followers_of_their_own(store: Store) -> None:
    at = applied(store, entry("a"), entry("next", after="a"), entry("alarm", after_failed="a"))
    see_to(store, ended(store, "a", at, RunState.FAILED))
    assert follows(store, "next", at) is None
    assert follows(store, "alarm", at) is not None


def test_a_beat_sees_to_what_a_worker_could_not(store: Store) -> None:
    at = applied(store, entry("a"), entry("next", after="a"))
    ended(store, "a", at)
    assert take_turn(store, push=True).waiting.ended == 0
    store.client.zadd("onbeat:ended", {tick_run_id("a", at): 1})
    turn = take_turn(store, push=True)
    assert turn.waiting.ended == 1
    keep_up(store, StorePublisher(store), turn.waiting, turn.now)
    assert follows(store, "next", at) is not None
    assert take_turn(store, push=True).waiting.ended == 0


def test_one_that_is_paused_or_overlaps_is_left_out_and_in_the_ledger(store: Store) -> None:
    at = applied(store, entry("a"), entry("paused", after="a"), entry("busy", after="a"))
    pause(store, "paused", by="sam", reason="why")
    store.client.sadd("onbeat:active:busy", "other")
    store.client.hset("onbeat:run:other", mapping={"s": "running", "qa": 1, "e": "busy"})
    run = ended(store, "a", at)
    see_to(store, run)
    see_to(store, run)
    for name, reason in (("paused", "paused by sam: why"), ("busy", "run other is not finished")):
        assert follows(store, name, at) is None
        (left_out,) = store.ledger.left_out(name)
        assert (left_out.first_at, left_out.reason) == (at, reason)
    totals = store.ledger.totals()
    assert totals.unaccounted == 0
    assert (
        totals.by_disposition[Disposition.SKIPPED_PAUSED]
        == totals.by_disposition[Disposition.SKIPPED_OVERLAP]
        == 1
    )


def test_a_run_that_nobody_follows_leaves_nothing_to_see_to(store: Store) -> None:
    at = applied(store, entry("a"))
    ended(store, "a", at)
    assert store.client.exists("onbeat:ended", "onbeat:followers") == 0
