"""Jobs that look at the walls around them."""

import errno
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import structlog

from scheduler import job

WIDE = "ä" * 30_000


def _hang(*_: object) -> None:
    """Keep the main thread here for ever; the other threads go on."""
    threading.Event().wait()


if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGUSR2, _hang)


@job
def sandbox() -> dict[str, str]:
    """Try what a service has no business doing. The result: each attempt, and what it was told."""
    return {
        "write /etc": _refusal(lambda: Path("/etc/onbeat-was-here").write_text("x")),
        "write /usr": _refusal(lambda: Path("/usr/onbeat-was-here").write_text("x")),
        "write the project": _refusal(lambda: Path("onbeat-was-here").write_text("x")),
        "become root": _refusal(lambda: os.setuid(0)),
        "write /tmp": _refusal(lambda: Path("/tmp/onbeat-was-here").write_text("x")),
        "user id": str(os.getuid()),
    }


@job
def nap(seconds: float) -> str:
    """Take a while, as jobs do."""
    threading.Event().wait(seconds)
    return "rested"


@job
def wide() -> None:
    """Log a line that is longer than what journald and Docker take at a time."""
    structlog.get_logger().info("wide", first=WIDE, second=WIDE)


def _refusal(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "done"
