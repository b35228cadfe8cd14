"""A key of all entries that another program wrote to: it is named, with what to do, and nothing is lost by it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from scheduler.attempt import Claimed, Ending
from scheduler.beat.turn import take_turn
from scheduler.entry import Entry
from scheduler.epoch import milliseconds
from scheduler.errors import Unreachable
from scheduler.run import Call, RunState
from scheduler.schedule import Interval
from scheduler.store import Keys, Store, connect
from scheduler.store.connection import WrongKey
from scheduler.store.shared_keys import misfits
from tests.support.commands import Onbeat
from tests.support.valkey import ValkeyServer

LEASE = timedelta(seconds=15)
ONE = Entry(name="one", job="jobs.x", schedule=Interval(timedelta(minutes=1)))
READ_BY_A_TURN = (
    "announcements", "beats", "deadlines", "departed", "ended", "leases", "ledger", "outbox", "paused", "retries",
    "unclaimed", "waiting",
)  # fmt: skip


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    store = Store(connect(valkey.url), Keys())
    store.entries.apply({"one": ONE}, digest="d", revision=0, now=store.presence.now(), by="test")
    return store


def make_due(store: Store) -> None:
    at = milliseconds(store.presence.now() - timedelta(minutes=1))
    store.client.hset("redbeat:one", "tick", at)
    store.client.zadd(store.keys.schedule, {"redbeat:one": at / 1000})


@pytest.mark.parametrize("name", READ_BY_A_TURN)
def test_a_turn_stops_before_its_first_write_and_says_which_key_it_is(store: Store, name: str) -> None:
    make_due(store)
    key = store.keys.own(name)
    store.client.delete(key)
    store.client.set(key, "x")
    with pytest.raises(WrongKey, match=f"the key {key} is a string, and must be a ") as error:
        take_turn(store, push=True)
    assert error.value.hint == f"find out who writes to it, and run `redis-cli RENAME {key} {key}.aside`"
    assert store.ledger.of(["one"])["one"].expected == 0
    assert store.client.llen("default") == 0
    store.client.rename(key, f"{key}.aside")
    assert take_turn(store, push=True).dispatched == 1
    assert store.client.get(f"{key}.aside") == "x"
    assert store.ledger.totals().unaccounted == 0


def test_the_key_is_named_as_well_where_the_server_knows_the_scripts(store: Store) -> None:
    make_due(store)
    take_turn(store, push=True)
    store.client.set("onbeat:outbox", "x")
    with pytest.raises(WrongKey, match=r"the key onbeat:outbox is a string"):
        take_turn(store, push=True)


def test_the_key_is_named_with_the_prefix_and_quoted_where_a_shell_needs_that(valkey: ValkeyServer) -> None:
    store = Store(connect(valkey.url, prefix="{a b}:"), Keys("{a b}:"))
    store.client.set("{a b}:onbeat:paused", "x")
    with pytest.raises(WrongKey) as error:
        store.pauses.all()
    assert error.value.hint == (
        "find out who writes to it, and run `redis-cli RENAME '{a b}:onbeat:paused' '{a b}:onbeat:paused.aside'`"
    )


def test_a_key_of_one_run_is_a_matter_of_that_run(store: Store) -> None:
    store.client.set(store.keys.attempts("r"), "x")
    assert misfits(store.client, store.keys) == []
    with pytest.raises(Exception, match="WRONGTYPE") as error:
        store.client.lrange(store.keys.attempts("r"), 0, -1)
    assert not isinstance(error.value, Unreachable)


@pytest.mark.parametrize("name", ["followers", "ended", "leases"])
def test_the_end_of_a_run_is_put_on_record_whole_once_the_key_is_mended(store: Store, name: str) -> None:
    after = Entry(name="two", job="jobs.x", after=("one",))
    store.entries.apply(
        {"one": ONE, "two": after}, digest="d2", revision=0, now=store.presence.now(), by="test"
    )
    make_due(store)
    take_turn(store, push=True)
    client: Any = store.client
    (run_id,) = client.zrange(store.keys.runs("one"), 0, -1)
    assert isinstance(store.runs.claim(run_id, 1, "w", "t", LEASE), Claimed)

    def finish() -> None:
        done = Ending(state=RunState.SUCCEEDED)
        store.runs.finish(run_id, 1, "w", done, entry="one", call=Call.of(ONE))

    def state() -> RunState:
        (run,) = store.runs.get_many([run_id])
        return run.state

    key = store.keys.own(name)
    if store.client.exists(key):
        store.client.rename(key, "kept")
    store.client.set(key, "x")
    with pytest.raises(WrongKey):
        finish()
    store.client.delete(key)
    if store.client.exists("kept"):
        store.client.rename("kept", key)
    assert state() is RunState.RUNNING
    finish()
    assert state() is RunState.SUCCEEDED
    assert client.zscore(store.keys.own("ended"), run_id) is not None


def test_doctor_lists_them_all_and_other_commands_name_them(
    store: Store, onbeat: Onbeat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, valkey: ValkeyServer
) -> None:
    monkeypatch.setenv("ONBEAT_REDIS_URL", valkey.url)
    monkeypatch.chdir(tmp_path)
    for name in ("onbeat:outbox", "onbeat:ledger"):
        store.client.set(name, "x")
    found = onbeat("doctor", "--json").expect(1).json()
    assert [(each["level"], each["text"]) for each in found if each["check"] == "keys"] == [
        ("error", "the key onbeat:ledger is a string, and must be a hash"),
        ("error", "the key onbeat:outbox is a string, and must be a sorted set"),
    ]
    ended = onbeat("status").expect(4)
    assert "can't be worked with: the key onbeat:ledger is a string" in ended.err
    assert "redis-cli RENAME onbeat:ledger onbeat:ledger.aside" in ended.err
    assert "Traceback" not in ended.err
