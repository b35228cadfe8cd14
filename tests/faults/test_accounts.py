"""The auditor itself: books that fit have no findings, and each kind of error is found."""

import json
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from scheduler.attempt import Claimed, Ending
from scheduler.beat.turn import take_turn
from scheduler.entry import Entry
from scheduler.run import RunState
from scheduler.schedule import Interval
from scheduler.store import Store
from tests.faults.accounts import RangeKeeper, audit
from tests.faults.entries import Planned
from tests.faults.world import World
from tests.support.project import Project
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

ENTRY = Entry(name="one", job="jobs.work", schedule=Interval(timedelta(milliseconds=100)))


@pytest.fixture
def world(project: Project, valkey: ValkeyServer) -> World:
    """Some ticks of one entry, decided, executed and written down by hand."""
    world = World(project, valkey, [Planned("one", 100, max_attempts=1)])
    store = world.store()
    store.entries.apply({"one": ENTRY}, digest="d", revision=0, now=store.presence.now(), by="a test")
    world.applied_at = store.entries.applied().applied_at
    for _ in range(3):
        eventually(lambda: take_turn(store, push=True).dispatched, within=5, what="a tick")
        for run_id in store.runs.active("one"):
            execute(world, store, run_id)
    return world


def execute(world: World, store: Store, run_id: str) -> None:
    claimed = store.runs.claim(run_id, 1, "host:1000:x", "token", timedelta(seconds=15))
    assert isinstance(claimed, Claimed)
    write(world, run_id, "begin")
    write(world, run_id, "end")
    store.runs.finish(
        run_id, 1, "host:1000:x", Ending(state=RunState.SUCCEEDED), entry="one", call=claimed.call
    )


def write(world: World, run_id: str, phase: str, *, main: int = 1_000) -> None:
    when = time.monotonic()
    line = {"phase": phase, "entry": "one", "at": 0, "run": run_id, "attempt": 1, "main": main, "when": when}
    with world.notes.open("a") as file:
        file.write(json.dumps(line) + "\n")


def a_run(store: Store) -> str:
    return str(store.client.zrange(store.keys.runs("one"), 0, 0)[0])


def findings(world: World) -> list[str]:
    return audit(world, RangeKeeper(world.entries)).findings


def test_books_that_fit_have_no_findings(world: World) -> None:
    books = audit(world, RangeKeeper(world.entries))
    assert not books.findings
    assert books.runs == books.starts == books.outcomes["succeeded"] >= 3
    assert books.ticks == sum(books.dispositions.values())


def _drop_a_run(_: World, store: Store) -> None:
    store.client.zrem(store.keys.runs("one"), a_run(store))


def _start_twice(world: World, store: Store) -> None:
    write(world, a_run(store), "begin")


def _start_unknown(world: World, _: Store) -> None:
    write(world, "no-such-run", "begin")


def _start_elsewhere(world: World, _: Store) -> None:
    text = world.notes.read_text().replace('"main": 1000', '"main": 2000')
    world.notes.write_text(text)


def _leave_out_what_ran(world: World, store: Store) -> None:
    at = store.client.hget(store.keys.run(a_run(store)), "at")
    some: dict[str, Any] = {
        "disposition": "coalesced",
        "first": int(str(at)),
        "last": int(str(at)),
        "count": 1,
    }
    store.client.lpush(store.keys.ticks("one"), json.dumps(some))


def _miscount(_: World, store: Store) -> None:
    store.client.hincrby(store.keys.ledger(), "expected", 1)


def _never_end(_: World, store: Store) -> None:
    store.client.hset(store.keys.run(a_run(store)), "s", "queued")


def _lose_a_well_worker(_: World, store: Store) -> None:
    run = store.keys.run(a_run(store))
    store.client.hset(run, mapping={"s": "failed", "er": "worker lost"})


@pytest.mark.parametrize(
    ("tamper", "finding"),
    [
        (_drop_a_run, "has the dispositions []"),
        (_start_twice, "started 2 times"),
        (_start_unknown, "on no record"),
        (_start_elsewhere, "began where no worker had claimed it"),
        (_leave_out_what_ran, "has the dispositions ['dispatched',"),
        (_miscount, "1 ticks unaccounted for"),
        (_never_end, "is queued"),
        (_lose_a_well_worker, "though its worker host:1000:x was well"),
    ],
)
def test_each_kind_of_error_is_found(
    world: World, tamper: Callable[[World, Store], None], finding: str
) -> None:
    tamper(world, world.store())
    assert finding in "\n".join(findings(world))


def test_notes_may_be_absent(world: World) -> None:
    """No job wrote: then those that succeeded did not end."""
    Path(world.notes).unlink()
    assert "its job did not end" in "\n".join(findings(world))
