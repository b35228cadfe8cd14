"""Programs that may mount, fork and trace as they like: all of it ends with one process."""

import os
import select
import subprocess
from pathlib import Path

# In a mount and a process namespace of its own. When the first process in there ends, even because this test was
# killed, the kernel ends all others and the mounts go with them.
ENCLOSED = (
    "/usr/bin/unshare",
    "--mount",
    "--propagation=private",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
)


def end(enclosed: subprocess.Popen[bytes]) -> None:
    """Kill what was started with ENCLOSED, and wait until all of it has gone."""
    watched = [os.pidfd_open(child) for child in children(enclosed.pid)]
    enclosed.kill()
    enclosed.wait()
    for descriptor in watched:
        select.select([descriptor], [], [], 30)
        os.close(descriptor)


def children(pid: int) -> list[int]:
    """The processes that this one's main thread has started and that still run."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
