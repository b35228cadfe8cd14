"""What may end a job from outside, in a child of the pool: the soft time limit, and a cancel.

Both come as signals, whatever the child does at that moment: in the middle of recording that the job succeeded they
would leave the run without an end, to be found by its lease and executed again. So they strike the job, and nothing
around it. One that comes between the claim and the call strikes when the call begins.
"""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from billiard.exceptions import SoftTimeLimitExceeded
from billiard.pool import SIG_SOFT_TIMEOUT, soft_timeout_sighandler

from scheduler.job import Cancelled


class _Run:
    """Of this process's one run: whether it goes on, whether its job is being called, and what struck before that.

    `cancel`: how the job that is being called is cancelled where raising would miss it: `async def`.
    """

    going_on = calling = False
    struck: type[BaseException] | None = None
    cancelled = False
    cancel: Callable[[], object] | None = None


class _Child:
    """Of this process: whether it is a child of the pool, and what SIGTERM did in it before its first run."""

    of_pool = False
    before: Any = None


def enable() -> None:
    """This process is a child of the pool: from its first run on SIGTERM is for the job. Without a run it ends it."""
    _Child.of_pool = True


def by_signal() -> bool:
    """Whether a cancel reaches the jobs of this process as SIGTERM."""
    return _Child.of_pool


def begin() -> None:
    """A run begins in this process: from here on what strikes waits for the job. Does nothing in a thread."""
    if threading.current_thread() is not threading.main_thread():
        return
    _Run.going_on, _Run.calling, _Run.struck, _Run.cancelled, _Run.cancel = True, False, None, False, None
    if signal.getsignal(SIG_SOFT_TIMEOUT) is soft_timeout_sighandler:
        signal.signal(SIG_SOFT_TIMEOUT, _soft_limit_passed)
    if _Child.of_pool and _Child.before is None:
        _Child.before = signal.signal(signal.SIGTERM, _terminated)


def over() -> None:
    """The run is over, and Celery is done with its task. One that its job executes by `apply()` is none of ours."""
    if _Run.calling:
        return
    _Run.going_on = False
    _Run.struck = None


def strikes() -> bool:
    """Whether what comes now strikes the job."""
    return _Run.calling


@contextmanager
def calling() -> Iterator[None]:
    """While the job is called it may be struck. Raises SoftTimeLimitExceeded and Cancelled."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _Run.calling = True
    try:
        if _Run.struck is not None:
            raise _Run.struck
        yield
    except asyncio.CancelledError as error:
        if _Run.cancelled:
            raise Cancelled from error
        raise
    finally:
        _Run.calling = False
        if _Child.of_pool:
            signal.signal(signal.SIGTERM, _terminated)  # the job may have had a handler of its own


def run_async(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of an `async def` job, in an event loop of its own; a cancel reaches it as asyncio.CancelledError."""
    in_main = threading.current_thread() is threading.main_thread()
    return asyncio.run(_watched(coroutine) if in_main else coroutine)


async def _watched(coroutine: Coroutine[Any, Any, Any]) -> Any:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if task is not None:
        cancel = task.cancel
        _Run.cancel = lambda: loop.call_soon_threadsafe(cancel)
    try:
        return await coroutine
    finally:
        _Run.cancel = None


def _soft_limit_passed(_number: int, _frame: FrameType | None) -> None:
    _Run.struck = SoftTimeLimitExceeded
    if _Run.calling:
        raise SoftTimeLimitExceeded


def _terminated(_number: int, _frame: FrameType | None) -> None:
    if not _Run.going_on:
        signal.signal(signal.SIGTERM, _Child.before)
        os.kill(os.getpid(), signal.SIGTERM)
        return
    _Run.struck, _Run.cancelled = Cancelled, True
    if not _Run.calling:
        return
    if _Run.cancel is None:
        raise Cancelled
    _Run.cancel()
