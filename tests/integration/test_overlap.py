"""What a tick does while as many runs are active as may be: every mode, with groups, and with all ends of a run."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from scheduler.attempt import Claimed, Ending
from scheduler.beat.turn import take_turn
from scheduler.beat.upkeep import keep_up
from scheduler.disposition import Disposition
from scheduler.entry import Entry, Overlap
from scheduler.epoch import milliseconds
from scheduler.operations import cancel, trigger
from scheduler.publisher import StorePublisher
from scheduler.run import Call, Run, RunState
from scheduler.schedule import Interval
from scheduler.store import Keys, Store, connect
from scheduler.store.outbox import Move
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

LEASE = timedelta(seconds=15)
EVERY = timedelta(hours=1)
SUCCEEDED = Ending(state=RunState.SUCCEEDED)


def entry(
    name: str = "one", overlap: Overlap = "queue", most: int | None = None, group: str | None = None
) -> Entry:
    return Entry(
        name=name, job="jobs.x", schedule=Interval(EVERY), overlap=overlap, max_active=most, group=group
    )


@dataclass
class Scene:
    """A deployment whose ticks come when the test says so, each at an hour of its own."""

    store: Store
    push: bool = True

    def __post_init__(self) -> None:
        self._hours: Iterator[int] = count(1)
        self._start = datetime(2026, 1, 1, tzinfo=UTC)
        self._tokens = count()

    def apply(self, *entries: Entry) -> None:
        wanted = {each.name: each for each in entries}
        self.store.entries.apply(wanted, digest="d", revision=0, now=self.store.presence.now(), by="test")

    def tick(self, name: str = "one") -> str | None:
        """The run that a tick of the entry became, or None where it was left out."""
        before = set(self.ids(name))
        now = self.store.presence.now()
        tick = now.replace(minute=0, second=0, microsecond=0) - EVERY - timedelta(seconds=next(self._hours))
        key = self.store.keys.entry(name)
        # Each tick is another moment, for a run's id is made of it.
        self.store.client.hset(key, "onbeat", self._anchored(key, tick))
        self.store.client.hset(key, "tick", milliseconds(now - EVERY))
        self.store.client.zadd(self.store.keys.schedule, {key: milliseconds(now) / 1000 - 1})
        take_turn(self.store, push=self.push)
        new = set(self.ids(name)) - before
        return new.pop() if new else None

    def _anchored(self, key: str, tick: datetime) -> str:
        import json

        document = json.loads(str(self.store.client.hget(key, "onbeat")))
        anchored = Interval(EVERY, tick)
        document["entry"]["schedule"] = anchored.to_json()
        return json.dumps(document)

    def ids(self, name: str = "one") -> list[str]:
        return [run.run_id for run in self.store.runs.recent([name], limit=100)]

    def run(self, run_id: str | None) -> Run:
        assert run_id is not None
        run = self.store.runs.get(run_id)
        assert run is not None
        return run

    def published(self, run_id: str | None) -> bool:
        """Whether its message is out, or waits in the outbox where the broker is another."""
        assert run_id is not None
        client = self.store.client
        places = ("unclaimed",) if self.push else ("outbox",)
        return any(client.zscore(self.store.keys.own(place), run_id) is not None for place in places)

    def claim(self, run_id: str | None) -> None:
        assert run_id is not None
        token = str(next(self._tokens))
        attempt = self.run(run_id).attempt
        assert isinstance(self.store.runs.claim(run_id, attempt, "w", token, LEASE), Claimed)

    def finish(self, run_id: str | None, ending: Ending = SUCCEEDED, worker: str | None = "w") -> None:
        run = self.run(run_id)
        call = Call(job="jobs.x", group=None)
        self.store.runs.finish(run.run_id, run.attempt, worker, ending, entry=run.entry, call=call)

    def reasons(self, name: str = "one") -> list[str | None]:
        """Why ticks were left out for overlap, newest first."""
        found = self.store.ledger.left_out(name)
        return [each.reason for each in found if each.disposition is Disposition.SKIPPED_OVERLAP]

    def upkeep(self) -> None:
        turn = take_turn(self.store, push=self.push)
        keep_up(self.store, StorePublisher(self.store), turn.waiting, turn.now)

    def at_peace(self) -> None:
        """Nothing waits, every tick is accounted for, and no active run is left that has ended."""
        assert self.store.ledger.totals().unaccounted == 0
        assert self.store.client.keys("onbeat:waiting*") == []
        assert self.store.client.keys("onbeat:group:*") == []
        assert self.store.client.keys("onbeat:active:*") == []


@pytest.fixture
def scene(valkey: ValkeyServer) -> Scene:
    return Scene(Store(connect(valkey.url), Keys()))


def test_one_run_waits_and_further_ticks_are_left_out_naming_it(scene: Scene) -> None:
    scene.apply(entry())
    first, second, third = scene.tick(), scene.tick(), scene.tick()
    assert third is None
    assert scene.reasons() == [f"run {second} waits already, for the end of run {first}"]
    assert (scene.published(first), scene.published(second)) == (True, False)
    waits = scene.run(second)
    assert (waits.state, waits.reason) == (RunState.QUEUED, f"waits for the end of run {first}")
    assert scene.store.lanes.waiting([entry()]) == {"one": second}
    assert scene.store.lanes.active(entry()) == {first}
    scene.claim(first)
    scene.finish(first)
    assert scene.published(second)
    assert scene.run(second).reason is None
    assert scene.store.client.llen("default") == 2
    fourth = scene.tick()
    assert not scene.published(fourth)
    for run_id in (second, fourth):
        scene.claim(run_id)
        scene.finish(run_id)
    scene.at_peace()


@pytest.mark.parametrize("end", ["failed", "cancelled", "lost", "skipped", "handed back and cancelled"])
def test_every_end_of_the_run_before_lets_the_waiting_one_go(scene: Scene, end: str) -> None:
    scene.apply(entry())
    first, second = scene.tick(), scene.tick()
    if end == "cancelled":
        cancel(scene.store, scene.run(first), by="ada")
    else:
        scene.claim(first)
    if end == "lost":
        scene.store.client.zadd("onbeat:leases", {str(first): 1})
        scene.upkeep()
    elif end == "handed back and cancelled":
        running = scene.run(first)
        cancel(scene.store, running, by="ada")
        scene.store.outbox.move([Move(running, 1, "m")], "push")
    elif end in ("failed", "skipped"):
        scene.finish(first, Ending(state=RunState(end)))
    assert scene.run(first).state.final
    assert scene.published(second)


def test_a_retry_that_waits_keeps_its_place(scene: Scene) -> None:
    scene.apply(entry())
    first, second = scene.tick(), scene.tick()
    scene.claim(first)
    scene.finish(first, Ending(state=RunState.RETRYING, wait=timedelta(hours=1)))
    assert not scene.published(second)


def test_a_waiting_run_that_is_cancelled_makes_room_for_another(scene: Scene) -> None:
    scene.apply(entry())
    first, second = scene.tick(), scene.tick()
    cancel(scene.store, scene.run(second), by="ada")
    assert scene.store.lanes.waiting([entry()]) == {}
    third = scene.tick()
    assert not scene.published(third)
    scene.claim(first)
    scene.finish(first)
    assert scene.published(third)


def test_where_the_run_before_vanished_a_beat_lets_the_waiting_one_go(scene: Scene) -> None:
    scene.apply(entry())
    first, second = scene.tick(), scene.tick()
    scene.store.client.delete(f"onbeat:run:{first}")
    selection = scene.store.ticks.select()
    assert selection.next_at is not None
    assert selection.next_at - selection.now <= timedelta(milliseconds=250)

    def let_go() -> bool:
        scene.upkeep()
        return scene.published(second)

    eventually(let_go)
    assert scene.store.client.exists("onbeat:waiting") == 0


def test_a_tick_that_finds_a_place_lets_the_one_that_waits_go_first(scene: Scene) -> None:
    scene.apply(entry())
    first, second = scene.tick(), scene.tick()
    scene.store.client.delete(f"onbeat:run:{first}")
    third = scene.tick()
    assert scene.published(second)
    assert not scene.published(third)
    assert scene.run(third).reason == f"waits for the end of run {second}"


def test_where_the_broker_is_another_what_waited_goes_to_the_outbox(scene: Scene) -> None:
    scene.push = False
    scene.apply(entry())
    first, second = scene.tick(), scene.tick()
    scene.claim(first)
    assert not scene.published(second)
    scene.finish(first)
    assert scene.published(second)


def test_a_queue_that_is_no_list_keeps_no_run_from_its_end(scene: Scene) -> None:
    scene.apply(entry())
    first, second = scene.tick(), scene.tick()
    scene.claim(first)
    scene.store.client.delete("default")
    scene.store.client.set("default", "somebody else's")
    scene.finish(first)
    assert scene.run(first).state is RunState.SUCCEEDED
    assert scene.store.client.zscore("onbeat:outbox", str(second)) is not None


def test_allow_runs_beside_and_leaves_out_beyond_its_limit(scene: Scene) -> None:
    scene.apply(entry("any", "allow"), entry("two", "allow", 2))
    assert all(scene.published(scene.tick("any")) for _ in range(4))
    first = scene.tick("two")
    assert scene.published(scene.tick("two"))
    assert scene.tick("two") is None
    assert scene.reasons("two") == [f"run {first} is not finished"]


def test_replace_cancels_the_run_that_waits_in_a_queue_and_takes_its_place_at_once(scene: Scene) -> None:
    scene.apply(entry(overlap="replace"))
    first, second = scene.tick(), scene.tick()
    assert (scene.run(first).state, scene.run(first).reason) == (
        RunState.CANCELLED,
        f"by overlap: replaced by run {second}",
    )
    assert scene.published(second)


def test_replace_waits_until_the_running_one_has_ended_and_a_chain_does_not_pile_up(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.apply(entry(overlap="replace"))
    first = scene.tick()
    scene.claim(first)
    second, third = scene.tick(), scene.tick()
    assert scene.store.cancels.asked([str(first)]) == [first]
    assert scene.run(first).state is RunState.RUNNING
    assert scene.run(second).state is RunState.CANCELLED
    assert not scene.published(third)
    scene.finish(first, Ending(state=RunState.FAILED))
    assert scene.run(first).reason == f"by overlap: replaced by run {second}"
    assert scene.run(first).state is RunState.CANCELLED
    assert scene.published(third)
    scene.claim(third)
    scene.finish(third)
    scene.at_peace()


def test_replace_cancels_the_oldest_and_no_more_than_it_needs(scene: Scene) -> None:
    scene.apply(entry(overlap="replace", most=2))
    first, second = scene.tick(), scene.tick()
    for run_id in (first, second):
        scene.claim(run_id)
    third = scene.tick()
    fourth = scene.tick()
    assert scene.store.cancels.asked([str(first), str(second)]) == [first]
    assert scene.run(third).state is RunState.CANCELLED
    scene.finish(first, Ending(state=RunState.FAILED))
    assert scene.published(fourth)
    assert scene.run(second).state is RunState.RUNNING


def test_a_group_shares_the_limit_and_each_entry_has_its_own(scene: Scene) -> None:
    scene.apply(
        entry("small", "skip", 1, "db"), entry("large", "skip", 2, "db"), entry("waits", "queue", 1, "db")
    )
    first = scene.tick("small")
    assert scene.published(first)
    assert scene.tick("small") is None
    second = scene.tick("large")
    assert scene.published(second), "two may be active, says this entry"
    assert scene.tick("large") is None
    third = scene.tick("waits")
    assert not scene.published(third)
    assert scene.store.lanes.active(entry("small", group="db")) == {first, second}
    for run_id in (first, second):
        assert not scene.published(third)
        scene.claim(run_id)
        scene.finish(run_id)
    assert scene.published(third)
    scene.claim(third)
    scene.finish(third)
    scene.at_peace()


def test_of_a_group_one_run_of_each_entry_waits_and_the_longest_waiting_goes_first(scene: Scene) -> None:
    scene.apply(*(entry(name, "queue", 1, "db") for name in ("a", "b", "c")))
    active = scene.tick("a")
    waiting = [scene.tick(name) for name in ("c", "b", "a")]
    assert not any(scene.published(run_id) for run_id in waiting)
    for run_id in [active, *waiting]:
        scene.claim(run_id)
        scene.finish(run_id)
    assert [scene.run(run_id).state for run_id in waiting] == [RunState.SUCCEEDED] * 3
    scene.at_peace()


def test_replace_in_a_group_never_ends_a_run_of_another_entry(scene: Scene) -> None:
    scene.apply(entry("mine", "replace", 1, "db"), entry("theirs", "queue", 1, "db"))
    theirs = scene.tick("theirs")
    scene.claim(theirs)
    mine = scene.tick("mine")
    assert scene.run(theirs).state is RunState.RUNNING
    assert not scene.run(theirs).cancel_asked
    assert not scene.published(mine)
    scene.finish(theirs)
    assert scene.published(mine)


@pytest.mark.parametrize("group", [None, "db"])
def test_a_person_s_run_starts_whatever_is_active_and_counts(scene: Scene, group: str | None) -> None:
    one = entry("one", "skip", 1, group)
    scene.apply(one)
    scene.tick()
    stored = scene.store.entries.get("one")
    assert stored is not None
    asked = trigger(scene.store, StorePublisher(scene.store), stored, by="ada")
    assert scene.published(asked)
    assert len(scene.store.lanes.active(one)) == 2
    assert scene.tick() is None


def test_what_is_decided_twice_is_done_once(scene: Scene) -> None:
    """The answer of a commit was lost: the beat, or another one, comes with the same decision again."""
    from scheduler.beat.turn import _decisions

    scene.apply(entry())
    scene.tick()
    key = scene.store.keys.entry("one")
    now = scene.store.presence.now()
    scene.store.client.zadd(scene.store.keys.schedule, {key: milliseconds(now) / 1000 - 1})
    scene.store.client.hset(key, "tick", milliseconds(now - EVERY * 5))
    selection = scene.store.ticks.select()
    decisions = [decided for some in _decisions(scene.store, selection) for decided, _ in some]
    answers = [scene.store.ticks.commit(decisions, now=selection.now, push=True)[0].done for _ in range(2)]
    assert answers == [True, False]
    assert scene.store.ledger.totals().unaccounted == 0


def test_an_entry_that_changes_its_group_meanwhile_loses_nothing(scene: Scene) -> None:
    scene.apply(entry("a", "queue"), entry("b", "queue", 1, "db"))
    first, second = scene.tick("a"), scene.tick("a")
    scene.apply(entry("a", "queue", 1, "db"), entry("b", "queue", 1, "db"))
    other = scene.tick("b")
    third = scene.tick("a")
    assert (scene.published(other), scene.published(third)) == (True, False)
    for run_id in (first, other):
        scene.claim(run_id)
        scene.finish(run_id)
    assert scene.published(third)
    scene.claim(third)
    scene.finish(third)
    assert scene.published(second), "it waited in the lane of before, behind all runs of its entry"
