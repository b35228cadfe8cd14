"""`soft_timeout` and `timeout` in a test's own process.

A worker strikes the child that executes the job: a signal for the soft limit, SIGKILL of its process group for the
hard one. Here both are exceptions raised in the job; nothing is killed. Code that does not come back to Python, such
as a query in a C library, is struck when it does.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from types import FrameType
from typing import Any, Final

from billiard.pool import SIG_SOFT_TIMEOUT, soft_timeout_sighandler

from scheduler.worker import interruptions

SIG_HARD_TIMEOUT: Final = signal.SIGUSR2


class HardLimit(BaseException):
    """The job took longer than its `timeout`. No Exception, so that a job's `except Exception` does not keep it."""


@dataclass
class Limits:
    """What became of them: the hard limit holds even where the job went on in spite of it."""

    hard_struck: bool = False


@contextmanager
def enforced(soft: timedelta | None, hard: timedelta | None) -> Iterator[Limits]:
    """While the job is called: raise SoftTimeLimitExceeded in it after `soft`, HardLimit after `hard`.

    Outside of the main thread, where Python handles no signals, neither is enforced.
    """
    limits = Limits()
    if threading.current_thread() is not threading.main_thread():
        yield limits
        return

    def struck(_number: int, _frame: FrameType | None) -> None:
        if interruptions.strikes():
            limits.hard_struck = True
            raise HardLimit

    with ExitStack() as stack:
        stack.enter_context(_handled(SIG_SOFT_TIMEOUT, soft_timeout_sighandler))
        interruptions.begin()
        stack.callback(interruptions.over)
        stack.enter_context(_handled(SIG_HARD_TIMEOUT, struck))
        stack.enter_context(_signalled(soft, SIG_SOFT_TIMEOUT))
        stack.enter_context(_signalled(hard, SIG_HARD_TIMEOUT))
        yield limits


@contextmanager
def _handled(number: int, handler: Any) -> Iterator[None]:
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


@contextmanager
def _signalled(limit: timedelta | None, number: int) -> Iterator[None]:
    """Send this thread a signal once `limit` is over."""
    if limit is None:
        yield
        return
    timer = threading.Timer(limit.total_seconds(), signal.pthread_kill, (threading.get_ident(), number))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
