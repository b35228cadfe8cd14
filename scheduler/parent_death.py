"""A child process that ends when its parent does, however the parent ended (Linux; prctl(2), PR_SET_PDEATHSIG)."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with_parent(number: signal.Signals, *, parent: int | None = None) -> bool:
    """Have the kernel send this process `number` when the thread that made it ends. False where it can't.

    `parent` is the pid that the parent is known to have: if it is gone already, the signal is sent now.
    """
    if sys.platform != "linux":
        return False
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0) != 0:
        return False
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), number)
    return True
