"""One of two beats is killed or frozen before and after every numbered step: the other goes on, the books balance.

`make faults` goes through every step, the normal suite through a few that SEED picks.
"""

from pathlib import Path

import pytest

from tests.faults.entries import planned
from tests.faults.faulty import END, START, TURN, UPKEEP
from tests.faults.trials import go_through, orders
from tests.faults.world import new_world


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_beat_may_end_or_freeze_at_every_step(tmp_path: Path) -> None:
    with new_world(tmp_path, planned(quick=10)) as world:
        go_through(world, tmp_path / "order", orders(TURN, UPKEEP, START, END))
