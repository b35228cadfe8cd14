"""How long each key lives: what store/keys.py promises, read back from a real server."""

import re
from datetime import timedelta

import pytest

from scheduler.attempt import Claimed, Ending
from scheduler.beat.turn import take_turn
from scheduler.beat.upkeep import keep_up
from scheduler.entry import Entry
from scheduler.epoch import milliseconds
from scheduler.operations import pause
from scheduler.publisher import StorePublisher
from scheduler.run import Call, RunState
from scheduler.schedule import Interval
from scheduler.store import Keys, Store, connect, keys
from scheduler.store.outbox import Move
from scheduler.store.pauses import MOST_ANNOUNCEMENTS
from scheduler.store.refusals import LARGEST
from tests.support.valkey import ValkeyServer

LEASE = timedelta(seconds=15)
HOUR = timedelta(hours=1)
HOUR_MS = 3_600_000
ENTRY = Entry(name="one", job="jobs.x", schedule=Interval(HOUR), keep_for=HOUR, max_active=2)
CALL = Call.of(ENTRY)
FOREVER = -1


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    return Store(connect(valkey.url), Keys())


def create(store: Store, run_id: str) -> None:
    store.runs.create(run_id, CALL, entry="one", trigger="manual", scheduled_at=store.presence.now())


def claim(store: Store, run_id: str) -> None:
    assert isinstance(store.runs.claim(run_id, 1, "w", f"token of {run_id}", LEASE), Claimed)


def end(store: Store, run_id: str, state: RunState = RunState.SUCCEEDED) -> None:
    store.runs.finish(run_id, 1, "w", Ending(state=state), entry="one", call=CALL)


def lifetime(store: Store, key: str) -> int:
    found = store.client.pttl(key)
    assert isinstance(found, int)
    return found


def test_what_a_run_leaves_goes_after_keep_for(store: Store) -> None:
    create(store, "r1")
    claim(store, "r1")
    store.logs.append("r1", ['{"message": "one"}'], keep_for=HOUR)
    store.runs.finish("r1", 1, "w", Ending(state=RunState.FAILED, error="x"), entry="one", call=CALL)
    for key in ("run:r1", "attempts:r1", "log:r1", "runs:one"):
        assert HOUR_MS - 60_000 < lifetime(store, f"onbeat:{key}") <= HOUR_MS, key
    assert not store.client.exists("onbeat:active:one", "onbeat:leases", "onbeat:outbox", "onbeat:unclaimed")


def test_a_run_stays_on_the_list_of_its_entry_however_long_it_takes(store: Store) -> None:
    """A daily entry that keeps its runs for a day must not lose the list in the middle of a run."""
    create(store, "first")
    claim(store, "first")
    end(store, "first")
    assert lifetime(store, "onbeat:runs:one") > 0
    create(store, "second")
    assert lifetime(store, "onbeat:runs:one") == FOREVER
    create(store, "third")
    claim(store, "third")
    end(store, "third")
    assert lifetime(store, "onbeat:runs:one") == FOREVER, "the second is active"
    claim(store, "second")
    store.client.zadd("onbeat:runs:one", {"second": 1, "gone": 1})  # it was queued long ago
    end(store, "second")
    assert {run.run_id for run in store.runs.recent(["one"])} == {"first", "second", "third"}
    assert store.client.zscore("onbeat:runs:one", "gone") is None
    assert lifetime(store, "onbeat:runs:one") > 0


def test_a_tick_keeps_the_list_as_well(store: Store) -> None:
    create(store, "r1")
    claim(store, "r1")
    end(store, "r1")
    store.entries.apply({"one": ENTRY}, digest="d", revision=0, now=store.presence.now(), by="test")
    at = store.presence.now() - HOUR
    store.client.hset("redbeat:one", "tick", milliseconds(at))
    store.client.zadd(store.keys.schedule, {"redbeat:one": milliseconds(at) / 1000})
    assert take_turn(store, push=True).dispatched == 1
    assert lifetime(store, "onbeat:runs:one") == FOREVER


def test_presence_goes_an_hour_after_the_last_sign(store: Store) -> None:
    store.presence.sign_in("beats", "b", {})
    store.presence.sign_in("workers", "w", {})
    for key in ("beats", "workers"):
        assert 0 < lifetime(store, f"onbeat:{key}") <= HOUR_MS


def test_lists_that_nobody_reads_are_capped(store: Store) -> None:
    for number in range(MOST_ANNOUNCEMENTS + 5):
        store.pauses.announce("entry.resumed", entry=str(number), by="test")
    assert store.client.llen("onbeat:announcements") == MOST_ANNOUNCEMENTS
    for number in range(1_005):
        item = b"x" * (100_000 if number == 1_004 else 1)
        store.refusals.add(item, queue="q", reason=str(number), worker="w")
    assert store.client.llen("onbeat:refused") == 1_000
    (newest,) = store.refusals.newest(1)
    assert (newest.reason, newest.size, len(newest.item), newest.whole) == ("1004", 100_000, LARGEST, False)


def test_what_a_deleted_entry_leaves_goes_with_the_turn_that_notices(store: Store) -> None:
    store.client.zadd(store.keys.schedule, {"redbeat:one": 1})
    store.client.hset("onbeat:ledger:one", "expected", 1)
    store.client.lpush("onbeat:ticks:one", "{}")
    take_turn(store, push=True)
    assert store.client.keys("*one*") == []


def test_every_key_that_the_store_writes_is_in_the_table(store: Store) -> None:
    store.entries.apply({"one": ENTRY}, digest="d", revision=0, now=store.presence.now(), by="test")
    for run_id, state in (("r1", RunState.FAILED), ("r2", RunState.RETRYING)):
        create(store, run_id)
        claim(store, run_id)
        store.logs.append(run_id, ["{}"], keep_for=HOUR)
        end(store, run_id, state)
    for run_id in ("r3", "r4", "r5"):
        create(store, run_id)
    claim(store, "r4")
    turn = take_turn(store, push=True)
    store.outbox.move([Move(run, 1) for run in store.runs.get_many(["r5"])], "sent")
    pause(store, "one", by="test", reason="why")
    for kind in ("beats", "workers"):
        store.presence.sign_in(kind, "x", {})
    store.refusals.add(b"", queue=None, reason="why", worker="w")
    assert turn.waiting.any
    table = [row.split("|")[1] for row in (keys.__doc__ or "").splitlines() if row.startswith("| `")]
    names = re.findall(r"`([^`]+)`", " ".join(table))
    patterns = [re.compile(re.sub("ID|NAME", "[^:]+", re.escape(name))) for name in names]
    found = [str(key) for key in store.client.scan_iter("*")]
    assert [key for key in found if not any(pattern.fullmatch(key) for pattern in patterns)] == []
    assert len(found) > 15


def test_two_beats_that_read_the_same_outbox_push_one_message(store: Store) -> None:
    create(store, "r1")
    due = [(run, call, 1) for run, call in store.outbox.due("outbox", store.presence.now())]
    publishers = [StorePublisher(store), StorePublisher(store)]
    assert [publisher.publish(due) for publisher in publishers] == [1, 0]
    assert store.client.llen("default") == 1
    turn = take_turn(store, push=True)
    keep_up(store, publishers[0], turn.waiting, turn.now)
    assert store.client.llen("default") == 1


def test_a_run_on_no_record_does_not_count_as_active(store: Store) -> None:
    """Of two active runs one was deleted: so one more may start, whichever the server names first."""
    store.entries.apply({"one": ENTRY}, digest="d", revision=0, now=store.presence.now(), by="test")
    for number in range(8):
        store.client.delete("onbeat:active:one")
        create(store, f"alive-{number}")
        store.client.sadd("onbeat:active:one", "ghost")
        at = store.presence.now() - (number + 1) * HOUR
        store.client.hset("redbeat:one", "tick", milliseconds(at))
        store.client.zadd(store.keys.schedule, {"redbeat:one": milliseconds(at) / 1000})
        store.client.delete("onbeat:ledger")
        take_turn(store, push=True)
        assert store.ledger.totals().dispatched == 1
