"""Descriptors 1 and 2 as sources of events: what C libraries and programs write past Python is caught here.

A pipe takes the place of each, and a thread turns its text into lines. The pipes are as big as the system
allows (1 MiB on Linux): code that writes more than that without releasing the interpreter lock would wait
for a thread that can't run.
"""

import codecs
import ctypes
import fcntl
import os
import select
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import IO

from scheduler.log_setup.line_writer import TOGETHER_S
from scheduler.log_setup.text_lines import DESCRIPTORS, LineSplitter, Stream, TakeLines

_PIPE_SIZE = 1024 * 1024
_CHUNK = 64 * 1024
_END_WITHIN_S = 1.0
_PRIVATE_FROM = 3
_STOP, _FLUSH = b"x", b"f"


class _Source:
    """One captured descriptor: the pipe's reading end and the text that has no newline yet."""

    def __init__(self, stream: Stream, reader: int) -> None:
        self.stream = stream
        self.reader = reader
        self.decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self.splitter = LineSplitter()


class CapturedDescriptors:
    """
    Descriptors 1 and 2 of this process, turned into lines.

    `drain()` takes all that was written before it, in the calling thread: so the lines of a run are known to
    be complete when the run ends. A forked child writes to its parent's pipes until `arm()` gives it its own.
    """

    def __init__(
        self, take_lines: TakeLines, every_second: Callable[[], None], flush: Callable[[], None]
    ) -> None:
        self._take_lines = take_lines
        self._every_second = every_second
        self._flush = flush
        self._sources: list[_Source] = []
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._orders: tuple[int, int] | None = None
        self._before = {number: private_copy(number) for number in DESCRIPTORS.values()}

    def arm(self) -> None:
        """Put fresh pipes in the place of 1 and 2, and read them."""
        if self._sources:
            return
        self._sources = [self._piped(stream, number) for stream, number in DESCRIPTORS.items()]
        self._orders = os.pipe()
        self._thread = threading.Thread(
            target=self._read, args=(self._orders[0],), name="onbeat-log-reader", daemon=True
        )
        self._thread.start()

    def drain(self, *, end_lines: bool) -> None:
        """Take what was written so far; `end_lines`: also the lines that have no newline yet."""
        if not self._sources:
            return
        _flush_c_library()
        with self._lock:
            for source in self._sources:
                while self._take_from(source):
                    pass
                if end_lines and (line := source.splitter.rest()):
                    self._take_lines([line], source.stream)

    def flush_soon(self) -> None:
        """Call `flush` in a moment, in the thread that reads. Safe in signal handlers."""
        if self._orders is None:
            self._flush()
        else:
            os.write(self._orders[1], _FLUSH)

    def disarm(self, *, restore: bool) -> None:
        """Take what is left, and read no more. `restore`: 1 and 2 are again what they were."""
        if self._thread is None or self._orders is None:
            return
        _flush_c_library()
        os.write(self._orders[1], _STOP)
        self._thread.join(_END_WITHIN_S)
        self.drain(end_lines=True)
        # What destructors write at the end has no reader: it must neither wait for one nor mix with JSON.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for number in DESCRIPTORS.values():
            os.dup2(self._before[number] if restore else nowhere, number)
        os.close(nowhere)
        self._thread = self._orders = None
        self._sources = []
        self._flush()

    def after_fork_in_child(self) -> None:
        """The parent reads these pipes. A child that held the reading end would hide the parent's death."""
        for descriptor in (*(source.reader for source in self._sources), *(self._orders or ())):
            os.close(descriptor)
        self._sources, self._thread, self._orders = [], None, None
        self._lock = threading.RLock()

    def _piped(self, stream: Stream, number: int) -> _Source:
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        _enlarge(writer)
        os.dup2(writer, number)  # dup2 makes the copy inheritable: programs that a job starts write here too
        os.close(writer)
        return _Source(stream, reader)

    def _read(self, orders: int) -> None:
        by_reader = {source.reader: source for source in self._sources}
        poll = select.poll()
        for descriptor in (*by_reader, orders):
            poll.register(descriptor, select.POLLIN)
        next_second, next_flush = time.monotonic() + 1, float("inf")
        while True:
            wait_s = min(next_second, next_flush) - time.monotonic()
            ready = {descriptor for descriptor, _ in poll.poll(max(wait_s, 0) * 1000)}
            if orders in ready:
                ready.remove(orders)
                if _STOP in os.read(orders, _CHUNK):
                    return
                next_flush = time.monotonic() + TOGETHER_S
            if time.monotonic() >= next_flush:
                next_flush = float("inf")
                self._flush()
            if time.monotonic() >= next_second:
                next_second = time.monotonic() + 1
                self._take_overdue()
            for descriptor in ready:
                with self._lock:
                    ended = self._take_from(by_reader[descriptor]) is None
                if ended:
                    poll.unregister(descriptor)  # a job closed descriptor 1 or 2: nothing will come any more

    def _take_overdue(self) -> None:
        with self._lock:
            for source in self._sources:
                if line := source.splitter.overdue():
                    self._take_lines([line], source.stream)
        self._every_second()

    def _take_from(self, source: _Source) -> int | None:
        """Take one chunk. Its size in bytes, 0 if there is none now, None if nobody can write any more."""
        try:
            chunk = os.read(source.reader, _CHUNK)
        except BlockingIOError:
            return 0
        if lines := source.splitter.lines(source.decoder.decode(chunk)):
            self._take_lines(lines, source.stream)
        return len(chunk) or None


def private_copy(descriptor: int) -> int:
    """A copy of the descriptor that no program started from here inherits."""
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _PRIVATE_FROM)


def write_through(stream: IO[str] | None) -> None:
    """Python's own text stream on a captured descriptor: its lines go out at once, not at exit."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(line_buffering=True, errors="backslashreplace")


def _enlarge(pipe: int) -> None:
    size = getattr(fcntl, "F_SETPIPE_SZ", None)
    if size is None:
        return
    try:
        fcntl.fcntl(pipe, size, _PIPE_SIZE)
    except PermissionError:
        return  # the user's pipes together are over the system's soft limit: the usual 64 KiB do as well


def _flush_c_library() -> None:
    """Push out what C's printf keeps in its buffer: on a pipe it would wait for 4 KiB."""
    library, stdout = _c_library()
    library.fflush(stdout)


@cache
def _c_library() -> tuple[ctypes.CDLL, ctypes.c_void_p]:
    """The library, and its stdout."""
    library = ctypes.CDLL(None)
    name = "stdout" if hasattr(library, "stdout") else "__stdoutp"  # glibc and musl; macOS
    return library, ctypes.c_void_p.in_dll(library, name)
