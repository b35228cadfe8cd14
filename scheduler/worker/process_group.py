"""A child of the pool leads a process group of its own, with all that its job starts."""

import os
import signal
from contextlib import suppress


def signal_group(pid: int | None, number: signal.Signals) -> bool:
    """Signal the group of the child `pid`. False where it leads none: a thread's is this process itself."""
    with suppress(ProcessLookupError, PermissionError):
        if pid and pid != os.getpid() and os.getpgid(pid) == pid:
            os.killpg(pid, number)
            return True
    return False
