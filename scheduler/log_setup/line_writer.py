"""Whole lines to one descriptor, from many threads and many processes at once.

A line longer than PIPE_BUF (4096 bytes) may leave in several pieces when the pipe is nearly full: without a
lock another process could write in between. The lock is a POSIX record lock (fcntl(2)) on an anonymous file
that forked children inherit; the kernel drops it when its holder dies.
"""

import errno
import fcntl
import os
import select
import tempfile
import threading
import time
from collections import deque

# A process that is frozen (SIGSTOP) while it holds the lock would silence all others: better two mixed lines.
_PATIENCE_S = 2.0
_PAUSE_S = 0.0005


class LineWriter:
    """
    Writes each line whole. Safe in threads, in signal handlers, and in children after `after_fork_in_child`.

    When nobody reads any more (EPIPE) it turns silent and says so by `broken`; it never raises.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.broken = False
        self._waiting: deque[bytes] = deque()
        self._threads = threading.RLock()
        self._writing = False
        self._torn = False
        self._lock_file = _anonymous_file()

    def fileno(self) -> int:
        """The descriptor that it writes to."""
        return self.descriptor

    def write(self, line: bytes) -> None:
        """Write one line, or several that must stay together. Blocks while the reader is slow."""
        self._waiting.append(line)
        with self._threads:
            if self._writing:
                return  # a signal handler interrupted this very thread in mid-line: the outer call goes on
            self._writing = True
            try:
                while self._waiting:
                    self._write_whole(self._waiting.popleft())
            finally:
                self._writing = False

    def after_fork_in_child(self) -> None:
        """The parent's threads, and what they were about to write, are the parent's."""
        self._threads = threading.RLock()
        self._waiting = deque()
        self._writing = False

    def _write_whole(self, line: bytes) -> None:
        if self.broken:
            return
        locked = self._lock()
        view = memoryview(b"\n" + line if self._torn else line)
        try:
            while view:
                view = view[self._write_some(view) :]
            self._torn = False
        except OSError as error:
            # There is nowhere left to complain to. A full disk may heal: the next line then begins a new one.
            self.broken = error.errno in (errno.EPIPE, errno.EBADF)
            self._torn = True
        finally:
            if locked:
                fcntl.lockf(self._lock_file, fcntl.LOCK_UN)

    def _write_some(self, view: memoryview) -> int:
        try:
            return os.write(self.descriptor, view)
        except BlockingIOError:
            # Somebody we share the descriptor with made it non-blocking.
            _poll(self.descriptor, None)
            return 0

    def _lock(self) -> bool:
        """Take the lock between processes; False if its holder seems to be frozen."""
        give_up_at = time.monotonic() + _PATIENCE_S
        while True:
            try:
                fcntl.lockf(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in (errno.EACCES, errno.EAGAIN):
                    return False
            else:
                return True
            if not _poll(self.descriptor, 0):
                give_up_at = time.monotonic() + _PATIENCE_S  # not frozen: it waits for the reader, as we do
            elif time.monotonic() > give_up_at:
                return False
            time.sleep(_PAUSE_S)


def _poll(descriptor: int, timeout_ms: int | None) -> bool:
    """Whether a write would go on now, or would fail, which is as good."""
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(timeout_ms))


def _anonymous_file() -> int:
    """A file without a name, which needs no writable folder where the system has memfd_create(2)."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("onbeat-log-lock", os.MFD_CLOEXEC)
    with tempfile.TemporaryFile(prefix="onbeat-log-") as file:
        return fcntl.fcntl(file.fileno(), fcntl.F_DUPFD_CLOEXEC, 3)
