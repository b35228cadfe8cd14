"""The store's heart on a real server: what is due, the commit that decides it once, and the ledger."""

from datetime import UTC, datetime, timedelta

import pytest

from scheduler.attempt import Claimed, Ending, Fenced, Finished, Refused
from scheduler.beat.turn import take_turn
from scheduler.disposition import Disposition
from scheduler.entry import Entry
from scheduler.epoch import milliseconds
from scheduler.retry import RetryPolicy
from scheduler.run import Call, RunState
from scheduler.schedule import Crontab, Interval
from scheduler.store import Keys, Store, connect
from scheduler.store.pauses import Pause
from tests.support.valkey import ValkeyServer

LEASE = timedelta(seconds=15)


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    return Store(connect(valkey.url), Keys())


def apply(store: Store, *entries: Entry, revision: int = 0) -> None:
    wanted = {entry.name: entry for entry in entries}
    store.entries.apply(wanted, digest="d1", revision=revision, now=store.presence.now(), by="test")


def make_due(store: Store, name: str, ticks_ago: timedelta) -> None:
    """Set the entry back, as if no beat had run for so long."""
    at = store.presence.now() - ticks_ago
    key = store.keys.entry(name)
    store.client.hset(key, "tick", milliseconds(at))
    store.client.zadd(store.keys.schedule, {key: milliseconds(at) / 1000})


def test_a_new_entry_is_first_due_at_its_next_time_and_never_now(store: Store) -> None:
    apply(store, Entry(name="hourly", job="jobs.x", schedule=Crontab("0 * * * *")))
    assert take_turn(store, push=True).dispatched == 0
    stored = store.entries.get("hourly")
    assert stored is not None
    assert stored.next_at is not None
    assert stored.next_at > datetime.now(UTC)


def test_a_due_tick_becomes_one_run_and_one_message_whatever_the_number_of_beats(store: Store) -> None:
    apply(store, Entry(name="often", job="jobs.x", schedule=Interval(timedelta(hours=1))))
    make_due(store, "often", timedelta(hours=1))
    selections = [store.ticks.select(), store.ticks.select()]
    assert [len(selection.due) for selection in selections] == [1, 1]
    turns = [take_turn(store, push=True), take_turn(store, push=True)]
    assert [turn.dispatched for turn in turns] == [1, 0]
    assert store.client.llen("default") == 1
    assert store.ledger.totals().dispatched == 1
    assert store.ledger.totals().unaccounted == 0


def test_missed_ticks_are_coalesced_into_the_newest_with_their_count(store: Store) -> None:
    apply(store, Entry(name="minutely", job="jobs.x", schedule=Interval(timedelta(minutes=1))))
    make_due(store, "minutely", timedelta(minutes=10, seconds=1))
    take_turn(store, push=True)
    (left_out,) = store.ledger.left_out("minutely")
    assert left_out.disposition is Disposition.COALESCED
    assert left_out.count in (9, 10)
    counts = store.ledger.totals()
    assert counts.expected == left_out.count + 1
    assert counts.unaccounted == 0


def test_a_tick_is_skipped_while_the_run_before_it_is_not_finished(store: Store) -> None:
    apply(store, Entry(name="slow", job="jobs.x", schedule=Interval(timedelta(minutes=1))))
    make_due(store, "slow", timedelta(minutes=1))
    take_turn(store, push=True)
    make_due(store, "slow", timedelta(minutes=1))
    take_turn(store, push=True)
    assert store.ledger.totals().by_disposition[Disposition.SKIPPED_OVERLAP] == 1
    assert store.client.llen("default") == 1


def test_an_active_run_that_is_on_no_record_any_more_blocks_nobody(store: Store) -> None:
    apply(store, Entry(name="slow", job="jobs.x", schedule=Interval(timedelta(minutes=1))))
    store.client.sadd("onbeat:active:slow", "gone")
    make_due(store, "slow", timedelta(minutes=1))
    take_turn(store, push=True)
    assert store.ledger.totals().dispatched == 1
    assert "gone" not in store.runs.active("slow")


def test_paused_ticks_are_recorded_and_not_replayed(store: Store) -> None:
    apply(store, Entry(name="paused", job="jobs.x", schedule=Interval(timedelta(minutes=1))))
    now = store.presence.now()
    store.pauses.put(Pause(entry="paused", by="ada", reason="migration", paused_at=now, until=None))
    make_due(store, "paused", timedelta(minutes=3))
    take_turn(store, push=True)
    assert store.ledger.totals().by_disposition[Disposition.SKIPPED_PAUSED] == 3
    assert store.ledger.left_out("paused")[0].reason == "paused by ada: migration"
    store.pauses.lift("paused")
    assert take_turn(store, push=True).dispatched == 0


def test_an_entry_that_cannot_be_read_is_set_aside_and_stops_nobody(store: Store) -> None:
    apply(store, Entry(name="well", job="jobs.x", schedule=Interval(timedelta(minutes=1))))
    store.client.hset("redbeat:broken", "definition", "{not json")
    store.client.set("redbeat:string", "x")
    store.client.zadd(store.keys.schedule, {"redbeat:broken": 1, "redbeat:string": 1, "redbeat:missing": 1})
    make_due(store, "well", timedelta(minutes=1))
    take_turn(store, push=True)
    assert store.ledger.totals().dispatched == 1
    assert take_turn(store, push=True).dispatched == 0
    assert store.entries.all()["broken"].trouble
    assert "missing" not in store.entries.all()
    assert not store.ticks.select().due


def run_of(store: Store, name: str = "one", policy: RetryPolicy | None = None) -> tuple[str, Call]:
    entry = Entry(
        name=name, job="jobs.x", schedule=Interval(timedelta(hours=1)), retry=policy or RetryPolicy()
    )
    apply(store, entry)
    make_due(store, name, timedelta(hours=1))
    take_turn(store, push=True)
    (run,) = store.runs.recent([name])
    return run.run_id, Call.of(entry)


def test_only_one_worker_can_claim_an_attempt(store: Store) -> None:
    run_id, _ = run_of(store)
    assert isinstance(store.runs.claim(run_id, 1, "w1", "t1", LEASE), Claimed)
    assert isinstance(store.runs.claim(run_id, 1, "w1", "t1", LEASE), Claimed)  # its answer was lost
    assert store.runs.claim(run_id, 1, "w2", "t2", LEASE) == Refused("running on w1")
    assert store.runs.claim(run_id, 2, "w2", "t2", LEASE) == Refused(
        "attempt 1 is the one in force", early=True
    )
    assert store.runs.claim("nobody", 1, "w2", "t2", LEASE) == Refused("no such run")


def test_a_finished_run_is_on_record_with_its_times_and_costs_at_most_400_bytes(store: Store) -> None:
    run_id, call = run_of(store)
    store.runs.claim(run_id, 1, "host:1234:abcdef", "t" * 32, LEASE)
    ending = Ending(state=RunState.SUCCEEDED, result={"rows": 12})
    first = store.runs.finish(run_id, 1, "host:1234:abcdef", ending, entry="one", call=call)
    again = store.runs.finish(run_id, 1, "host:1234:abcdef", ending, entry="one", call=call)
    assert isinstance(first, Finished)
    assert first == again
    run = store.runs.get(run_id)
    assert run is not None
    assert (run.state, run.result, run.attempt) == (RunState.SUCCEEDED, {"rows": 12}, 1)
    assert [each.outcome for each in run.attempts] == ["succeeded"]
    assert not store.runs.active("one")
    used = int(store.client.execute_command("MEMORY", "USAGE", store.keys.run(run_id)))
    index = int(store.client.execute_command("MEMORY", "USAGE", store.keys.runs("one")))
    assert used + index <= 400


def test_a_finished_run_costs_no_more_for_a_long_call(store: Store) -> None:
    call = Call(job="jobs.x", kwargs={"path": "/var/lib/reports" * 50})
    store.runs.create("r", call, entry="one", trigger="manual", scheduled_at=store.presence.now())
    store.runs.claim("r", 1, "host:1234:abcdef", "t" * 32, LEASE)
    ending = Ending(state=RunState.SUCCEEDED, result={"rows": 12})
    first = store.runs.finish("r", 1, "host:1234:abcdef", ending, entry="one", call=call)
    assert store.runs.finish("r", 1, "host:1234:abcdef", ending, entry="one", call=call) == first
    assert int(store.client.execute_command("MEMORY", "USAGE", store.keys.run("r"))) <= 300
    assert store.client.ttl(store.keys.run("r")) > 0
    run = store.runs.get("r")
    assert run is not None
    assert (run.state, run.result) == (RunState.SUCCEEDED, {"rows": 12})


def test_an_attempt_that_was_given_away_cannot_finish(store: Store) -> None:
    run_id, call = run_of(store)
    store.runs.claim(run_id, 1, "w1", "t1", LEASE)
    fenced = store.runs.finish(run_id, 1, "w2", Ending(state=RunState.SUCCEEDED), entry="one", call=call)
    assert fenced == Fenced("running", 1)


def test_history_is_kept_by_count_and_running_runs_are_never_trimmed(store: Store) -> None:
    entry = Entry(name="kept", job="jobs.x", keep_runs=3)
    call = Call.of(entry)
    for number in range(6):
        run_id = f"run-{number}"
        store.runs.create(run_id, call, entry="kept", trigger="manual", scheduled_at=store.presence.now())
        if number:
            store.runs.claim(run_id, 1, "w", run_id, LEASE)
            store.runs.finish(run_id, 1, "w", Ending(state=RunState.SUCCEEDED), entry="kept", call=call)
    kept = {run.run_id for run in store.runs.recent(["kept"], limit=10)}
    assert "run-0" in kept
    assert {"run-4", "run-5"} <= kept
    assert len(kept) <= 4
