"""Clocks that are set by an hour under running processes. `make faults` runs it; `make test` has no libfaketime."""

from pathlib import Path

import pytest

from tests.faults.accounts import RangeKeeper, audit
from tests.faults.entries import Planned, planned
from tests.faults.faketime import FakeClock
from tests.faults.world import World, new_world

HOUR = 3_600
MINUTE = 60
LONG = Planned("very-long", 1_000, seconds=12.0)


@pytest.mark.timeout(600)
def test_the_servers_clock_is_set_forward_and_back_and_no_tick_comes_twice_or_is_lost(tmp_path: Path) -> None:
    clock = FakeClock(tmp_path / "clock")
    entries = [*planned(quick=8), LONG]
    with new_world(tmp_path, entries, server_environ=clock.environ) as world:
        ranges = _begin(world)
        _set(world, clock, HOUR, by_ms=HOUR * 1_000)
        assert _grows(world)
        _set(world, clock, 0, by_ms=-HOUR * 1_000)
        told = [beat.process.named("clock.stepped")[-1] for beat in world.beats if beat.process]
        assert all(event["until"] is not None for event in told)
        _set(world, clock, 2 * HOUR, by_ms=2 * HOUR * 1_000)
        assert _grows(world)
        _balance(world, ranges)


@pytest.mark.timeout(600)
def test_a_beats_own_clock_changes_nothing(tmp_path: Path) -> None:
    clock = FakeClock(tmp_path / "clock")
    with new_world(tmp_path, planned(quick=8)) as world:
        world.project.environ |= clock.environ
        ranges = _begin(world)
        for seconds in (HOUR, -HOUR, 86_400, 0):
            clock.set(seconds)
            assert _grows(world)
        assert not [beat for beat in world.beats if beat.process and beat.process.named("clock.stepped")]
        for beat in world.beats:
            assert beat.process is not None
            # A busy machine makes a beat late by a tick or two.
            assert not [each for each in beat.process.named("tick.coalesced") if each["count"] > MINUTE]
        _balance(world, ranges)


def _begin(world: World) -> RangeKeeper:
    world.add("beat")
    world.add("beat")
    world.add("worker", "-c", "3")
    world.settle()
    assert _grows(world)
    return RangeKeeper(world.entries)


def _grows(world: World) -> bool:
    """Three more turns with runs."""
    store = world.store()
    for _ in range(3):
        before = store.ledger.totals().dispatched
        world.await_(lambda: store.ledger.totals().dispatched > before, within=15, what="more runs")  # noqa: B023
    return True


def _set(world: World, clock: FakeClock, seconds: int, *, by_ms: int) -> None:
    """Set the clock, and have both beats say so."""
    clock.set(seconds)

    def told() -> bool:
        return all(
            any(abs(event["by_ms"] - by_ms) < 5_000 for event in beat.process.named("clock.stepped"))
            for beat in world.beats
            if beat.process is not None
        )

    world.await_(told, within=15, what=f"clock.stepped by {by_ms} ms")


def _balance(world: World, ranges: RangeKeeper) -> None:
    world.close_the_books()
    books = audit(world, ranges)
    assert not books.findings, "\n".join(books.findings[:40])
    assert not books.lost
    assert not world.complaints()
