"""`onbeat why` and `onbeat trace` on a real store: the answer for every kind of tick, and the life of a run."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scheduler.attempt import Claimed, Ending
from scheduler.beat.turn import take_turn
from scheduler.entry import Entry
from scheduler.operations import cancel, pause
from scheduler.publisher import StorePublisher
from scheduler.retry import RetryPolicy
from scheduler.run import Run, RunState, tick_run_id
from scheduler.schedule import Crontab, Interval
from scheduler.store import Keys, Store, connect
from scheduler.timestamps import rfc3339
from tests.support.commands import Onbeat
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

MINUTE = timedelta(minutes=1)
EVERY = Entry(
    name="every", job="jobs.x", schedule=Interval(MINUTE), retry=RetryPolicy(max_attempts=3), overlap="skip"
)
NIGHTLY = Entry(name="nightly", job="jobs.x", schedule=Crontab("30 2 * * *", "Europe/Berlin"))
BY_HAND = Entry(name="by-hand", job="jobs.x")


@pytest.fixture
def store(valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Store:
    monkeypatch.setenv("ONBEAT_REDIS_URL", valkey.url)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.chdir(tmp_path)
    return Store(connect(valkey.url), Keys())


def applied(store: Store, *entries: Entry, ago: timedelta = MINUTE * 3) -> datetime:
    """The entries, in force for so long already; the newest whole minute."""
    now = store.presence.now()
    wanted = {entry.name: entry for entry in entries}
    store.entries.apply(wanted, digest="d", revision=0, now=now - ago, by="test")
    return now.replace(second=0, microsecond=0)


def why(onbeat: Onbeat, entry: str, moment: datetime | str) -> dict[str, object]:
    text = moment if isinstance(moment, str) else str(rfc3339(moment))
    found: dict[str, object] = onbeat("why", entry, text, "--json").expect().json()
    return found


def words(found: dict[str, object]) -> str:
    said = found["words"]
    assert isinstance(said, list)
    return "\n".join(said)


def test_ticks_that_ran_that_were_folded_and_that_were_skipped(store: Store, onbeat: Onbeat) -> None:
    newest = applied(store, EVERY)
    take_turn(store, push=True)
    ran = why(onbeat, "every", newest)
    assert why(onbeat, "every", f"{newest:%H:%M}")["scheduled_at"] == ran["scheduled_at"]
    assert (ran["answer"], ran["disposition"], ran["scheduled_at"]) == ("run", "dispatched", rfc3339(newest))
    assert "it has waited in the queue 'default'" in words(ran)
    assert "no worker takes the queue 'default'" in words(ran)
    assert "1 message waits in that queue, its own among them" in words(ran)
    folded = why(onbeat, "every", newest - MINUTE)
    assert (folded["answer"], folded["disposition"]) == ("left_out", "coalesced")
    assert "missed while no beat ran" in words(folded)
    assert "no record of it any more" in words(why(onbeat, "every", newest - 60 * MINUTE))


def test_a_moment_that_is_no_tick_names_the_field_and_the_ticks_around_it(
    store: Store, onbeat: Onbeat
) -> None:
    applied(store, NIGHTLY, BY_HAND)
    found = why(onbeat, "nightly", "2026-11-21T02:31")
    assert found["answer"] == "no_tick"
    assert words(found) == "minute: 31 is not in '30' (30)"
    assert (found["before"], found["after"]) == ("2026-11-21T01:30:00.000Z", "2026-11-22T01:30:00.000Z")
    assert words(why(onbeat, "by-hand", "02:30")) == "it has no times of its own: it runs only by hand"
    text = onbeat("why", "nightly", "2026-11-21T02:31").expect().out
    assert text.splitlines()[0] == "nightly has no tick at 2026-11-21 02:31:00 Europe/Berlin."


def test_a_coming_tick_is_told_with_what_stands_in_its_way(store: Store, onbeat: Onbeat) -> None:
    applied(store, NIGHTLY)
    pause(store, "nightly", by="sam", reason="the disk is full")
    entry = NIGHTLY.schedule
    assert entry is not None
    coming = entry.next_after(store.presence.now())
    assert coming is not None
    found = why(onbeat, "nightly", coming)
    assert found["answer"] == "coming"
    assert "paused by sam: the disk is full; it will be left out" in words(found)
    assert "no beat is running" in words(found)


def test_a_tick_that_nobody_has_decided_yet(store: Store, onbeat: Onbeat) -> None:
    newest = applied(store, EVERY)
    found = why(onbeat, "every", newest)
    assert found["answer"] == "undecided"
    assert "is not decided yet" in words(found)


def test_an_entry_that_can_t_be_read(store: Store, onbeat: Onbeat) -> None:
    newest = applied(store, EVERY)
    store.client.hset(store.keys.entry("every"), mapping={"definition": "{", "onbeat": ""})
    found = why(onbeat, "every", newest)
    assert found["answer"] == "unreadable"
    assert "can't be read" in words(found)


def test_what_became_of_the_run_and_its_life(store: Store, onbeat: Onbeat) -> None:
    newest = applied(store, EVERY)
    take_turn(store, push=True)
    run_id = tick_run_id("every", newest)
    for attempt, state in ((1, RunState.RETRYING), (2, RunState.FAILED)):
        claimed = store.runs.claim(run_id, attempt, f"w{attempt}", "t", MINUTE)
        assert isinstance(claimed, Claimed)
        if attempt == 1:
            assert "it runs on w1" in words(why(onbeat, "every", newest))
        run = store.runs.get(run_id)
        assert run is not None
        assert run.attempts[-1].error is None, "it goes on, whatever became of the one before"
        ending = Ending(state=state, error="OSError: no", wait=timedelta(0))
        store.runs.finish(run_id, attempt, f"w{attempt}", ending, entry="every", call=claimed.call)
        if attempt == 1:
            assert "the next one follows" in words(why(onbeat, "every", newest))
            due = store.outbox.due("retries", datetime.now(UTC) + MINUTE)
            StorePublisher(store).publish([(run, call, 2) for run, call in due])
    found = why(onbeat, "every", newest)
    assert "it failed: OSError: no" in words(found)
    assert "attempt 1 ended as retrying" in words(found)
    told = onbeat("trace", run_id[:8], "--json").expect().json()
    assert [step["event"] for step in told] == [
        "tick.dispatched", "run.started", "run.retrying", "run.started", "run.failed",
    ]  # fmt: skip
    table = onbeat("trace", run_id).expect().out
    assert table.splitlines()[0] == f"run {run_id}"
    assert "error=OSError: no" in table


def test_one_that_follows_says_what_became_of_those_before_it(store: Store, onbeat: Onbeat) -> None:
    newest = applied(
        store,
        EVERY,
        Entry(name="next", job="jobs.x", after=("every",)),
        Entry(name="alarm", job="jobs.x", after_failed=("every",)),
    )
    assert "every has no run of that time on record" in words(why(onbeat, "next", newest))
    take_turn(store, push=True)
    assert "every is queued for that time" in words(why(onbeat, "next", newest))
    run_id = tick_run_id("every", newest)
    claimed = store.runs.claim(run_id, 1, "w", "t", MINUTE)
    assert isinstance(claimed, Claimed)
    store.runs.finish(run_id, 1, "w", Ending(state=RunState.FAILED), entry="every", call=claimed.call)
    assert words(why(onbeat, "next", newest)).splitlines() == [
        "it has no times of its own: it runs after every",
        f"every has failed for that time, as run {run_id}: so it did not follow",
    ]
    assert words(why(onbeat, "alarm", newest)).endswith(f"every has failed for that time, as run {run_id}")


def test_a_run_that_waits_for_another_names_it(store: Store, onbeat: Onbeat) -> None:
    applied(store, replace(EVERY, overlap="queue", schedule=Interval(timedelta(seconds=1))))

    def both() -> list[Run]:
        take_turn(store, push=True)
        runs = store.runs.recent(["every"], limit=2)
        return runs if len(runs) == 2 else []

    second, first = eventually(both)
    waiting = why(onbeat, "every", second.scheduled_at)
    assert words(waiting).splitlines()[1:] == [
        f"waits for the end of run {first.run_id}",
        f"that one, of every for {rfc3339(first.scheduled_at)}, is queued",
    ]


def test_missed_ticks_that_wait_for_their_turn_say_so(store: Store, onbeat: Onbeat) -> None:
    newest = applied(store, replace(EVERY, overlap="queue", catchup="all"))
    take_turn(store, push=True)
    found = why(onbeat, "every", newest)
    assert found["answer"] == "undecided"
    assert "1 run of it has not ended: missed ticks are taken up one after the other" in words(found)


def test_an_entry_that_has_had_its_runs_has_no_further_tick(store: Store, onbeat: Onbeat) -> None:
    newest = applied(store, replace(EVERY, max_runs=1))
    take_turn(store, push=True)
    found = why(onbeat, "every", newest + 60 * MINUTE)
    assert found["answer"] == "no_tick"
    assert words(found) == "it will not come: the entry has had its max_runs of 1"


def test_a_run_that_was_cancelled_says_by_whom(store: Store, onbeat: Onbeat) -> None:
    newest = applied(store, EVERY)
    take_turn(store, push=True)
    run_id = tick_run_id("every", newest)
    run = store.runs.get(run_id)
    assert run is not None
    cancel(store, run, by="sam", reason="not today")
    assert "cancelled" in words(why(onbeat, "every", newest))
    assert "not today" in words(why(onbeat, "every", newest))


def test_a_trace_of_logs_needs_no_server(
    onbeat: Onbeat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONBEAT_REDIS_URL", "redis://127.0.0.1:1")
    log = tmp_path / "worker.log"
    log.write_text(
        '{"timestamp": "2026-11-21T02:30:00.100Z", "event": "run.started", "run_id": "ab12", "worker": "w"}\n'
        '{"timestamp": "2026-11-21T02:30:00.200Z", "event": "run.log", "run_id": "ab12", "message": "hello"}\n'
        '{"timestamp": "2026-11-21T02:30:01.100Z", "event": "run.succeeded", "run_id": "ab12", "worker": "w"}\n'
    )
    done = onbeat("trace", "ab", str(log)).expect()
    assert [line.split()[2] for line in done.out.splitlines()[4:]] == ["run.succeeded"]
    assert "1 line that the job wrote: --logs shows them." in done.err
    assert len(onbeat("trace", "ab", str(log), "--logs", "--json").expect().json()) == 3
    assert "no line of these logs" in onbeat("trace", "cd", str(log)).expect(5).err
