"""What a job has started, wherever it went: what leaves the job's process group by setsid is found as well.

A child of the pool leads a process group of its own, in which most of what its job starts stays. What left it is
beneath the child still, or carries the claim in its environment, which programs inherit. Out of reach is only what
cleared its environment and lost its parent, or belongs to another user. Where there is no /proc (macOS) only the
group is known.
"""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

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


class Claim(NamedTuple):
    """The right to an attempt, as it stands in the environment of what the job started."""

    run_id: str
    attempt: int
    worker: str


def left_behind() -> dict[Claim, set[int]]:
    """What runs on this host for workers that died here, by claim."""
    found: dict[Claim, set[int]] = {}
    for pid, text in _claims():
        run_id, _, rest = text.partition(" ")
        attempt, _, worker = rest.partition(" ")
        host, _, place = worker.partition(":")
        main = place.partition(":")[0]
        if host == socket.gethostname() and main.isdecimal() and not _lives(int(main)):
            found.setdefault(Claim(run_id, int(attempt), worker), set()).add(pid)
    return found


def kill(pids: set[int]) -> None:
    """SIGKILL to these, and to all beneath them."""
    for each in pids | _beneath(pids):
        _signal(each, signal.SIGKILL)


def _lives(pid: int) -> bool:
    try:
        return _stat(pid)[0] not in {
            b"Z",
            b"X",
        }  # it may have ended, and its parent not have asked for that yet
    except OSError:
        return False


def _stat(pid: int) -> list[bytes]:
    """What stands in /proc/PID/stat after the name: the state, the parent, and so on. Raises OSError."""
    return (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()


def _beneath(roots: set[int]) -> set[int]:
    """The processes that these have started, and those that they have."""
    children: dict[int, list[int]] = {}
    for pid in _pids():
        with suppress(OSError):
            children.setdefault(int(_stat(pid)[1]), []).append(pid)
    found: set[int] = set()
    level = list(roots)
    while level:
        level = [child for parent in level for child in children.get(parent, ()) if child not in found]
        found |= set(level)
    return found


def _marked(claim: str) -> set[int]:
    """The processes that were started with this claim in their environment."""
    return {pid for pid, found in _claims() if found == claim}


def _claims() -> Iterator[tuple[int, str]]:
    """The processes that were started with a claim in their environment, each with it."""
    mark = f"{CLAIM}=".encode()
    for pid in _pids():
        with suppress(OSError):  # it has ended, or is another user's
            for each in (_PROC / str(pid) / "environ").read_bytes().split(b"\0"):
                if each.startswith(mark):
                    yield pid, each.removeprefix(mark).decode(errors="replace")


def _pids() -> Iterator[int]:
    if _PROC.is_dir():
        yield from (int(path.name) for path in _PROC.iterdir() if path.name.isdecimal())


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
