"""Random ticks, claims, ends and cancels against a few lines of Python that say what overlap means."""

from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scheduler.attempt import Ending
from scheduler.entry import Entry
from scheduler.operations import cancel
from scheduler.run import RunState
from scheduler.store import Keys, Store, connect
from tests.integration.test_overlap import Scene, entry
from tests.support.valkey import ValkeyServer

FAILED = Ending(state=RunState.FAILED)


@dataclass
class Model:
    """What should be: the runs that take places, oldest first, and those that wait, by entry."""

    entries: dict[str, Entry]
    places: list[tuple[str, str]] = field(default_factory=list)
    waiting: dict[str, str] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)

    def lane(self, name: str) -> list[str]:
        one = self.entries[name]
        same = {each.name for each in self.entries.values() if one.group and each.group == one.group} | {name}
        return [run_id for each, run_id in self.places if each in same]

    def full(self, name: str) -> bool:
        most = self.entries[name].most_active
        return most is not None and len(self.lane(name)) >= most

    def tick(self, name: str, run_id: str | None) -> None:
        """A tick of `name` became `run_id`, or was left out."""
        overlap = self.entries[name].overlap
        if self.full(name) and overlap == "replace":
            self.waiting.pop(name, None)
            needed = len(self.lane(name)) - (self.entries[name].most_active or 0) + 1
            needed -= len(self.asked & set(self.lane(name)))
            own = [each for owner, each in self.places if owner == name and each not in self.asked]
            for each in own[: max(0, needed)]:
                if each in self.running:
                    self.asked.add(each)
                else:
                    self.end(each)
        if not self.full(name):
            assert run_id is not None, "there was a place for it"
            self.places.append((name, run_id))
        elif overlap in ("skip", "allow") or name in self.waiting:
            assert run_id is None, "there was no place for it"
        else:
            assert run_id is not None, "it may wait"
            self.waiting[name] = run_id

    def end(self, run_id: str) -> None:
        self.places = [each for each in self.places if each[1] != run_id]
        self.running.discard(run_id)
        self.asked.discard(run_id)
        for name, waits in list(self.waiting.items()):
            if not self.full(name):
                del self.waiting[name]
                self.places.append((name, waits))


NAMES = ("a", "b", "c")
POLICIES = st.fixed_dictionaries(
    {
        name: st.builds(
            lambda overlap, most, group: (overlap, most, group),
            st.sampled_from(["skip", "queue", "allow", "replace"]),
            st.sampled_from([1, 2]),
            st.sampled_from([None, "db"]),
        )
        for name in NAMES
    }
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["tick", "tick", "tick", "claim", "end", "cancel", "cancel waiting"]),
        st.sampled_from(NAMES),
        st.integers(0, 3),
    ),
    min_size=5,
    max_size=25,
)


# Each example empties the server first.
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(policies=POLICIES, steps=STEPS)
def test_what_is_active_and_what_waits_is_what_the_model_says(
    valkey: ValkeyServer, policies: dict[str, tuple[str, int, str | None]], steps: list[tuple[str, str, int]]
) -> None:
    store = Store(connect(valkey.url), Keys())
    store.client.flushdb()
    scene = Scene(store)
    entries = {name: entry(name, *policy) for name, policy in policies.items()}  # type: ignore[arg-type]
    scene.apply(*entries.values())
    model = Model(entries)
    for what, name, which in steps:
        take(scene, model, what, name, which)
        for each in entries.values():
            assert store.lanes.active(each) == set(model.lane(each.name))
        assert store.lanes.waiting(entries.values()) == model.waiting
        assert store.ledger.totals().unaccounted == 0
        assert all(scene.published(run_id) for _, run_id in model.places if run_id not in model.running)
        assert not any(scene.published(run_id) for run_id in model.waiting.values())
    while model.places:
        run_id = model.places[0][1]
        if run_id not in model.running:
            scene.claim(run_id)
        scene.finish(run_id)
        model.end(run_id)
    scene.at_peace()


def take(scene: Scene, model: Model, what: str, name: str, which: int) -> None:
    """One step, in the store and in the model."""
    if what == "tick":
        model.tick(name, scene.tick(name))
        return
    if what == "cancel waiting":
        if (run_id := model.waiting.pop(name, None)) is not None:
            cancel(scene.store, scene.run(run_id), by="ada")
        return
    own = [run_id for owner, run_id in model.places if owner == name]
    if which >= len(own):
        return
    run_id = own[which]
    if what == "claim" and run_id not in model.running:
        scene.claim(run_id)
        model.running.add(run_id)
    elif what == "end" and run_id in model.running:
        scene.finish(run_id, FAILED)
        model.end(run_id)
    elif what == "cancel":
        cancel(scene.store, scene.run(run_id), by="ada")
        if run_id in model.running:
            model.asked.add(run_id)
        else:
            model.end(run_id)
