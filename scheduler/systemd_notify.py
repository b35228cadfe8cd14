"""What systemd is told: ready, reloading, stopping, a line of status, and "still alive" for its watchdog.

The protocol is one datagram of `NAME=value` lines to the socket named in NOTIFY_SOCKET (sd_notify(3)). No
library: sdnotify had its last release in 2017 and waits without bound on a manager that does not read, the
others are C builds against libsystemd, and what is needed is shorter than what would be wrapped around them.

Outside systemd every call does nothing. A manager that can't be reached never disturbs the process: whether
it is well is then for the manager's own watchdog to say.
"""

import os
import socket
import time
from datetime import timedelta
from typing import Final

SEND_TIMEOUT_S: Final = 1.0  # PID 1 may be busy re-executing itself; a turn must not wait for it


def notify(**fields: str | int) -> bool:
    """
    Send these fields, their names in capitals, as one datagram. True if it was handed to the manager.

    Line breaks in a value become spaces, since a line is a field.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    lines = [f"{name.upper()}={' '.join(str(value).split())}" for name, value in fields.items()]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.settimeout(SEND_TIMEOUT_S)
        try:
            # A leading "@" stands for the NUL byte of an abstract name (unix(7)).
            sender.sendto(
                "\n".join(lines).encode(), address.replace("@", "\0", 1) if address[0] == "@" else address
            )
        except OSError:
            return False
    return True


def ready(text: str = "") -> bool:
    """Started, or done reloading; with a line of status if there is one."""
    return notify(ready=1, status=text) if text else notify(ready=1)


def status(text: str) -> bool:
    """The line that `systemctl status` shows."""
    return notify(status=text)


def watchdog() -> bool:
    """Still alive. Call it where work ends well, never from a timer that runs whatever happens."""
    return notify(watchdog=1)


def reloading() -> bool:
    """Reading the configuration anew; `ready()` must follow. Type=notify-reload needs the clock's value."""
    return notify(reloading=1, monotonic_usec=time.monotonic_ns() // 1000)


def stopping(within: timedelta | None = None) -> bool:
    """
    Shutting down: no watchdog from now on.

    `within` asks for that much time, so that a grace longer than the unit's TimeoutStopSec is granted too.
    """
    if within is None:
        return notify(stopping=1)
    return notify(stopping=1, extend_timeout_usec=within // timedelta(microseconds=1))


def watchdog_interval() -> timedelta | None:
    """
    How often to call `watchdog()`: half of what WATCHDOG_USEC allows, as sd_watchdog_enabled(3) advises.

    None where no watchdog waits for this process.
    """
    allowed = os.environ.get("WATCHDOG_USEC", "")
    expected_pid = os.environ.get("WATCHDOG_PID", "") or str(os.getpid())
    if not allowed.isdecimal() or int(allowed) == 0 or expected_pid != str(os.getpid()):
        return None
    return timedelta(microseconds=int(allowed)) / 2
