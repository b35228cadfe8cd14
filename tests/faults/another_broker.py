"""The same where messages go to another server, through the outbox. `make faults` runs it."""

from pathlib import Path

import pytest

from tests.faults import rounds, trials
from tests.faults.breakages import BROKER_KINDS, KINDS, plan
from tests.faults.entries import planned
from tests.faults.faulty import BROKER, TURN, UPKEEP
from tests.faults.world import new_world


@pytest.mark.timeout(300)
def test_a_beat_may_end_or_freeze_at_every_step_of_publishing(tmp_path: Path) -> None:
    steps = {**BROKER, "waiting": UPKEEP["waiting"], "move": UPKEEP["move"], "commit": TURN["commit"]}
    with new_world(tmp_path, planned(quick=10)) as world:
        world.add_broker()
        trials.go_through(world, tmp_path / "order", trials.orders(steps))


@pytest.mark.timeout(120 + 6 * rounds.ROUNDS)
def test_whatever_breaks_the_broker_included(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with new_world(tmp_path, planned(quick=14)) as world:
        world.add_broker()
        faults = plan({**KINDS, **BROKER_KINDS}, rounds.SEED, max(10, rounds.ROUNDS // 4))
        summary = rounds.go_through(world, faults)
    with capsys.disabled():
        rounds.tell(summary)
