"""The soft time limit strikes the job and nothing around it.

billiard raises it in a child by SIGUSR1, whatever the child does at that moment: in the middle of recording that the
job succeeded it would leave the run without an end, to be found by its lease and executed again.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from billiard.exceptions import SoftTimeLimitExceeded
from billiard.pool import SIG_SOFT_TIMEOUT, soft_timeout_sighandler


class _Limit:
    """Of this process's one run: whether its job is being called, and whether the limit came before that."""

    calling = False
    passed = False


def begin() -> None:
    """A run begins in this process: from here on the limit waits for the job. Only in a child of billiard's pool."""
    if threading.current_thread() is not threading.main_thread():
        return
    _Limit.calling = _Limit.passed = False
    if signal.getsignal(SIG_SOFT_TIMEOUT) is soft_timeout_sighandler:
        signal.signal(SIG_SOFT_TIMEOUT, _struck)


@contextmanager
def calling() -> Iterator[None]:
    """While the job is called the limit may strike. Raises SoftTimeLimitExceeded."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _Limit.calling = True
    try:
        if _Limit.passed:
            raise SoftTimeLimitExceeded
        yield
    finally:
        _Limit.calling = False


def _struck(_number: int, _frame: FrameType | None) -> None:
    _Limit.passed = True
    if _Limit.calling:
        raise SoftTimeLimitExceeded
