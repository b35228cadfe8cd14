"""Rounds: one fault after the other on a deployment at work, and then the books."""

import os
import random
import sys
from collections import Counter
from typing import Final

from tests.faults.accounts import Books, RangeKeeper, audit
from tests.faults.breakages import Fault, strike
from tests.faults.world import World

ROUNDS: Final = int(os.environ.get("ROUNDS", "5"))
SEED: Final = int(os.environ.get("SEED") or random.SystemRandom().randrange(1_000_000))
GATHER_EVERY: Final = 20


def go_through(world: World, faults: list[Fault]) -> str:
    """Two beats and two workers, one of each behind a bad wire. Returns a summary; fails where the books do not fit."""
    world.add("beat")
    world.add("beat", behind_proxy=True)
    world.add("worker", "-c", "3")
    world.add("worker", "-c", "3", behind_proxy=True)
    world.settle()
    ranges = RangeKeeper(world.entries)
    _let_it_happen(world, faults, ranges)
    world.close_the_books()
    books = audit(world, ranges)
    summary = _summary(faults, books)
    wrong = [*books.findings[:40], *world.complaints()[:40]]
    assert not wrong, "\n".join([*wrong, f"SEED={SEED} ROUNDS={ROUNDS}", summary, *map(str, faults)])
    return summary


def _let_it_happen(world: World, faults: list[Fault], ranges: RangeKeeper) -> None:
    for number, fault in enumerate(faults, 1):
        strike(world, fault)
        world.pace(fault.pause_s)
        if number % GATHER_EVERY == 0:
            world.settle()
            ranges.gather(world.store())


def _summary(faults: list[Fault], books: Books) -> str:
    kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(Counter(fault.kind for fault in faults).items()))
    return f"faults: seed {SEED}, {len(faults)} rounds; {books}; faults: {kinds}"


def tell(summary: str) -> None:
    """Print it, for people who read the end of a long run."""
    sys.stdout.write(f"\n{summary}\n")
