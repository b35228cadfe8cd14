"""A sleep that signal handlers and other threads can end.

Not a threading.Event: a handler runs within the main thread, maybe while that holds the event's lock, and `set` would
wait for it for ever (tried: after 14 signals). A byte in a pipe needs no lock.
"""

import os
import select
import weakref
from typing import Final

MANY: Final = 4096


class Waker:
    """`wake` ends the `sleep` under way, or the next one."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        weakref.finalize(self, _close, self._reader, self._writer)

    def wake(self) -> None:
        """Safe in a signal handler and in any thread."""
        try:
            os.write(self._writer, b"\0")
        except BlockingIOError:
            return  # the pipe is full of wake-ups already

    def sleep(self, seconds: float) -> None:
        """Sleep that long, or until `wake`."""
        select.select([self._reader], [], [], seconds)
        try:
            os.read(self._reader, MANY)
        except BlockingIOError:
            return  # nobody woke us


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
