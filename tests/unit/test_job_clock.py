"""What a worker's main process knows of the time that its children's jobs have taken."""

import os
from types import SimpleNamespace

import pytest

from scheduler.worker import job_clock
from scheduler.worker.job_clock import LOOK_AGAIN_S, JobClock

PID = os.getpid()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> JobClock:
    """As the child with the number 3 sees it."""
    monkeypatch.setattr(job_clock, "current_process", lambda: SimpleNamespace(index=3))
    return JobClock()


def test_of_a_child_without_an_attempt_of_ours_nothing_is_known(clock: JobClock) -> None:
    assert clock.left_s(PID, 5) == 0
    with clock.executing():
        assert clock.left_s(PID, 5) > 0
    assert clock.left_s(PID, 5) == 0


def test_only_the_job_itself_takes_time(clock: JobClock) -> None:
    with clock.executing():
        assert clock.left_s(PID, 0) == LOOK_AGAIN_S
        with clock.calling():
            assert 4 < clock.left_s(PID, 5) <= 5
            assert clock.left_s(PID, 0) == 0
        assert clock.left_s(PID, 0) == LOOK_AGAIN_S


def test_children_do_not_see_each_other(clock: JobClock) -> None:
    with clock.executing(), clock.calling():
        assert clock.left_s(PID + 1, 5) == 0


def test_a_process_that_is_no_child_of_a_pool_writes_nothing() -> None:
    clock = JobClock()
    with clock.executing(), clock.calling():
        assert clock.left_s(PID, 5) == 0
