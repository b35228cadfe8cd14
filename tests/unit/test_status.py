"""What the status makes of what it read."""

from datetime import UTC, datetime, timedelta

import pytest

from scheduler.disposition import Disposition
from scheduler.entry import Entry
from scheduler.schedule import Interval
from scheduler.status import Queue, Status, status_document
from scheduler.store.entries import Applied, StoredEntry
from scheduler.store.ledger import Counts
from scheduler.store.pauses import Pause
from scheduler.store.presence import Sign

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def stored(name: str, *, next_in_s: float = 60, trouble: str | None = None) -> StoredEntry:
    entry = Entry(name=name, job="jobs.x", schedule=Interval(timedelta(minutes=1)))
    return StoredEntry(
        name=name,
        entry=None if trouble else entry,
        trouble=trouble,
        next_at=NOW + timedelta(seconds=next_in_s),
        last_tick_at=None,
        last_run_at=None,
    )


def sign(member: str, *, age_s: float = 1) -> Sign:
    return Sign(member, {"host": "h"}, NOW - timedelta(seconds=age_s))


def status(**changes: object) -> Status:
    values = {
        "now": NOW,
        "beats": (sign("beat"),),
        "workers": (sign("worker"),),
        "queues": (Queue("default", 0, ("worker",)),),
        "entries": {"a": stored("a")},
        "pauses": {},
        "ledger": Counts(3, {Disposition.DISPATCHED: 2, Disposition.SKIPPED_OVERLAP: 1}),
        "applied": Applied("d1", 7, NOW, "beat"),
        "outbox": 0,
        "refused": 0,
        "homes": {},
        **changes,
    }
    return Status(**values)  # type: ignore[arg-type]  # the tests give the right types


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({}, []),
        ({"beats": ()}, ["no beat is running: nothing becomes due"]),
        ({"beats": (sign("b", age_s=60),)}, ["no beat is running: nothing becomes due"]),
        ({"workers": ()}, ["no worker is running: runs wait in their queues"]),
        ({"queues": (Queue("slow", 4, ()),)}, ["no worker takes the queue 'slow'"]),
        ({"ledger": Counts(3, {})}, ["3 ticks have no disposition"]),
        ({"entries": {"a": stored("a", next_in_s=-9)}}, ["1 entry is overdue, 'a' the longest"]),
        (
            {"entries": {"a": stored("a", next_in_s=-9), "b": stored("b", next_in_s=-99)}},
            ["2 entries are overdue, 'b' the longest"],
        ),
        ({"entries": {"a": stored("a", next_in_s=-0.2)}}, []),
        ({"entries": {"a": stored("a", trouble="odd")}}, ["the entry 'a' can't be read"]),
        ({"refused": 1}, ["1 message was refused: `onbeat quarantine` lists them"]),
    ],
)
def test_what_needs_attention_is_said(changes: dict[str, object], problems: list[str]) -> None:
    assert status(**changes).problems() == problems


def test_a_pause_that_ran_out_is_none() -> None:
    pause = Pause(entry="a", by="me", reason="x", paused_at=NOW, until=NOW + timedelta(hours=1))
    assert list(status(pauses={"a": pause}).paused) == ["a"]
    over = Pause(entry="a", by="me", reason="x", paused_at=NOW - timedelta(hours=2), until=NOW)
    assert list(status(pauses={"a": over}).paused) == []


def test_the_document_has_the_fields_of_the_interface_first() -> None:
    document = status_document(status())
    assert document["ledger"] == {
        "expected": 3,
        "dispatched": 2,
        "skipped": 1,
        "coalesced": 0,
        "unaccounted": 0,
    }
    assert document["schedules"] == {
        "digest": "d1",
        "revision": 7,
        "applied_at": "2026-11-21T12:00:00.000Z",
        "by": "beat",
        "env": None,
    }
    assert document["queues"] == [{"queue": "default", "length": 0, "workers": ["worker"]}]
    assert document["beats"][0]["alive"] is True
