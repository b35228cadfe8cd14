"""What any beat finishes of what another process left."""

from datetime import datetime, timedelta

import pytest

from scheduler.attempt import Claimed, Ending, Refused
from scheduler.beat.turn import take_turn
from scheduler.beat.upkeep import keep_up
from scheduler.entry import Entry
from scheduler.epoch import milliseconds
from scheduler.publisher import StorePublisher
from scheduler.retry import RetryPolicy
from scheduler.run import Call, RunState
from scheduler.store import Keys, Store, connect
from tests.support.valkey import ValkeyServer

LEASE = timedelta(seconds=15)
ENTRY = Entry(
    name="one", job="jobs.x", retry=RetryPolicy(max_attempts=2, initial=timedelta(seconds=1), jitter=0.0)
)
CALL = Call.of(ENTRY)


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    return Store(connect(valkey.url), Keys())


@pytest.fixture
def run_id(store: Store) -> str:
    """A run that is published and that nobody claimed."""
    store.runs.create("r1", CALL, entry="one", trigger="manual", scheduled_at=store.presence.now())
    upkeep(store)
    return "r1"


def upkeep(store: Store) -> None:
    turn = take_turn(store, push=True)
    keep_up(store, StorePublisher(store), turn.waiting, turn.now)


def make_due(store: Store, place: str, run_id: str) -> None:
    store.client.zadd(store.keys.own(place), {run_id: 1})


def state(store: Store, run_id: str) -> tuple[RunState, int]:
    run = store.runs.get(run_id)
    assert run is not None
    return run.state, run.attempt


def test_the_outbox_is_published_once(store: Store, run_id: str) -> None:
    assert store.client.llen("default") == 1
    assert store.outbox.size() == 0
    upkeep(store)
    assert store.client.llen("default") == 1


def test_a_retry_is_queued_as_the_next_attempt_when_its_time_has_come(store: Store, run_id: str) -> None:
    store.client.delete("default")
    store.runs.claim(run_id, 1, "w", "t", LEASE)
    ending = Ending(state=RunState.RETRYING, error="x", wait=timedelta(days=30))
    store.runs.finish(run_id, 1, "w", ending, entry="one", call=CALL)
    upkeep(store)
    assert state(store, run_id) == (RunState.RETRYING, 1)
    make_due(store, "retries", run_id)
    upkeep(store)
    assert state(store, run_id) == (RunState.QUEUED, 2)
    assert store.client.llen("default") == 1
    assert isinstance(store.runs.claim(run_id, 1, "w", "t2", LEASE), Refused)
    assert isinstance(store.runs.claim(run_id, 2, "w", "t3", LEASE), Claimed)


def test_the_next_retry_decides_how_long_the_beat_sleeps(store: Store, run_id: str) -> None:
    store.runs.claim(run_id, 1, "w", "t", LEASE)
    ending = Ending(state=RunState.RETRYING, wait=timedelta(milliseconds=300))
    store.runs.finish(run_id, 1, "w", ending, entry="one", call=CALL)
    selection = store.ticks.select()
    assert selection.next_at is not None
    assert timedelta(0) < selection.next_at - selection.now <= timedelta(milliseconds=300)


def test_a_run_whose_lease_ran_out_is_retried_and_its_old_worker_is_fenced(store: Store, run_id: str) -> None:
    store.runs.claim(run_id, 1, "w", "t", LEASE)
    upkeep(store)
    assert state(store, run_id) == (RunState.RUNNING, 1)
    make_due(store, "leases", run_id)
    upkeep(store)
    assert state(store, run_id) == (RunState.RETRYING, 1)
    late = store.runs.finish(run_id, 1, "w", Ending(state=RunState.SUCCEEDED), entry="one", call=CALL)
    assert not hasattr(late, "finished_at")
    assert state(store, run_id) == (RunState.RETRYING, 1)


def test_a_lease_that_is_renewed_is_not_recovered(store: Store, run_id: str) -> None:
    store.runs.claim(run_id, 1, "w", "t", LEASE)
    make_due(store, "leases", run_id)
    assert store.runs.renew("w", [(run_id, 1)], LEASE) == []
    assert store.runs.renew("other", [(run_id, 1)], LEASE) == [run_id]
    upkeep(store)
    assert state(store, run_id) == (RunState.RUNNING, 1)


def test_a_message_that_got_lost_is_published_again(store: Store, run_id: str) -> None:
    store.client.delete("default")
    make_due(store, "unclaimed", run_id)
    upkeep(store)
    assert store.client.llen("default") == 1
    assert (store.client.zscore("onbeat:unclaimed", run_id) or 0) > 1


def test_a_backlog_explains_the_wait_so_nothing_is_published_again(store: Store, run_id: str) -> None:
    make_due(store, "unclaimed", run_id)
    upkeep(store)
    assert store.client.llen("default") == 1
    assert (store.client.zscore("onbeat:unclaimed", run_id) or 0) > 1


def test_a_run_that_was_deleted_leaves_no_trace_in_the_waiting_places(store: Store, run_id: str) -> None:
    store.client.delete("onbeat:run:r1")
    for place in ("outbox", "retries", "leases", "unclaimed"):
        make_due(store, place, run_id)
    upkeep(store)
    for place in ("outbox", "retries", "leases", "unclaimed"):
        assert store.client.zcard(f"onbeat:{place}") == 0


def test_what_a_command_announced_is_taken_by_one_beat_only(store: Store) -> None:
    store.pauses.announce("entry.paused", entry="one", by="ada", reason="why")
    (told,) = store.pauses.take_announcements()
    assert datetime.fromisoformat(told.pop("at")) <= store.presence.now()
    assert told == {"event": "entry.paused", "entry": "one", "by": "ada", "reason": "why"}
    assert store.pauses.take_announcements() == []


@pytest.mark.parametrize("place", ["outbox", "retries"])
def test_a_run_that_moved_on_between_two_reads_of_a_beat_is_left_alone(
    store: Store, run_id: str, place: str
) -> None:
    """Its id was read as waiting; by the time its record was read a worker had claimed it."""
    store.runs.claim(run_id, 1, "w1", "token", LEASE)
    make_due(store, place, run_id)
    upkeep(store)
    assert state(store, run_id) == (RunState.RUNNING, 1)


def test_a_retry_that_another_beat_queued_meanwhile_is_not_counted_on(store: Store, run_id: str) -> None:
    """Its id was read as a retry; by the time its record was read it was queued as attempt 1 of 2 already."""
    make_due(store, "retries", run_id)
    upkeep(store)
    assert state(store, run_id) == (RunState.QUEUED, 1)


def test_what_is_sent_again_is_sent_more_and_more_rarely(store: Store, run_id: str) -> None:
    store.client.hset("onbeat:run:r1", "qa", milliseconds(store.presence.now() - timedelta(minutes=10)))
    store.client.delete("default")
    make_due(store, "unclaimed", run_id)
    upkeep(store)
    assert store.client.llen("default") == 1
    again_at = float(store.client.zscore("onbeat:unclaimed", run_id) or 0)
    pause_ms = again_at - milliseconds(store.presence.now())
    assert 9 * 60_000 < pause_ms < 11 * 60_000


def test_a_backlog_is_looked_at_in_one_round_trip(store: Store) -> None:
    for number in range(50):
        store.runs.create(str(number), CALL, entry="one", trigger="manual", scheduled_at=store.presence.now())
    upkeep(store)
    for number in range(50):
        make_due(store, "unclaimed", str(number))
    turn = take_turn(store, push=True)
    before = commands(store)
    keep_up(store, StorePublisher(store), turn.waiting, turn.now)
    assert commands(store) - before < 10
    assert store.client.llen("default") == 50


def commands(store: Store) -> int:
    """How many calls of scripts the server has answered."""
    stats = store.client.info("commandstats")
    assert isinstance(stats, dict)
    return int(stats.get("cmdstat_evalsha", {}).get("calls", 0))


def test_a_turn_with_50_000_waiting_retries_costs_what_it_costs_with_one(store: Store) -> None:
    later = milliseconds(store.presence.now() + timedelta(days=30))

    def commands_of_a_turn() -> int:
        before = int(store.client.info("stats")["total_commands_processed"])
        turn = take_turn(store, push=True)
        assert turn.waiting.retries == 0, "none is due"
        return int(store.client.info("stats")["total_commands_processed"]) - before

    store.client.zadd("onbeat:retries", {"run-0": later})
    take_turn(store, push=True)
    with_one = commands_of_a_turn()
    store.client.zadd("onbeat:retries", {f"run-{number}": later + number for number in range(50_000)})
    assert commands_of_a_turn() == with_one
