"""Whole lines to one descriptor, from many threads and many processes at once.

A line longer than PIPE_BUF (4096 bytes) may leave in several pieces when the pipe is nearly full: without a
lock another process could write in between. The lock is a POSIX record lock (fcntl(2)) on an anonymous file
that forked children inherit; the kernel drops it when its holder dies.

Of a flood, more than 1,000 lines a second, what comes within 10 ms is written together: each write wakes who reads
it, which would cost the job ten times what its line costs.
"""

import errno
import fcntl
import os
import select
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable

# A process that is frozen (SIGSTOP) while it holds the lock would silence all others: better two mixed lines.
_PATIENCE_S = 2.0
_PAUSE_S = 0.0005
TOGETHER_S = 0.01
_MANY = 10  # lines within that time
_ENOUGH = 64 * 1024  # bytes: what a pipe takes at once


class LineWriter:
    """
    Writes each line whole. Safe in threads, in signal handlers, and in children after `after_fork_in_child`.

    When nobody reads any more (EPIPE) it turns silent and says so by `broken`; it never raises.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.broken = False
        # Told that something waits, it calls `flush` within TOGETHER_S, in another thread. None: nothing waits, ever.
        self.flush_soon: Callable[[], None] | None = None
        self._told = False
        self._lock_file = _anonymous_file()
        self._begin()

    def fileno(self) -> int:
        """The descriptor that it writes to."""
        return self.descriptor

    def write(self, line: bytes, *, may_wait: bool = False) -> None:
        """Write one line, or several that must stay together. Blocks while the reader is slow.

        `may_wait`: in a flood, with those that follow at once. A process that is killed (SIGKILL) takes with it what
        waits: 10 ms of a flood.
        """
        self._waiting.append(line)
        with self._threads:
            if may_wait and self.flush_soon is not None and self._is_flood(len(line)):
                if not self._told:
                    self._told = True
                    self.flush_soon()
                return
            self._flush()

    def flush(self) -> None:
        """Write what waits."""
        with self._threads:
            self._flush()

    def after_fork_in_child(self) -> None:
        """The parent's threads, and what they were about to write, are the parent's."""
        self._begin()

    def _begin(self) -> None:
        self._threads = threading.RLock()
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._writing = False
        self._torn = False
        self._window_ends_s = 0.0
        self._lines = 0
        self._flood = False
        self._told = False

    def _is_flood(self, size: int) -> bool:
        now_s = time.monotonic()
        if now_s >= self._window_ends_s:
            just_before = now_s < self._window_ends_s + TOGETHER_S
            self._flood = just_before and self._lines >= _MANY
            self._lines, self._window_ends_s = 0, now_s + TOGETHER_S
            return False
        self._lines += 1
        self._waiting_bytes += size
        return self._flood and self._waiting_bytes <= _ENOUGH

    def _flush(self) -> None:
        if self._writing:
            return  # a signal handler interrupted this very thread in mid-line: the outer call goes on
        self._writing = True
        self._told, self._waiting_bytes = False, 0
        try:
            while self._waiting:
                self._write_whole(self._next())
        finally:
            self._writing = False

    def _next(self) -> bytes:
        """The first line that waits, with as many of the others as a pipe takes at once."""
        some, size = [], 0
        while self._waiting and size < _ENOUGH:
            some.append(self._waiting.popleft())
            size += len(some[-1])
        return b"".join(some)

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
