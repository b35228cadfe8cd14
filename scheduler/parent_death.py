"""A child process that ends when its parent does, however the parent ended (Linux; prctl(2), PR_SET_PDEATHSIG).

The kernel forgets the wish at fork and keeps it through exec. A forked child states it itself (`die_with_parent`); a
program can't. Python's preexec_fn could state it in between, but is not safe in a process with threads: so a small
interpreter states it and becomes the program (`ending_with_parent`).
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1

# An interpreter without site and environment starts in 10 ms. By getppid it sees if the parent died meanwhile.
_BECOME = """
import ctypes, os, sys
parent, number = int(sys.argv[1]), int(sys.argv[2])
ctypes.CDLL(None).prctl(1, number, 0, 0, 0)
if os.getppid() != parent:
    os.kill(os.getpid(), number)
os.execv(sys.argv[3], sys.argv[3:])
"""


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


def ending_with_parent(argv: Sequence[str], number: signal.Signals = signal.SIGTERM) -> list[str]:
    """
    The command that runs `argv` and gets the signal when this process ends.

    `argv[0]` is an absolute path. Start it from the main thread: the kernel counts the end of the thread that
    forked as the parent's. Systems without prctl run `argv` as it is.
    """
    if sys.platform != "linux":
        return list(argv)
    return [sys.executable, "-I", "-S", "-c", _BECOME, str(os.getpid()), str(number.value), *argv]
