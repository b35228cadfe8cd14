"""Who gives a command, as the log will name them."""

import getpass
import os
import socket


def who() -> str:
    """`user@host`; the person behind sudo where there is one."""
    try:
        user = os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())  # a container's user often has no name
    return f"{user}@{socket.gethostname()}"
