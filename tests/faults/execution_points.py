"""A child of a worker's pool is killed, frozen or orphaned before and after every step of an execution.

`make faults` runs it: a run that was lost with its worker waits for the end of its lease.
"""

import signal
from pathlib import Path

import pytest

from tests.faults.accounts import RangeKeeper, audit
from tests.faults.breakages import children
from tests.faults.entries import planned
from tests.faults.faulty import EXECUTION
from tests.faults.trials import PROGRAM, is_stopped
from tests.faults.world import Member, World, new_world

ORDERS = [
    f"{step}.{when}:{action}"
    for step in EXECUTION
    for when in ("before", "after")
    for action in ("kill", "stop", "orphan")
]


@pytest.mark.timeout(300)
def test_a_child_may_end_or_freeze_at_every_step_of_an_execution(tmp_path: Path) -> None:
    order = tmp_path / "order"
    with new_world(tmp_path, planned(quick=10)) as world:
        world.add("beat")
        world.add("worker", "-c", "2")
        faulty = world.add("worker", "-c", "2")
        faulty.program = (*PROGRAM, str(order))
        world.settle()
        ranges = RangeKeeper(world.entries)
        for text in ORDERS:
            _one_trial(world, faulty, order, text)
            ranges.gather(world.store())
        world.close_the_books()
        books = audit(world, ranges)
        assert not books.findings, "\n".join(books.findings[:40])
        assert not world.complaints()


def _one_trial(world: World, faulty: Member, order: Path, text: str) -> None:
    worker = faulty.pid
    assert worker is not None
    world.troubled.add(worker)
    order.write_text(text)
    world.await_(lambda: not order.exists(), within=60, what=f"a child at {text}")
    if text.endswith("stop"):
        world.await_(lambda: _stopped(worker), within=5, what=f"a frozen child at {text}")
        world.pace(1)
        world.signal(_stopped(worker), signal.SIGCONT)
    elif text.endswith("orphan"):
        world.await_(lambda: faulty.pid != worker, within=5, what=f"the end of the worker at {text}")
    world.settle()


def _stopped(worker: int) -> list[int]:
    """A child, or the worker itself: the end of an attempt whose child was killed is put on record by that."""
    return [pid for pid in (worker, *children(worker)) if is_stopped(pid)]
