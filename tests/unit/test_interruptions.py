"""The soft time limit and a cancel strike the job and nothing around it."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from billiard.exceptions import SoftTimeLimitExceeded
from billiard.pool import SIG_SOFT_TIMEOUT, soft_timeout_sighandler

from scheduler.job import Cancelled
from scheduler.worker import interruptions


@pytest.fixture(autouse=True)
def _a_child_of_billiards_pool() -> Iterator[None]:
    before = signal.signal(SIG_SOFT_TIMEOUT, soft_timeout_sighandler)
    ends = signal.getsignal(signal.SIGTERM)
    interruptions.enable()
    yield
    interruptions.over()
    interruptions._Child.of_pool, interruptions._Child.before = False, None
    signal.signal(SIG_SOFT_TIMEOUT, before)
    signal.signal(signal.SIGTERM, ends)


STRIKES = pytest.mark.parametrize(
    ("number", "error"), [(SIG_SOFT_TIMEOUT, SoftTimeLimitExceeded), (signal.SIGTERM, Cancelled)]
)


def strike(number: int = SIG_SOFT_TIMEOUT) -> None:
    os.kill(os.getpid(), number)


@STRIKES
def test_it_strikes_within_the_job(number: int, error: type[BaseException]) -> None:
    interruptions.begin()
    with pytest.raises(error), interruptions.calling():
        strike(number)


@STRIKES
def test_it_waits_for_the_job_when_it_comes_before(number: int, error: type[BaseException]) -> None:
    interruptions.begin()
    strike(number)
    with pytest.raises(error), interruptions.calling():
        pytest.fail("the job was called")


@STRIKES
def test_it_comes_too_late_after_the_job(number: int, error: type[BaseException]) -> None:
    interruptions.begin()
    with interruptions.calling():
        pass
    strike(number)
    interruptions.begin()
    with interruptions.calling():
        pass


def test_an_exception_is_what_a_job_takes_for_its_own_and_a_cancel_is_none() -> None:
    def job() -> None:
        try:
            strike(signal.SIGTERM)
        except Exception:  # noqa: BLE001 - as a job does that goes on whatever happens
            pytest.fail("took it for an error")

    interruptions.begin()
    with pytest.raises(Cancelled), interruptions.calling():
        job()


def test_an_async_job_is_cancelled_as_asyncio_does_it_and_may_tidy_up() -> None:
    tidied: list[str] = []

    async def job() -> None:
        asyncio.get_running_loop().call_later(0.01, strike, signal.SIGTERM)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            tidied.append("up")
            raise

    interruptions.begin()
    with pytest.raises(Cancelled), interruptions.calling():
        interruptions.run_async(job())
    assert tidied == ["up"]


def test_an_async_job_that_cancels_itself_is_not_taken_for_one_that_somebody_cancelled() -> None:
    async def job() -> None:
        raise asyncio.CancelledError

    interruptions.begin()
    with pytest.raises(asyncio.CancelledError), interruptions.calling():
        interruptions.run_async(job())


def test_a_job_may_have_a_handler_of_its_own_and_the_next_one_does_not_inherit_it() -> None:
    heard: list[int] = []
    interruptions.begin()
    with interruptions.calling():
        signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
        strike(signal.SIGTERM)
    assert heard == [signal.SIGTERM]
    interruptions.begin()
    with pytest.raises(Cancelled), interruptions.calling():
        strike(signal.SIGTERM)


def test_a_task_that_the_job_executes_within_its_run_is_not_its_end() -> None:
    def job() -> None:
        interruptions.over()
        strike(signal.SIGTERM)

    interruptions.begin()
    with pytest.raises(Cancelled), interruptions.calling():
        job()


def test_a_child_without_a_run_ends_by_sigterm_as_any_process() -> None:
    program = (
        "import os, signal; from scheduler.worker import interruptions as i; i.enable(); i.begin(); i.over()"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{program}; os.kill(os.getpid(), signal.SIGTERM)"], timeout=30, check=False
    )
    assert done.returncode == -signal.SIGTERM


async def nothing() -> None:
    pass


def test_a_run_in_a_thread_leaves_signals_alone() -> None:
    def execute() -> None:
        interruptions.begin()
        with interruptions.calling():
            interruptions.run_async(nothing())

    thread = threading.Thread(target=execute)
    thread.start()
    thread.join()
    assert signal.getsignal(SIG_SOFT_TIMEOUT) is soft_timeout_sighandler
