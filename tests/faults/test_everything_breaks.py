"""Beats and workers killed and frozen, wires cut, the server crashed, at random: the books must balance.

`make faults` runs 200 rounds, the normal suite a few. A failure prints its seed; SEED=… repeats its schedule.
"""

from pathlib import Path

import pytest

from tests.faults.breakages import KINDS, plan
from tests.faults.entries import planned
from tests.faults.rounds import ROUNDS, SEED, go_through, tell
from tests.faults.world import new_world


@pytest.mark.slow
@pytest.mark.timeout(120 + 6 * ROUNDS)
def test_whatever_breaks_every_tick_is_accounted_for_and_nothing_starts_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with new_world(tmp_path, planned(quick=28)) as world:
        summary = go_through(world, plan(KINDS, SEED, ROUNDS))
    with capsys.disabled():
        tell(summary)
