"""The same with a real RabbitMQ as the broker: cut off, crashed and restarted in mid-publish. `make faults` runs it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import rounds, trials
from tests.faults.breakages import KINDS, RABBIT_KINDS, plan
from tests.faults.entries import planned
from tests.faults.faulty import BROKER, TURN, UPKEEP
from tests.faults.world import World, new_world
from tests.support.rabbitmq import RabbitServer

pytestmark = pytest.mark.rabbitmq


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with new_world(tmp_path, planned(quick=12)) as made:
        made.add_broker(RabbitServer())
        yield made


@pytest.mark.timeout(400)
def test_a_beat_may_end_or_freeze_at_every_step_of_publishing(world: World, tmp_path: Path) -> None:
    steps = {**BROKER, "move": UPKEEP["move"], "commit": TURN["commit"]}
    trials.go_through(world, tmp_path / "order", trials.orders(steps))


@pytest.mark.timeout(300 + 10 * rounds.ROUNDS)
def test_whatever_breaks_rabbitmq_included(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    faults = plan({**KINDS, **RABBIT_KINDS}, rounds.SEED, max(10, rounds.ROUNDS // 4))
    summary = rounds.go_through(world, faults)
    with capsys.disabled():
        rounds.tell(summary)


@pytest.mark.timeout(300 + 10 * rounds.ROUNDS)
def test_whatever_breaks_of_rabbitmq_alone(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    faults = plan(RABBIT_KINDS, rounds.SEED, max(10, rounds.ROUNDS // 4))
    summary = rounds.go_through(world, faults)
    with capsys.disabled():
        rounds.tell(summary)
