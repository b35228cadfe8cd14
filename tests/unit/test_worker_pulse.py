import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from celery.concurrency.solo import TaskPool as SoloPool

from scheduler.worker.pulse import EVERY_S, LONGEST_TURN_S, Pulse


class Timer:
    """As kombu's: what is to be called again and again, and by whom it is no longer wanted."""

    def __init__(self) -> None:
        self.actions: list[Callable[[], None]] = []

    def call_repeatedly(self, seconds: float, action: Callable[[], None]) -> Callable[[], None]:
        assert seconds == EVERY_S
        self.actions.append(action)
        return action

    def cancel(self, action: Callable[[], None]) -> None:
        self.actions.remove(action)


@pytest.fixture
def consumer() -> SimpleNamespace:
    return SimpleNamespace(connection=object(), pool=object(), timer=Timer(), turned=lambda: None)


def test_a_loop_that_does_not_turn_for_long_is_not_well(consumer: SimpleNamespace) -> None:
    pulse = Pulse(consumer)
    pulse.start(consumer)
    now = time.monotonic()
    assert pulse.well(now + LONGEST_TURN_S / 2)
    assert not pulse.well(now + LONGEST_TURN_S + 1)


def test_each_turn_counts_anew(consumer: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    pulse = Pulse(consumer)
    pulse.start(consumer)
    later = time.monotonic() + LONGEST_TURN_S + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert not pulse.well()
    for action in consumer.timer.actions:
        action()
    assert pulse.well()


def test_a_worker_that_waits_for_its_broker_is_well(consumer: SimpleNamespace) -> None:
    pulse = Pulse(consumer)
    pulse.start(consumer)
    consumer.connection = None
    pulse.stop(consumer)
    assert pulse.well(time.monotonic() + 3600)


def test_a_lost_and_found_connection_leaves_one_timer(consumer: SimpleNamespace) -> None:
    pulse = Pulse(consumer)
    pulse.start(consumer)
    pulse.stop(consumer)
    pulse.stop(consumer)
    pulse.start(consumer)
    assert len(consumer.timer.actions) == 1


def test_where_the_loop_executes_the_runs_itself_a_long_run_is_no_frost(consumer: SimpleNamespace) -> None:
    consumer.pool = SoloPool(1)
    pulse = Pulse(consumer)
    pulse.start(consumer)
    assert pulse.well(time.monotonic() + 3600)
