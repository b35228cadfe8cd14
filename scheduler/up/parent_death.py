"""Programs that end when the process that started them does, even by kill -9 (Linux).

The wish is prctl(2)'s PR_SET_PDEATHSIG: the kernel forgets it at fork and keeps it through exec. Python's
preexec_fn could state it in between, but is not safe in a process with threads; so a small interpreter states it
and becomes the program.
"""

import os
import signal
import sys
from collections.abc import Sequence

# An interpreter without site and environment starts in 10 ms. By getppid it sees if the parent died meanwhile.
_BECOME = """
import ctypes, os, sys
parent, number = int(sys.argv[1]), int(sys.argv[2])
ctypes.CDLL(None).prctl(1, number, 0, 0, 0)
if os.getppid() != parent:
    os.kill(os.getpid(), number)
os.execv(sys.argv[3], sys.argv[3:])
"""


def ending_with_parent(argv: Sequence[str], number: signal.Signals = signal.SIGTERM) -> list[str]:
    """
    The command that runs `argv` and sends it the signal when this process ends.

    `argv[0]` is an absolute path. Start it from the main thread: the kernel counts the end of the thread that
    forked as the parent's. Systems without prctl run `argv` as it is.
    """
    if sys.platform != "linux":
        return list(argv)
    return [sys.executable, "-I", "-S", "-c", _BECOME, str(os.getpid()), str(number.value), *argv]
