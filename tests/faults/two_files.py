"""Three beats on two schedule files, one older than the other; beats are killed, frozen and stopped, files edited.

What the older file says never comes into force, not by a start, a save or SIGHUP of its beat; and that beat takes turns
like the others, by what the newer file says. `make faults` runs it.
"""

import os
import random
import signal
import sys
from pathlib import Path

import pytest

from tests.faults.accounts import RangeKeeper, audit
from tests.faults.entries import Planned, planned, schedules
from tests.faults.world import Member, World, new_world

ROUNDS = max(12, int(os.environ.get("ROUNDS", "0")) // 4)
SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(1_000_000))
OLD_FILE = [Planned(f"old-{number}", 1_000) for number in range(5)] + [Planned("quick-0", 3_000)]
NEW, OLD = 2, 1


@pytest.mark.timeout(120 + 8 * ROUNDS)
def test_an_older_file_never_comes_into_force_and_its_beat_works_by_the_newer_one(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    with new_world(tmp_path, planned(quick=10)) as world:
        for _ in range(2):
            world.add("beat").environ["ONBEAT_REVISION"] = str(NEW)
        world.add("worker", "-c", "3")
        world.settle()
        old = world.add("beat")
        old.environ |= {"ONBEAT_REVISION": str(OLD), "ONBEAT_SCHEDULES": "old.toml"}
        _save_old(world, 0)
        world.settle()
        ranges = RangeKeeper(world.entries)
        for number in range(1, ROUNDS + 1):
            _break(world, chance, old, number)
            world.pace(chance.uniform(0.2, 2.0))
            assert world.store().entries.applied().revision == NEW
        world.close_the_books()
        books = audit(world, ranges)
        assert set(world.store().entries.all()) == {entry.name for entry in world.entries}
    lives = [each for each in (*old.past, old.process) if each is not None]
    assert not [event for life in lives for event in life.named("schedules.applied")]
    # Some were killed before they came to that; none took a turn without it.
    at_work = [life for life in lives if life.named("tick.dispatched")]
    assert at_work
    assert all(life.named("schedules.outdated") for life in at_work)
    refused = sum(len(life.named("schedules.outdated")) for life in lives)
    sys.stdout.write(
        f"\ntwo files: seed {SEED}, {ROUNDS} rounds; {books}; the older file refused {refused} times\n"
    )
    assert not books.findings, "\n".join([*books.findings[:40], f"SEED={SEED}"])


def _break(world: World, chance: random.Random, old: Member, number: int) -> None:
    kind = chance.choice(("kill", "stop", "freeze", "reload", "save"))
    beat = chance.choice([*world.beats, old])
    if beat.pid is None:
        return
    if kind == "kill":
        world.signal([beat.pid], signal.SIGKILL)
    elif kind == "stop":
        world.signal([beat.pid], signal.SIGTERM)
    elif kind == "freeze":
        world.freeze([beat.pid], chance.uniform(0.5, 8.0))
    elif kind == "reload":
        world.signal([beat.pid], signal.SIGHUP)
    elif beat is old:
        _save_old(world, number)
    else:
        world.edit()


def _save_old(world: World, edition: int) -> None:
    new = world.project.write("old-new.toml", schedules(OLD_FILE, world.notes, edition))
    new.replace(world.project.directory / "old.toml")
