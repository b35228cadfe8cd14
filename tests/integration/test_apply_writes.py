"""A file is put in force: what is written, what is left alone, and two that come at once."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from scheduler import redbeat_entry
from scheduler.entry import Entry
from scheduler.plan import Plan
from scheduler.schedule import Crontab, Interval
from scheduler.store import Keys, Store, connect
from scheduler.store.entries import Outdated
from tests.support.valkey import ValkeyServer

ENTRIES = {
    name: Entry(name=name, job="jobs.hello", schedule=Crontab("0 9 * * *"), kwargs={"limit": 1})
    for name in ("one", "two", "three")
}


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    return Store(connect(valkey.url), Keys("x:"))


@pytest.fixture
def other(valkey: ValkeyServer) -> Store:
    """The same store, of another process."""
    return Store(connect(valkey.url), Keys("x:"))


def apply(store: Store, wanted: dict[str, Entry], digest: str, revision: int = 0, by: str = "test") -> Plan:
    return store.entries.apply(wanted, digest=digest, revision=revision, now=store.presence.now(), by=by)


def calls(store: Store, command: str) -> int:
    statistics: dict[str, Any] = store.client.info("commandstats")
    return int(statistics.get(f"cmdstat_{command}", {"calls": 0})["calls"])


def test_only_what_changed_is_written(store: Store) -> None:
    apply(store, ENTRIES, "a")
    before = {command: calls(store, command) for command in ("hset", "zadd", "hmget")}
    changes = apply(store, ENTRIES | {"two": replace(ENTRIES["two"], owner="ops")}, "b")
    assert [change.after.name for change in changes.changed] == ["two"]
    assert changes.unchanged == ("one", "three")
    assert {command: calls(store, command) - count for command, count in before.items()} == {
        "hset": 2,  # the entry, and what is in force
        "zadd": 0,
        "hmget": 3,  # what was applied of that entry, and to compare, it and what is in force
    }


def test_a_new_entry_costs_one_write_and_all_their_times_another(store: Store) -> None:
    before = {command: calls(store, command) for command in ("hset", "hsetnx", "hdel", "zadd")}
    assert len(apply(store, ENTRIES, "a").added) == len(ENTRIES)
    assert {command: calls(store, command) - count for command, count in before.items()} == {
        "hset": len(ENTRIES) + 1,  # and what is in force
        "hsetnx": 0,
        "hdel": 0,
        "zadd": 1,
    }


def test_what_is_left_of_an_entry_keeps_its_last_run_and_begins_its_ticks_anew(store: Store) -> None:
    meta = redbeat_entry.meta(store.presence.now(), 7)
    store.client.hset(
        store.keys.entry("one"), mapping={"meta": meta, "parked": "1", "behind": "1", "tick": "1"}
    )
    apply(store, ENTRIES, "a")
    fields = store.client.hgetall(store.keys.entry("one"))
    assert fields["meta"] == meta
    assert not {"parked", "behind"} & fields.keys()
    assert fields["tick"] != "1"


def test_a_file_that_is_in_force_writes_nothing(store: Store, other: Store) -> None:
    apply(store, ENTRIES, "a")
    in_force = store.entries.applied()
    writes = calls(store, "hset")
    for again in (store, other):
        assert apply(again, ENTRIES, "a", by="another").empty
    assert (calls(store, "hset"), store.entries.applied()) == (writes, in_force)


def test_one_and_true_are_different_arguments(store: Store) -> None:
    apply(store, ENTRIES, "a")
    for limit in (True, 1.0):
        changes = apply(
            store, ENTRIES | {"one": replace(ENTRIES["one"], kwargs={"limit": limit})}, f"b{limit}"
        )
        assert [change.after.name for change in changes.changed] == ["one"]
        found = store.entries.get("one")
        assert found is not None
        assert found.entry is not None
        assert repr(found.entry.kwargs["limit"]) == repr(limit)


def test_an_entry_that_can_not_be_read_or_is_gone_is_written_anew(store: Store) -> None:
    apply(store, ENTRIES, "a")
    store.client.hset(store.keys.entry("one"), "onbeat", "no JSON")
    store.client.delete(store.keys.entry("two"))
    store.client.zrem(store.keys.schedule, store.keys.entry("three"))
    changes = apply(store, ENTRIES, "a")
    assert {entry.name for entry in changes.added} == {"one", "two", "three"}
    assert {name: each.entry for name, each in store.entries.all().items()} == ENTRIES


def test_a_removed_entry_leaves_nothing_of_its_own(store: Store) -> None:
    apply(store, ENTRIES, "a")
    store.client.hset(store.keys.ledger("one"), "expected", 1)
    assert apply(store, {}, "b").removed == ("one", "three", "two")
    assert store.entries.names() == []
    assert store.client.keys("x:redbeat:*") == []
    assert not store.client.exists(store.keys.ledger("one"))


def test_schedules_that_come_into_force_in_between_are_seen(
    store: Store, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one plans again, on what the first one made: nothing is written on a state that is no more."""
    apply(store, ENTRIES, "a")
    marks = store.entries._applying._marks
    moments = iter(["before the first write"])

    def marks_and_then(keys: list[str]) -> dict[str, str]:
        found = marks(keys)
        for _ in moments:
            apply(other, {"one": replace(ENTRIES["one"], schedule=Interval(timedelta(minutes=1)))}, "b")
        return found

    monkeypatch.setattr(store.entries._applying, "_marks", marks_and_then)
    changes = apply(store, ENTRIES, "c")
    assert [change.before.schedule for change in changes.changed] == [Interval(timedelta(minutes=1))]
    assert {entry.name for entry in changes.added} == {"two", "three"}
    assert {name: each.entry for name, each in store.entries.all().items()} == ENTRIES
    assert store.entries.applied().digest == "c"


def test_a_lower_revision_changes_nothing(store: Store) -> None:
    apply(store, ENTRIES, "a", revision=2)
    with pytest.raises(Outdated, match="revision 2"):
        apply(store, {}, "b", revision=1)
    assert len(store.entries.names()) == 3
