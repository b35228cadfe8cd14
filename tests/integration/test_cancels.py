"""Stopping runs, in every state that one can be in, and when two things happen at once."""

import json
import signal
from collections.abc import Sequence
from datetime import timedelta

import pytest

from scheduler.attempt import Cancellation, Claimed, Ending, Fenced, Finished, Refused
from scheduler.operations import cancel
from scheduler.publisher import StorePublisher
from scheduler.recovery import recover
from scheduler.retry import RetryPolicy
from scheduler.run import Call, Run, RunState
from scheduler.store import Keys, Store, connect
from scheduler.store.cancels import Cancels
from scheduler.store.outbox import Move
from scheduler.worker.cancelling import Cancelling
from scheduler.worker.held import Held
from tests.support.valkey import ValkeyServer

LEASE = timedelta(seconds=15)
CALL = Call(job="jobs.x", retry=RetryPolicy(max_attempts=2, initial=timedelta(seconds=1)))
PLACES = ("outbox", "retries", "leases", "unclaimed", "cancels")
FAILED = Ending(state=RunState.FAILED, error="Cancelled: x")
RETRYING = Ending(state=RunState.RETRYING, error="x", wait=timedelta(minutes=1))
SUCCEEDED = Ending(state=RunState.SUCCEEDED)


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    return Store(connect(valkey.url), Keys())


@pytest.fixture
def waiting(store: Store) -> Run:
    store.runs.create("r1", CALL, entry="one", trigger="manual", scheduled_at=store.presence.now())
    StorePublisher(store).publish([(run, text, 1) for run, text in store.runs.calls(["r1"]).values()])
    return found(store)


@pytest.fixture
def running(store: Store, waiting: Run) -> Run:
    assert isinstance(store.runs.claim("r1", 1, "w", "t", LEASE), Claimed)
    return found(store)


def found(store: Store) -> Run:
    run = store.runs.get("r1")
    assert run is not None
    return run


def finish(store: Store, ending: Ending, worker: str | None = "w", attempt: int = 1) -> Finished | Fenced:
    return store.runs.finish("r1", attempt, worker, ending, entry="one", call=CALL)


def leftovers(store: Store) -> list[str]:
    """Where the run still waits, though it has ended."""
    places = [place for place in PLACES if store.client.zscore(store.keys.own(place), "r1") is not None]
    return [*places, *sorted(store.runs.active("one"))]


def test_a_run_that_waits_is_cancelled_at_once_and_its_message_starts_nothing(
    store: Store, waiting: Run
) -> None:
    assert cancel(store, waiting, by="ada", reason="wrong region").answer == "cancelled"
    run = found(store)
    assert (run.state, run.reason, run.attempts, run.started_at) == (
        RunState.CANCELLED,
        "by ada: wrong region",
        (),
        None,
    )
    assert run.finished_at is not None
    assert leftovers(store) == []
    assert store.runs.claim("r1", 1, "w", "t", LEASE) == Refused("already cancelled")
    assert 0 < store.client.pttl("onbeat:run:r1") <= CALL.keep_for / timedelta(milliseconds=1)


def test_it_is_told_with_all_that_a_run_event_has(store: Store, waiting: Run) -> None:
    cancel(store, waiting, by="ada", reason="x")
    (announced,) = store.pauses.take_announcements()
    assert (announced["event"], announced["by"], announced["reason"]) == ("run.cancelled", "ada", "x")
    assert {"entry", "job", "run_id", "scheduled_at", "attempt"} <= announced.keys()


def test_a_retry_that_waits_is_cancelled_and_the_attempt_before_stays_on_record(
    store: Store, running: Run
) -> None:
    finish(store, RETRYING)
    assert cancel(store, found(store), by="ada").answer == "cancelled"
    run = found(store)
    assert (run.state, run.reason, run.attempt, run.error) == (RunState.CANCELLED, "by ada", 1, None)
    assert [(each.number, each.outcome) for each in run.attempts] == [(1, "retrying")]
    assert leftovers(store) == []


def test_a_second_attempt_that_never_started_is_not_shown_as_one(store: Store, running: Run) -> None:
    finish(store, RETRYING)
    store.outbox.move([Move(found(store), 2)], "sent")
    cancel(store, found(store), by="ada")
    assert [each.number for each in found(store).attempts] == [1]


@pytest.mark.parametrize("ending", [FAILED, RETRYING])
def test_an_attempt_that_fails_once_its_end_was_asked_for_ends_the_run_as_cancelled(
    store: Store, running: Run, ending: Ending
) -> None:
    assert cancel(store, running, by="ada", reason="x").answer == "asked"
    assert (found(store).state, found(store).reason) == (RunState.RUNNING, "being cancelled by ada: x")
    assert store.cancels.asked(["r0", "r1"]) == ["r1"]
    ended = finish(store, ending)
    assert isinstance(ended, Finished)
    assert ended.cancelled == Cancellation("ada", "x")
    assert ended.retry_at is None
    again = finish(store, ending)  # its answer was lost
    assert isinstance(again, Finished)
    assert again.cancelled is not None
    run = found(store)
    assert (run.state, run.reason, run.error) == (RunState.CANCELLED, "by ada: x", None)
    assert [(each.outcome, each.error) for each in run.attempts] == [("cancelled", ending.error)]
    assert leftovers(store) == []


def test_a_job_that_was_quicker_has_succeeded_and_there_is_one_outcome(store: Store, running: Run) -> None:
    cancel(store, running, by="ada")
    finish(store, SUCCEEDED)
    assert found(store).state is RunState.SUCCEEDED
    assert leftovers(store) == []
    assert cancel(store, found(store), by="ada").answer == "over"
    assert found(store).state is RunState.SUCCEEDED


def test_asked_for_twice_the_first_one_stays_on_record_and_is_told_once(store: Store, running: Run) -> None:
    for by in ("ada", "bob"):
        assert cancel(store, found(store), by=by).answer == "asked"
    assert found(store).reason == "being cancelled by ada"
    assert [each["event"] for each in store.pauses.take_announcements()] == ["run.cancelling"]


def test_a_run_whose_worker_dies_meanwhile_is_cancelled_when_its_lease_ends(
    store: Store, running: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    cancel(store, running, by="ada")
    store.client.zadd("onbeat:leases", {"r1": 1})
    assert recover(store, running, json.dumps(CALL.to_json()), worker=None)
    assert found(store).state is RunState.CANCELLED


def test_a_run_that_is_handed_back_at_that_moment_goes_to_no_other_worker(store: Store, running: Run) -> None:
    cancel(store, running, by="ada")
    assert store.outbox.move([Move(running, 1, "message")], "push") == [False]
    assert found(store).state is RunState.CANCELLED
    assert leftovers(store) == []


def test_a_run_that_was_trimmed_is_gone(store: Store, waiting: Run) -> None:
    store.client.delete("onbeat:run:r1")
    assert cancel(store, waiting, by="ada").answer == "gone"
    assert store.pauses.take_announcements() == []


def test_history_is_trimmed_by_the_rules_that_the_run_itself_carries(store: Store) -> None:
    short = Call(job="jobs.x", keep_runs=2, keep_for=timedelta(hours=1))
    for number in range(5):
        store.runs.create(
            f"r{number}", short, entry="one", trigger="manual", scheduled_at=store.presence.now()
        )
    for number in range(5):
        store.cancels.ask(f"r{number}", by="ada", reason="")
    assert [run.run_id for run in store.runs.recent(["one"])] == ["r4", "r3"]
    assert 3_590_000 < store.client.pttl("onbeat:run:r4") <= 3_600_000


def test_a_run_without_rules_of_its_own_is_kept_as_long_as_any(store: Store) -> None:
    plain = Call(job="jobs.x")
    store.runs.create("r1", plain, entry="one", trigger="manual", scheduled_at=store.presence.now())
    store.cancels.ask("r1", by="ada", reason="")
    most = plain.keep_for / timedelta(milliseconds=1)
    assert most - 10_000 < store.client.pttl("onbeat:run:r1") <= most


class Asked(Cancels):
    def __init__(self, *run_ids: str) -> None:
        self.run_ids, self.looks = run_ids, 0

    def asked(self, run_ids: Sequence[str]) -> list[str]:
        self.looks += 1
        return [run_id for run_id in run_ids if run_id in self.run_ids]


def test_a_worker_sends_sigterm_once_and_sigkill_after_the_grace() -> None:
    one, other = Held("r1", 1, pid=1), Held("r2", 1, pid=2)
    cancelling = Cancelling(Asked("r1"), timedelta(seconds=10))
    sent = {at: cancelling.due([one, other], at) for at in (0.0, 1.0, 9.0, 10.5, 11.5)}
    assert sent == {
        0.0: [(one, signal.SIGTERM)],
        1.0: [],
        9.0: [],
        10.5: [(one, signal.SIGKILL)],
        11.5: [],
    }


def test_a_worker_with_nothing_in_hand_asks_nothing_and_a_busy_one_twice_a_second() -> None:
    asked = Asked()
    cancelling = Cancelling(asked, timedelta(seconds=10))
    for step in range(50):
        assert cancelling.due([], step / 5) == []
    assert asked.looks == 0
    for step in range(50):
        assert cancelling.due([Held("r1", 1, pid=1)], 100 + step / 5) == []
    assert asked.looks == 17
