"""What a beat makes of downtime: the last tick lies back, and it takes turns until nothing is owed."""

import time
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from scheduler.attempt import Claimed, Ending
from scheduler.beat.decide import decide
from scheduler.beat.turn import MOST_TICKS_A_TURN, take_turn
from scheduler.disposition import Disposition
from scheduler.entry import Entry
from scheduler.epoch import milliseconds
from scheduler.exclusion import Exclusion
from scheduler.run import Call, Run, RunState
from scheduler.schedule import Interval
from scheduler.store import Keys, Store, connect
from scheduler.store.decision import DueEntry
from scheduler.store.pauses import Pause
from tests.support.valkey import ValkeyServer
from tests.support.waiting import clear_of_the_minute

SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=n) for n in (1, 60, 3_600, 86_400))
LEASE = timedelta(seconds=15)


@pytest.fixture(autouse=True)
def _no_tick_comes_while_a_test_counts() -> None:
    clear_of_the_minute()


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    return Store(connect(valkey.url), Keys())


def entry(**changes: Any) -> Entry:
    return Entry(
        **{"name": "one", "job": "jobs.x", "schedule": Interval(MINUTE), "keep_runs": 10_000, **changes}
    )


def down_for(store: Store, ago: timedelta, *entries: Entry) -> datetime:
    """These entries, as if their beats had stopped so long ago. Returns the last tick that was decided."""
    wanted = {each.name: each for each in entries}
    store.entries.apply(wanted, digest="d", revision=0, now=store.presence.now(), by="test")
    at = milliseconds(store.presence.now() - ago)
    for name in wanted:
        store.client.hset(store.keys.entry(name), "tick", at)
        store.client.zadd(store.keys.schedule, {store.keys.entry(name): at / 1000})
    stored = store.entries.get(entries[0].name)
    assert stored is not None
    assert stored.last_tick_at is not None
    return stored.last_tick_at


def turns_until_nothing_is_owed(store: Store, most: int = 200) -> int:
    for count in range(1, most):
        turn = take_turn(store, push=True)
        if turn.next_at is None or turn.next_at > turn.now:
            return count
    raise AssertionError(f"more than {most} turns")


def runs(store: Store, name: str = "one") -> list[Run]:
    """Its runs in the order in which they were queued."""
    client: Any = store.client
    return store.runs.get_many(client.zrange(store.keys.runs(name), 0, -1))


@pytest.mark.parametrize("catchup", ["none", "latest", "all"])
@pytest.mark.parametrize("every", [SECOND, MINUTE])
@pytest.mark.parametrize("down", [SECOND, HOUR, 30 * DAY])
def test_after_downtime_each_tick_has_one_disposition_in_few_records(
    store: Store, catchup: str, every: timedelta, down: timedelta
) -> None:
    window = 500 * every
    one = entry(schedule=Interval(every), catchup=catchup, overlap="allow", catchup_window=window)
    last_at = down_for(store, down, one)
    began = time.monotonic()
    turns = turns_until_nothing_is_owed(store)
    assert time.monotonic() - began < 5
    stored = store.entries.get("one")
    assert stored is not None
    assert stored.last_tick_at is not None
    assert one.schedule is not None
    ticks = one.schedule.count_between(last_at, stored.last_tick_at)
    totals = store.ledger.totals()
    assert (totals.expected, totals.unaccounted) == (ticks, 0)
    assert len(store.ledger.left_out("one")) <= 3
    found = runs(store)
    assert len(found) == totals.dispatched
    if catchup == "all":
        assert totals.dispatched in range(min(ticks, 500), min(ticks, 502) + 1)
        scheduled = sorted(run.scheduled_at for run in found)
        after = stored.last_tick_at - len(scheduled) * every
        assert scheduled == list(one.schedule.ticks_between(after, stored.last_tick_at))
        assert turns >= totals.dispatched // 100
    else:
        assert totals.dispatched <= 2


def test_a_month_of_missed_seconds_costs_milliseconds_and_one_record(store: Store) -> None:
    down_for(store, 30 * DAY, entry(schedule=Interval(SECOND)))
    began = time.monotonic()
    assert take_turn(store, push=True).dispatched == 1
    took = time.monotonic() - began
    (left_out,) = store.ledger.left_out("one")
    assert left_out.disposition is Disposition.COALESCED
    assert left_out.count in range(2_591_998, 2_592_001)
    assert took < 1


def test_a_turn_dispatches_a_bounded_number_of_ticks_and_all_entries_move_on(store: Store) -> None:
    many = [entry(name=f"e{n}", catchup="all", overlap="allow") for n in range(30)]
    down_for(store, 200 * MINUTE, *many)
    turn = take_turn(store, push=True)
    assert turn.dispatched <= MOST_TICKS_A_TURN + len(many)
    assert {
        name for name, each in store.ledger.of(each.name for each in many).items() if each.dispatched
    } == {each.name for each in many}
    turns_until_nothing_is_owed(store)
    assert store.ledger.totals().dispatched in range(30 * 200, 30 * 202)


def finish(store: Store, run: Run, one: Entry) -> None:
    assert isinstance(store.runs.claim(run.run_id, 1, "w", run.run_id, LEASE), Claimed)
    ending = Ending(state=RunState.SUCCEEDED)
    store.runs.finish(run.run_id, 1, "w", ending, entry=run.entry, call=Call.of(one))


def test_caught_up_runs_of_an_entry_that_never_overlaps_follow_one_another(store: Store) -> None:
    one = entry(catchup="all")
    down_for(store, 5 * MINUTE, one)
    for count in range(1, 6):
        turn = take_turn(store, push=True)
        assert turn.dispatched == 1
        found = runs(store)
        assert len(found) == count
        assert take_turn(store, push=True).dispatched == 0  # it waits
        stored = store.entries.get("one")
        assert stored is not None
        if count < 5:
            assert stored.next_at is not None
            assert stored.next_at - turn.now <= 5 * SECOND
            finish(store, max(found, key=lambda run: run.scheduled_at), one)
            store.client.zadd(store.keys.schedule, {"redbeat:one": milliseconds(turn.now) / 1000})
    scheduled = [run.scheduled_at for run in sorted(runs(store), key=lambda run: run.scheduled_at)]
    assert scheduled == [scheduled[0] + index * MINUTE for index in range(5)]
    totals = store.ledger.totals()
    assert (totals.expected, totals.dispatched) == (5, 5)
    assert store.client.hget("redbeat:one", "behind") is None


def test_since_when_an_entry_is_behind_and_how_far_it_is_can_be_read(store: Store) -> None:
    last_at = down_for(store, 5 * MINUTE, entry(catchup="all"))
    now = take_turn(store, push=True).now
    assert store.entries.behind("one") == now
    stored = store.entries.get("one")
    assert stored is not None
    assert stored.last_tick_at is not None
    assert timedelta(0) < stored.last_tick_at - last_at <= MINUTE


def test_an_entry_whose_last_caught_up_tick_is_on_time_is_behind_no_more(store: Store) -> None:
    one = entry(schedule=Interval(HOUR, store.presence.now()), catchup="all")
    down_for(store, 2 * HOUR, one)
    store.client.hset("redbeat:one", mapping={"behind": 1, "tick": milliseconds(store.presence.now() - HOUR)})
    assert take_turn(store, push=True).dispatched == 1
    assert store.entries.behind("one") is None


def test_caught_up_ticks_wait_for_the_runs_of_their_group_too(store: Store) -> None:
    one, other = (entry(name=name, catchup="all", group="db", overlap="queue") for name in ("one", "other"))
    down_for(store, 5 * MINUTE, one, other)
    for _ in range(3):
        take_turn(store, push=True)
    (queued,) = [*runs(store, "one"), *runs(store, "other")]
    assert store.ledger.totals().expected == 1
    finish(store, queued, one)
    now = milliseconds(store.presence.now()) / 1000
    store.client.zadd(store.keys.schedule, {"redbeat:one": now, "redbeat:other": now})
    for _ in range(3):
        take_turn(store, push=True)
    assert store.ledger.totals().by_disposition == {Disposition.DISPATCHED: 2}


def test_where_some_may_run_at_once_so_many_are_caught_up_at_once(store: Store) -> None:
    down_for(store, HOUR, entry(catchup="all", overlap="allow", max_active=7))
    assert take_turn(store, push=True).dispatched == 7
    assert take_turn(store, push=True).dispatched == 0


def test_a_run_that_is_on_no_record_any_more_holds_up_nobody(store: Store) -> None:
    down_for(store, 5 * MINUTE, entry(catchup="all"))
    store.client.sadd("onbeat:active:one", "gone")
    assert take_turn(store, push=True).dispatched == 1


def test_a_spread_is_kept_in_the_store_so_that_another_beat_goes_on_with_it(store: Store) -> None:
    one = entry(catchup="all", overlap="allow", catchup_spread=10 * SECOND)
    down_for(store, HOUR, one)
    first = take_turn(store, push=True)
    assert first.dispatched == 0
    assert first.next_at is not None
    assert timedelta(0) <= first.next_at - first.now <= SECOND
    assert store.client.hget("redbeat:one", "behind") == str(milliseconds(first.now))
    now, dispatched = first.next_at, 0
    while True:
        due = selected(store)
        (backlog,) = store.ticks.backlogs([(due, one)])
        decided, _ = decide(due, {}, now, backlog=backlog)
        assert store.ticks.commit([decided], now=now, push=True)[0].done
        dispatched += len(decided.runs)
        assert decided.next_at is not None
        assert decided.next_at > now
        now = decided.next_at
        if decided.behind is None:
            break
        share = (now - first.now) / (10 * SECOND)
        assert abs(dispatched - 60 * min(1.0, share)) < 3
    assert dispatched in (60, 61)
    assert store.client.hget("redbeat:one", "behind") is None


def selected(store: Store) -> DueEntry:
    """The only entry, as a beat selects it when its time has come."""
    now = store.presence.now()
    store.client.zadd(store.keys.schedule, {"redbeat:one": milliseconds(now) / 1000})
    (due,) = store.ticks.select().due
    return due


def at_each_minute(store: Store, one: Entry, last_at: datetime, count: int) -> None:
    """A beat that is never late."""
    for number in range(1, count + 1):
        now = last_at + number * MINUTE
        decided, _ = decide(selected(store), {}, now)
        assert store.ticks.commit([decided], now=now, push=True)[0].done


def test_workers_that_were_down_for_an_hour_find_one_run_of_each_entry(store: Store) -> None:
    one = entry()
    last_at = down_for(store, 2 * HOUR, one)
    start = last_at.replace(second=0, microsecond=0)
    at_each_minute(store, one, start, 60)
    assert store.client.llen("default") == 1
    assert len(runs(store)) == 1
    (left_out,) = store.ledger.left_out("one")  # and 59 ticks are one record, for they share their reason
    assert (left_out.disposition, left_out.count) == (Disposition.SKIPPED_OVERLAP, 59)
    assert left_out.last_at - left_out.first_at == 58 * MINUTE
    assert store.ledger.totals().unaccounted == 0


def test_ticks_of_one_pause_are_one_record_though_each_is_decided_by_itself(store: Store) -> None:
    one = entry(exclusion=Exclusion("UTC", crontabs=("* * * * *",)))
    start = down_for(store, HOUR, one).replace(second=0, microsecond=0)
    at_each_minute(store, one, start, 20)
    (left_out,) = store.ledger.left_out("one")
    assert (left_out.disposition, left_out.count) == (Disposition.SKIPPED_CALENDAR, 20)
    assert left_out.last_at - left_out.first_at == 19 * MINUTE


def test_two_stretches_with_something_between_are_two_records(store: Store) -> None:
    one = entry(overlap="allow", exclusion=Exclusion("UTC", crontabs=("*/2 * * * *",)))
    start = down_for(store, HOUR, one).replace(second=0, microsecond=0)
    at_each_minute(store, one, start, 6)
    kinds = Counter(each.disposition for each in store.ledger.left_out("one"))
    assert kinds == {Disposition.SKIPPED_CALENDAR: 3}
    assert store.ledger.totals().dispatched == 3


def test_a_pause_that_ran_out_while_no_beat_ran_is_not_replayed(store: Store) -> None:
    down_for(store, 30 * MINUTE, entry(catchup="all", overlap="allow"))
    now = store.presence.now()
    pause = Pause(entry="*", by="ada", reason="x", paused_at=now - 20 * MINUTE, until=now - 10 * MINUTE)
    store.pauses.put(pause)
    turns_until_nothing_is_owed(store)
    counts = store.ledger.totals().by_disposition
    assert counts == {Disposition.DISPATCHED: 20, Disposition.SKIPPED_PAUSED: 10}
