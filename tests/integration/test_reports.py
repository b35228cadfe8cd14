"""What a job says of itself, on its way to the store: kept at once, written rarely, fenced by its attempt."""

import threading
from datetime import timedelta

import pytest

from scheduler.attempt import Claimed, Ending
from scheduler.job import Cancelled, CurrentRun
from scheduler.operations import cancel
from scheduler.retry import RetryPolicy
from scheduler.run import Call, Run, RunState
from scheduler.store import Keys, Store, connect
from scheduler.store.outbox import Move
from scheduler.worker.reports import StoreReports
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

LEASE = timedelta(seconds=15)
CALL = Call(job="jobs.x", retry=RetryPolicy(max_attempts=3))
RETRYING = Ending(state=RunState.RETRYING, error="x", wait=timedelta(0))


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    return Store(connect(valkey.url), Keys())


def claim(store: Store, attempt: int = 1, worker: str = "w") -> Claimed:
    store.runs.create("r1", CALL, entry="one", trigger="manual", scheduled_at=store.presence.now())
    claimed = store.runs.claim("r1", attempt, worker, f"{worker}{attempt}", LEASE)
    assert isinstance(claimed, Claimed)
    return claimed


def reports_of(store: Store, claimed: Claimed, worker: str = "w") -> StoreReports:
    return StoreReports(store.runs, claimed, worker)


def found(store: Store) -> Run:
    run = store.runs.get("r1")
    assert run is not None
    return run


def finish(store: Store, ending: Ending) -> None:
    store.runs.finish("r1", found(store).attempt, "w", ending, entry="one", call=CALL)


def test_a_checkpoint_survives_attempts_and_hand_backs_and_goes_with_success(store: Store) -> None:
    first = claim(store)
    run = CurrentRun.of(first.run, reports_of(store, first))
    run.checkpoint.set({"page": 1})
    assert found(store).checkpoint == '{"page":1}'
    finish(store, RETRYING)
    store.outbox.move([Move(found(store), 2)], "sent")
    second = claim(store, 2)
    again = CurrentRun.of(second.run, reports_of(store, second))
    assert again.checkpoint.get() == {"page": 1}
    again.checkpoint.set({"page": 2})
    store.outbox.move([Move(found(store), 2)], "sent")
    third = claim(store, 2, "other")
    assert CurrentRun.of(third.run).checkpoint.get() == {"page": 2}
    store.runs.finish("r1", 2, "other", Ending(state=RunState.SUCCEEDED), entry="one", call=CALL)
    assert found(store).checkpoint is None


def test_a_run_that_failed_keeps_its_checkpoint(store: Store) -> None:
    reports_of(store, claim(store)).save("1")
    finish(store, Ending(state=RunState.FAILED))
    assert found(store).checkpoint == "1"


def test_a_worker_that_lost_its_run_cannot_write_over_what_the_new_one_keeps(store: Store) -> None:
    old = claim(store)
    slow = CurrentRun.of(old.run, reports_of(store, old))
    store.outbox.move([Move(found(store), 1)], "sent")
    new = claim(store, 1, "other")
    reports_of(store, new, "other").save('"new"')
    with pytest.raises(Cancelled, match="given to another worker"):
        slow.checkpoint.set("old")
    assert found(store).checkpoint == '"new"'
    assert slow.checkpoint.get() is None


def test_a_hot_loop_writes_once_and_its_newest_word_arrives(store: Store) -> None:
    reports = reports_of(store, claim(store))
    calls = commands(store)
    for number in range(1_001):
        reports.tell(number / 1_000, f"number {number}")
    assert commands(store) - calls <= 4, "one write, and what the server needs to learn the script"
    assert found(store).progress == 0.0
    run = eventually(lambda: run if (run := found(store)).progress == 1.0 else None, within=3)
    assert run is not None
    assert run.message == "number 1000"
    assert run.heartbeat_at is not None


def test_what_is_left_out_stays_as_it_was_and_a_beat_without_words_is_one(store: Store) -> None:
    reports = reports_of(store, claim(store))
    reports.tell(None, None)
    assert found(store).heartbeat_at is not None
    assert found(store).progress is None
    reports.tell(0.5, None)
    reports.tell(None, "loading")
    reports.close()
    assert (found(store).progress, found(store).message) == (0.5, "loading")


def test_after_the_attempt_nothing_is_written_any_more(store: Store) -> None:
    others = set(threading.enumerate())  # of the tests before it
    reports = reports_of(store, claim(store))
    reports.tell(0.1, None)
    reports.tell(0.2, None)
    reports.close()
    finish(store, RETRYING)
    reports.tell(0.9, None)
    assert found(store).progress == 0.2
    store.outbox.move([Move(found(store), 2)], "sent")
    claim(store, 2)
    assert found(store).progress is None, "a new attempt has not come far"
    mine = set(threading.enumerate()) - others
    assert not [each for each in mine if isinstance(each, threading.Timer)]


def test_a_job_in_a_thread_hears_of_its_cancel_once_and_may_still_keep_where_it_is(store: Store) -> None:
    claimed = claim(store)
    run = CurrentRun.of(claimed.run, reports_of(store, claimed))
    cancel(store, found(store), by="ada")
    with pytest.raises(Cancelled, match="somebody cancelled the run"):
        run.heartbeat(0.1)
    run.checkpoint.set("here")
    run.heartbeat(0.2)
    assert found(store).checkpoint == '"here"'


def test_a_cancel_that_comes_while_a_loop_is_hot_is_heard_within_seconds(store: Store) -> None:
    reports = reports_of(store, claim(store))
    reports.tell(0.0, None)
    cancel(store, found(store), by="ada")
    stopped: list[str] = []

    def step() -> bool:
        try:
            reports.tell(0.5, None)
        except Cancelled as error:
            stopped.append(str(error))
        return bool(stopped)

    eventually(step, within=4)


def commands(store: Store) -> int:
    stats = store.client.info("commandstats")
    assert isinstance(stats, dict)
    return int(stats.get("cmdstat_evalsha", {}).get("calls", 0))
