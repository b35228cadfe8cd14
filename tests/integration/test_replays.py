"""Another attempt for runs that have ended: the same run goes on, once, however often one asks."""

from dataclasses import replace
from datetime import timedelta

import pytest

from scheduler.attempt import Claimed, Ending, Refused
from scheduler.entry import Entry
from scheduler.operations import cancel, replay
from scheduler.publisher import StorePublisher
from scheduler.retry import RetryPolicy
from scheduler.run import Call, Run, RunState
from scheduler.store import Keys, Store, connect
from tests.support.commands import Onbeat
from tests.support.valkey import ValkeyServer

LEASE = timedelta(seconds=15)
CALL = Call(job="jobs.x", retry=RetryPolicy(max_attempts=2, initial=timedelta(seconds=1)), group="db")
FAILED = Ending(state=RunState.FAILED, error="x", traceback="tb", reason="all 2 attempts used")


@pytest.fixture
def store(valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("ONBEAT_REDIS_URL", valkey.url)
    store = Store(connect(valkey.url), Keys())
    one = Entry(name="one", job="jobs.x")
    store.entries.apply({"one": one}, digest="d", revision=0, now=store.presence.now(), by="test")
    return store


def created(store: Store, run_id: str = "r1", entry: str | None = "one") -> None:
    store.runs.create(run_id, CALL, entry=entry, trigger="manual", scheduled_at=store.presence.now())


def ended(store: Store, ending: Ending = FAILED, run_id: str = "r1", entry: str | None = "one") -> None:
    created(store, run_id, entry)
    claimed = store.runs.claim(run_id, 1, "w", run_id, LEASE)
    assert isinstance(claimed, Claimed)
    store.runs.report(run_id, 1, "w", "cp", '"here"')
    store.runs.finish(run_id, 1, "w", ending, entry=entry, call=CALL)


def found(store: Store, run_id: str = "r1") -> Run:
    run = store.runs.get(run_id)
    assert run is not None
    return run


def ask(store: Store, *run_ids: str) -> list[str]:
    runs = [found(store, run_id) for run_id in run_ids or ("r1",)]
    return [each.answer for each in replay(store, StorePublisher(store), runs, by="ada", reason="mended")]


def test_a_failed_run_goes_on_with_its_next_attempt_and_its_checkpoint(store: Store) -> None:
    ended(store)
    before = found(store)
    assert ask(store) == ["queued"]
    run = found(store)
    assert (run.state, run.attempt, run.max_attempts, run.error, run.reason) == (
        RunState.QUEUED,
        2,
        2,
        None,
        None,
    )
    assert [(each.number, each.outcome) for each in run.attempts] == [(1, "failed")]
    assert store.client.llen("default") == 1
    assert store.client.ttl("onbeat:run:r1") == -1
    assert store.client.ttl("onbeat:attempts:r1") == -1
    assert store.runs.active("one") == {"r1"}
    assert store.client.smembers("onbeat:group:db") == {"r1"}
    claimed = store.runs.claim("r1", 2, "w", "again", LEASE)
    assert isinstance(claimed, Claimed)
    assert claimed.run.checkpoint == '"here"'
    assert found(store).lateness == before.lateness
    store.runs.finish("r1", 2, "w", Ending(state=RunState.SUCCEEDED), entry="one", call=CALL)
    assert [(each.number, each.outcome) for each in found(store).attempts] == [
        (1, "failed"),
        (2, "succeeded"),
    ]
    assert store.runs.active("one") == set()


def test_beyond_the_last_attempt_a_replay_adds_one(store: Store) -> None:
    ended(store)
    for attempt in (2, 3, 4):
        ask(store)
        assert (found(store).attempt, found(store).max_attempts) == (attempt, max(2, attempt))
        assert isinstance(store.runs.claim("r1", attempt, "w", str(attempt), LEASE), Claimed)
        store.runs.finish("r1", attempt, "w", FAILED, entry="one", call=CALL)
    assert len(found(store).attempts) == 4


def test_asked_for_twice_it_is_done_once(store: Store) -> None:
    ended(store)
    run = found(store)
    answers = [replay(store, StorePublisher(store), [run], by="ada")[0].answer for _ in range(2)]
    assert answers == ["queued", "active"]
    assert store.client.llen("default") == 1
    assert found(store).attempt == 2
    assert [each["event"] for each in store.pauses.take_announcements()] == ["run.replayed"]


def test_one_that_waits_for_its_next_attempt_has_it_now(store: Store, onbeat: Onbeat) -> None:
    for run_id in ("r1", "r2"):
        ended(store, Ending(state=RunState.RETRYING, error="x", wait=timedelta(days=30)), run_id)
    assert onbeat("retry", "r1").expect().out == "one: run r1 waits no more: attempt 2 starts now\n"
    assert (found(store).state, found(store).attempt) == (RunState.QUEUED, 2)
    assert ask(store) == ["active"]
    assert onbeat("retry", "--state", "retrying").expect().out == "1 run is queued for another attempt.\n"
    assert store.client.llen("default") == 2
    assert store.client.zcard("onbeat:retries") == 0
    assert isinstance(store.runs.claim("r2", 2, "w", "again", LEASE), Claimed)


def test_an_old_message_of_the_attempt_that_failed_starts_nothing(store: Store) -> None:
    ended(store)
    ask(store)
    assert isinstance(store.runs.claim("r1", 1, "w", "old", LEASE), Refused)


def test_a_run_that_was_cancelled_before_it_began_has_that_attempt_before_it(store: Store) -> None:
    created(store)
    cancel(store, found(store), by="ada")
    assert ask(store) == ["queued"]
    assert (found(store).state, found(store).attempt, found(store).attempts) == (RunState.QUEUED, 1, ())


def test_a_run_that_expired_may_start_now(store: Store) -> None:
    store.runs.create(
        "r1",
        CALL,
        entry="one",
        trigger="manual",
        scheduled_at=store.presence.now() - timedelta(hours=2),
        start_by=store.presence.now() - timedelta(hours=1),
    )
    late = store.runs.claim("r1", 1, "w", "t", LEASE)
    assert isinstance(late, Refused)
    assert found(store).state is RunState.EXPIRED
    assert ask(store) == ["queued"]
    assert store.client.zscore("onbeat:deadlines", "r1") is None
    assert isinstance(store.runs.claim("r1", 1, "w", "t2", LEASE), Claimed)


def test_what_ended_well_or_is_gone_stays_as_it_is(store: Store) -> None:
    ended(store, Ending(state=RunState.SUCCEEDED))
    ended(store, Ending(state=RunState.SKIPPED), "r2")
    ended(store, run_id="r3")
    gone = found(store, "r3")
    store.client.delete("onbeat:run:r3")
    assert ask(store, "r1", "r2") == ["well", "well"]
    assert replay(store, StorePublisher(store), [gone], by="ada")[0].answer == "gone"
    assert store.client.llen("default") == 0


def test_the_command_replays_one_or_many_once(store: Store, onbeat: Onbeat) -> None:
    for number in range(3):
        ended(store, run_id=f"failed-{number}")
    ended(store, Ending(state=RunState.SUCCEEDED), "well")
    ended(store, run_id="other", entry=None)
    assert (
        "3 runs would get another attempt"
        in onbeat("retry", "--state", "failed", "--entry", "one", "--dry-run").err
    )
    assert store.client.llen("default") == 0
    assert onbeat("retry", "failed-0").expect().out == "one: run failed-0 is queued for attempt 2\n"
    assert onbeat("retry", "failed-0").expect().out == "one: run failed-0 has not ended: queued\n"
    answers = onbeat("retry", "--state", "failed", "--entry", "one", "--json").expect().json()
    assert {(each["run_id"], each["answer"], each["attempt"]) for each in answers} == {
        ("failed-1", "queued", 2),
        ("failed-2", "queued", 2),
    }
    assert (
        onbeat("retry", "--state", "failed", "--state", "expired").expect().out
        == "1 run is queued for another attempt.\n"
    )
    assert onbeat("retry", "--state", "failed").expect().err == "No such runs.\n"
    assert store.client.llen("default") == 4
    assert "has ended well: succeeded" in onbeat("retry", "failed-0", "well").expect(2).err
    assert "no run 'nobody'" in onbeat("retry", "nobody").expect(5).err
    for wrong in (
        [],
        ["failed-0", "--state", "failed"],
        ["failed-0", "--entry", "one"],
        ["--state", "queued"],
    ):
        onbeat("retry", *wrong).expect(2)


def test_many_are_replayed_at_once(store: Store, onbeat: Onbeat, monkeypatch: pytest.MonkeyPatch) -> None:
    many = replace(CALL, keep_runs=500)
    monkeypatch.setitem(globals(), "CALL", many)
    for number in range(250):
        ended(store, run_id=f"r{number}", entry=None)
    assert onbeat("retry", "--state", "failed", "--limit", "200").expect().out == (
        "200 runs are queued for another attempt. There may be more: --limit is 200.\n"
    )
    assert store.client.llen("default") == 200
    assert store.client.llen("onbeat:announcements") == 200
