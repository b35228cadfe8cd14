"""Beats and workers killed and frozen, wires cut, the server crashed, at random: the books must balance.

`make faults` runs 200 rounds, the normal suite a few. A failure prints its seed; SEED=… repeats its schedule.
"""

import os
import random
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.accounts import Books, RangeKeeper, audit, notes
from tests.faults.breakages import Fault, plan, strike
from tests.faults.entries import planned
from tests.faults.world import World, new_world

ROUNDS = int(os.environ.get("ROUNDS", "6"))
SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(1_000_000))
GATHER_EVERY = 20


@pytest.mark.slow
@pytest.mark.timeout(120 + 6 * ROUNDS)
def test_whatever_breaks_every_tick_is_accounted_for_and_nothing_starts_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faults = plan(SEED, ROUNDS)
    with new_world(tmp_path, planned(quick=28)) as world:
        _begin(world)
        ranges = RangeKeeper(world.entries)
        struck = _let_it_happen(world, faults, ranges)
        books = _end(world, ranges)
        complaints = world.complaints()
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(Counter(struck).items()))
    with capsys.disabled():
        sys.stdout.write(f"\nfaults: seed {SEED}, {ROUNDS} rounds; {books}; faults: {kinds}\n")
    story = "\n".join(map(str, faults))
    assert not books.findings, "\n".join([*books.findings[:40], f"SEED={SEED}", story, *complaints[:40]])
    assert not complaints, "\n".join([*complaints[:40], f"SEED={SEED}", story])


def _begin(world: World) -> None:
    world.add("beat")
    world.add("beat", behind_proxy=True)
    world.add("worker", "-c", "3")
    world.add("worker", "-c", "3", behind_proxy=True)
    world.settle()


def _let_it_happen(world: World, faults: list[Fault], ranges: RangeKeeper) -> list[str]:
    struck = []
    for number, fault in enumerate(faults, 1):
        strike(world, fault)
        struck.append(fault.kind)
        world.pace(fault.pause_s)
        if number % GATHER_EVERY == 0:
            world.settle()
            ranges.gather(world.store())
    return struck


def _end(world: World, ranges: RangeKeeper) -> Books:
    world.close_the_books()
    return audit(world.store(), world.entries, ranges, notes(world.notes), world.server_kills, world.troubled)
