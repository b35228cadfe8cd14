"""A child of the pool leads a process group of its own, with all that its job starts."""

import os
import signal
from contextlib import suppress


def signal_group(pid: int | None, number: signal.Signals) -> bool:
    """Signal the group of the child `pid`. False where it leads none: a thread's is this process itself."""
    with suppress(ProcessLookupError, PermissionError):
        if pid and leads_a_group(pid):
            os.killpg(pid, number)
            return True
    return False


def leads_a_group(pid: int) -> bool:
    """Whether `pid` is a living child with a group of its own, and not this process."""
    try:
        return pid != os.getpid() and os.getpgid(pid) == pid
    except ProcessLookupError:
        return False
