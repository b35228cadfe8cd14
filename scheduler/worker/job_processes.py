"""What a job has started, wherever it went: what leaves the job's process group by setsid is found as well.

A child of the pool leads a process group of its own, in which most of what its job starts stays. What left it is
beneath the child still, or carries the claim in its environment, which programs inherit. Out of reach is only what
cleared its environment and lost its parent, or belongs to another user. Where there is no /proc (macOS) only the
group is known.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from scheduler.run import Run
from scheduler.worker.process_group import leads_a_group, signal_group

CLAIM: Final = "ONBEAT_RUN_CLAIM"

_PROC: Final = Path("/proc")
_ROUNDS: Final = 5  # what starts others while it is looked for is found in the next


@contextmanager
def known_to_programs(run: Run, worker: str) -> Iterator[None]:
    """What the job starts within finds in its environment which run it works for, and by which claim."""
    told = {
        "ONBEAT_RUN_ID": run.run_id,
        "ONBEAT_RUN_ENTRY": run.entry or "",
        "ONBEAT_RUN_SCHEDULED_AT": run.scheduled_at.isoformat(),
        "ONBEAT_RUN_ATTEMPT": str(run.attempt),
        CLAIM: _claim(run.run_id, run.attempt, worker),
    }
    os.environ.update(told)
    try:
        yield
    finally:
        for name in told:
            os.environ.pop(name, None)


def _claim(run_id: str, attempt: int, worker: str) -> str:
    return f"{run_id} {attempt} {worker}"


def end_all(pid: int | None, run_id: str, attempt: int, worker: str) -> None:
    """SIGKILL to the child `pid` of the pool, and to all that its job has started for this claim.

    1. Freeze what is found, again and again until nothing new is: a frozen process starts no others.
    2. Kill it.
    """
    child = {pid} if pid is not None and leads_a_group(pid) else set()
    signal_group(pid, signal.SIGSTOP)
    found: set[int] = set()
    for _ in range(_ROUNDS):
        marked = _marked(_claim(run_id, attempt, worker))
        new = (_beneath(child | found | marked) | marked) - found - child - {os.getpid()}
        if not new:
            break
        found |= new
        for each in new:
            _signal(each, signal.SIGSTOP)
    signal_group(pid, signal.SIGKILL)
    for each in found:
        _signal(each, signal.SIGKILL)


def _beneath(roots: set[int]) -> set[int]:
    """The processes that these have started, and those that they have."""
    children: dict[int, list[int]] = {}
    for pid in _pids():
        with suppress(OSError, ValueError, IndexError):
            after_name = (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
            children.setdefault(int(after_name[1]), []).append(pid)
    found: set[int] = set()
    level = list(roots)
    while level:
        level = [child for parent in level for child in children.get(parent, ()) if child not in found]
        found |= set(level)
    return found


def _marked(claim: str) -> set[int]:
    """The processes that were started with this claim in their environment."""
    mark = f"{CLAIM}={claim}".encode()
    found = set()
    for pid in _pids():
        with suppress(OSError):  # it has ended, or is another user's
            if mark in (_PROC / str(pid) / "environ").read_bytes().split(b"\0"):
                found.add(pid)
    return found


def _pids() -> Iterator[int]:
    if _PROC.is_dir():
        yield from (int(path.name) for path in _PROC.iterdir() if path.name.isdecimal())


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
