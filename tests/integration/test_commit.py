"""The commit's script on a real server: the message it puts together, and keys that somebody else has made unusable."""

import base64
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from scheduler.beat.decide import decide
from scheduler.beat.turn import take_turn
from scheduler.cadences.interval import Interval
from scheduler.entry import Entry
from scheduler.epoch import milliseconds
from scheduler.errors import Unreachable
from scheduler.message import Doorbell, envelope
from scheduler.run import Call
from scheduler.store import Keys, Store, connect
from tests.support.valkey import ValkeyServer

HOURLY = Interval(timedelta(hours=1))
ODD = (
    "plain",
    "ünï ☃ 𝄞",
    'quotes "in" it',
    "back\\slash \\n \\u0041",
    "a\nnew\r\nline\tand \x00 nothing",
    "\nid\n",
    "\nat\n",
    "%s %1 {id} $1",
    "half a pair: \ud800",
    "</script>" * 200,
    "",
)


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    return Store(connect(valkey.url), Keys())


def due(store: Store, *entries: Entry) -> None:
    """These entries, due by an hour."""
    now = store.presence.now()
    store.entries.apply({entry.name: entry for entry in entries}, digest="d", revision=0, now=now, by="test")
    before = milliseconds(now - timedelta(hours=1))
    pipeline = store.client.pipeline(transaction=False)
    for entry in entries:
        pipeline.hset(store.keys.entry(entry.name), "tick", before)
        pipeline.zadd(store.keys.schedule, {store.keys.entry(entry.name): before / 1000})
    pipeline.execute()


def pushed(store: Store, queue: str = "default") -> dict[str, Any]:
    """The only message of a queue."""
    (text,) = store.client.lrange(queue, 0, -1)
    document: dict[str, Any] = json.loads(text)
    return document


@pytest.mark.parametrize("odd", ODD, ids=ascii)
def test_the_script_puts_together_the_very_message_that_python_builds(store: Store, odd: str) -> None:
    entry = Entry(
        name="odd-näme",
        job="jobs.x",
        schedule=HOURLY,
        args=(odd, 1, None),
        kwargs={"text": odd, "more": [{"x": odd}]},
        queue="reports",
        timeout=timedelta(seconds=5),
    )
    due(store, entry)
    assert take_turn(store, push=True).dispatched == 1
    (run,) = store.runs.recent([entry.name])
    bell = Doorbell(run_id=run.run_id, entry=entry.name, scheduled_at=run.scheduled_at, attempt=1)
    ((_, call),) = store.runs.calls([run.run_id]).values()
    expected = json.loads(envelope(call, bell))
    expected["properties"]["delivery_tag"] = run.run_id
    message = pushed(store, "reports")
    assert message == expected
    assert list(message["headers"]) == list(expected["headers"])
    args, kwargs, _ = json.loads(base64.b64decode(message["body"]))
    assert (args, kwargs) == ([odd, 1, None], {"text": odd, "more": [{"x": odd}]})
    assert Call.from_json(json.loads(call)) == Call.of(entry)


def test_a_queue_whose_key_is_no_list_leaves_its_runs_in_the_outbox(store: Store) -> None:
    store.client.set("reports", "mine")
    due(
        store,
        Entry(name="one", job="jobs.x", schedule=HOURLY, queue="reports"),
        Entry(name="two", job="jobs.x", schedule=HOURLY),
    )
    take_turn(store, push=True)
    assert pushed(store)["headers"]["onbeat"]["entry"] == "two"
    assert store.ledger.totals().dispatched == 2
    ((run, _),) = store.outbox.due("outbox", store.presence.now())
    assert run.entry == "one"


def test_an_entry_whose_own_keys_cannot_be_written_stops_no_other(store: Store) -> None:
    store.client.set("onbeat:runs:broken", "not mine")
    names = ("a", "broken", "z")
    due(store, *(Entry(name=name, job="jobs.x", schedule=HOURLY) for name in names))
    take_turn(store, push=True)
    assert [len(store.runs.recent([name])) for name in ("a", "z")] == [1, 1]
    assert store.client.llen("default") == 2
    assert store.client.zscore(store.keys.schedule, store.keys.entry("broken")) == -1
    assert not store.ticks.select().due


def test_more_entries_than_one_command_takes_are_committed_in_one_call(store: Store) -> None:
    count = 5_000
    due(store, *(Entry(name=f"entry-{number}", job="jobs.x", schedule=HOURLY) for number in range(count)))
    assert take_turn(store, push=True, limit=count).dispatched == count
    assert store.client.llen("default") == count
    assert store.client.zcard("onbeat:unclaimed") == count
    assert store.ledger.totals().dispatched == count
    assert not store.ticks.select().due


def test_a_commit_whose_connection_was_cut_is_made_once_more_and_does_its_work_once(
    store: Store, valkey: ValkeyServer
) -> None:
    due(store, Entry(name="one", job="jobs.x", schedule=HOURLY))
    selection = store.ticks.select()
    decided, _ = decide(selection.due[0], {}, selection.now)
    store.client.script_flush()
    assert [each.done for each in store.ticks.commit([decided], now=selection.now, push=True)] == [True]
    assert store.client.llen("default") == 1

    commit = store.ticks.send_commit([decided], now=selection.now, push=True)
    with valkey.client() as admin:
        admin.client_kill_filter(_type="normal", skipme=True)
    assert [each.done for each in commit.answers()] == [False]
    assert store.client.llen("default") == 1
    assert store.client.ping()


def test_a_commit_whose_server_is_away_says_so(new_valkey: Callable[..., ValkeyServer]) -> None:
    server = new_valkey()
    store = Store(connect(server.url), Keys())
    due(store, Entry(name="one", job="jobs.x", schedule=HOURLY))
    selection = store.ticks.select()
    decided, _ = decide(selection.due[0], {}, selection.now)
    commit = store.ticks.send_commit([decided], now=selection.now, push=True)
    server.kill()
    with pytest.raises(Unreachable, match=r"127\.0"):
        store.ticks.commit([decided], now=selection.now, push=True)
    with suppress(Unreachable):  # its answer may have come before the end
        commit.answers()
    server.start()
    assert store.client.ping()


def test_a_turn_costs_as_many_round_trips_for_one_entry_as_for_a_thousand(store: Store) -> None:
    """By the server's own count: what a beat sends is one select and one commit for 200 ticks, and nothing else."""
    trips = {}
    for count in (1, 1, 200, 1_000, 10_000):  # the first time the scripts have to be loaded as well
        store.client.flushall()
        due(store, *(Entry(name=f"entry-{number}", job="jobs.x", schedule=HOURLY) for number in range(count)))
        before = sent(store)
        turns = 0
        more = True
        while more:
            more = take_turn(store, push=True).more
            turns += 1
        after = sent(store)
        assert store.client.llen("default") == count
        trips[count] = (after - before, turns)
    assert trips[1] == (2, 1)
    assert trips[200] == (2, 1)
    assert trips[1_000] == (6, 1)
    assert trips[10_000] == (5 * (1 + 10) + 1, 6)


def test_a_turn_that_goes_on_has_asked_for_what_is_due_next(store: Store) -> None:
    due(store, Entry(name="first", job="jobs.x", schedule=HOURLY))
    take_turn(store, push=True)  # the server knows the scripts from here on
    due(store, *(Entry(name=f"entry-{number}", job="jobs.x", schedule=HOURLY) for number in range(7)))
    turn = take_turn(store, push=True, limit=3, go_on=True)
    assert (turn.dispatched, turn.more) == (3, True)
    turn = take_turn(store, push=True, limit=3, select=turn.following, go_on=True)
    assert (turn.dispatched, turn.more) == (3, True)
    turn = take_turn(store, push=True, limit=3, select=turn.following, go_on=True)
    assert (turn.dispatched, turn.more, turn.following) == (1, False, None)
    assert store.client.llen("default") == 8


def test_what_was_asked_for_may_be_abandoned_and_leaves_no_connection_behind(store: Store) -> None:
    due(store, *(Entry(name=f"entry-{number}", job="jobs.x", schedule=HOURLY) for number in range(30)))
    before = len(store.client.client_list())
    for _ in range(9):
        turn = take_turn(store, push=True, limit=3, go_on=True)
        assert turn.following
        turn.following.abandon()
    assert take_turn(store, push=True).dispatched == 3
    assert len(store.client.client_list()) <= before + 2  # one for the commit before, one for the selection


def sent(store: Store) -> int:
    """How many scripts clients have called: those are all that a turn sends."""
    statistics = store.client.info("commandstats")
    return sum(
        int(statistics.get(f"cmdstat_{name}", {}).get("calls", 0)) for name in ("evalsha", "eval", "fcall")
    )
