"""Starting programs that can't outlive the tests, and finding what of them is still running."""

import os
import select
import signal
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

MARK = "TEST_MARK_OF_ONBEAT"

# prctl(PR_SET_PDEATHSIG): Linux ends the program with the thread that started it, even by kill -9 of pytest.
# Asked for after that thread ended it would do nothing: hence the look at who the parent is now.
_LAUNCH = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9)
if os.getppid() == int(sys.argv[1]):
    os.execve(sys.argv[2], sys.argv[2:], os.environ)
"""


def new_mark() -> str:
    """A word that a program and all it starts carry in their environment."""
    return uuid.uuid4().hex


def launch(
    argv: Sequence[str],
    *,
    mark: str,
    environ: Mapping[str, str],
    directory: Path | None = None,
    stdin: int | IO[bytes] | None = subprocess.DEVNULL,
    stdout: int | IO[bytes] | None = subprocess.PIPE,
    stderr: int | IO[bytes] | None = subprocess.PIPE,
) -> subprocess.Popen[bytes]:
    """Start `argv` (its first item an absolute path) in a session of its own, carrying the mark."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid()), *argv],
        cwd=directory,
        env={**environ, MARK: mark},
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )


def running(mark: str) -> dict[int, str]:
    """
    The living processes that carry the mark, by process id, each with its command line.

    The environment follows a process through fork, setsid and re-parenting, so that a daemon is found too.
    """
    wanted = f"{MARK}={mark}".encode()
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                words = (folder / "cmdline").read_bytes().split(b"\0")
                found[int(folder.name)] = b" ".join(words).decode(errors="replace").strip()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it ended while we looked, or is somebody else's
    return found


def kill_all(mark: str) -> dict[int, str]:
    """Kill what carries the mark, and what that started meanwhile. Returns what was found at first."""
    first = found = running(mark)
    while found:
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        for pid in found:
            _await_end(pid)
        found = running(mark)
    return first


def _await_end(pid: int) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        select.select([descriptor], [], [], 5)
    finally:
        os.close(descriptor)
