"""The soft time limit strikes the job and nothing around it."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest
from billiard.exceptions import SoftTimeLimitExceeded
from billiard.pool import SIG_SOFT_TIMEOUT, soft_timeout_sighandler

from scheduler.worker import soft_limit


@pytest.fixture(autouse=True)
def _a_child_of_billiards_pool() -> Iterator[None]:
    before = signal.signal(SIG_SOFT_TIMEOUT, soft_timeout_sighandler)
    yield
    signal.signal(SIG_SOFT_TIMEOUT, before)


def strike() -> None:
    os.kill(os.getpid(), SIG_SOFT_TIMEOUT)


def test_it_strikes_within_the_job() -> None:
    soft_limit.begin()
    with pytest.raises(SoftTimeLimitExceeded), soft_limit.calling():
        strike()


def test_it_waits_for_the_job_when_it_passes_before() -> None:
    soft_limit.begin()
    strike()
    with pytest.raises(SoftTimeLimitExceeded), soft_limit.calling():
        pytest.fail("the job was called")


def test_it_comes_too_late_after_the_job() -> None:
    soft_limit.begin()
    with soft_limit.calling():
        pass
    strike()
    soft_limit.begin()
    with soft_limit.calling():
        pass


def test_a_run_in_a_thread_leaves_signals_alone() -> None:
    def execute() -> None:
        soft_limit.begin()
        with soft_limit.calling():
            pass

    thread = threading.Thread(target=execute)
    thread.start()
    thread.join()
    assert signal.getsignal(SIG_SOFT_TIMEOUT) is soft_timeout_sighandler
