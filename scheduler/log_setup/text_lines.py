"""Text that comes in pieces, as the lines that a terminal would show."""

import io
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from scheduler.log_setup.json_lines import TEXT_LIMIT

Stream = Literal["stdout", "stderr"]
DESCRIPTORS: dict[Stream, int] = {"stdout": 1, "stderr": 2}
TakeLines = Callable[[Sequence[str], Stream], None]

_PATIENCE = 1  # seconds, about, that a line without newline waits for its end
_PATIENCE_WITH_BARS = 10  # a progress bar that is drawn anew every few seconds is still one line


class LineSplitter:
    """
    Collects pieces of text and gives whole lines back.

    A carriage return begins the line anew, so that a progress bar is one line: its last state. A line without
    end keeps its first 32 KiB and the count of the rest, so that memory stays bounded.
    """

    def __init__(self) -> None:
        self._line = ""
        self._missing = 0
        self._returned = False
        self._redrawn = False
        self._waited = 0

    def lines(self, text: str) -> list[str]:
        """The lines that `text` ended, without their newlines."""
        *ended, rest = text.split("\n")
        if "\r" not in text and len(self._line) + len(text) <= TEXT_LIMIT and not self._returned:
            return self._plain(ended, rest)
        found = []
        for piece in ended:
            self._add(piece)
            found.append(self._taken())
        self._add(rest)
        return found

    def rest(self) -> str | None:
        """The line that was begun and not ended, if any; it is then forgotten."""
        return self._taken() or None

    def overdue(self) -> str | None:
        """
        Asked once a second: the line that was begun and not ended, if nothing came for a while.

        So the last words of a job that hangs are seen before it is killed. What follows begins a new line.
        """
        self._waited += 1
        patience = _PATIENCE_WITH_BARS if self._line and self._redrawn else _PATIENCE
        return self.rest() if self._waited > patience else None

    def _plain(self, ended: list[str], rest: str) -> list[str]:
        """`lines` of what nearly every text is: without carriage returns, and short."""
        self._waited = 0
        if ended:
            ended[0] = self._line + ended[0]
            self._line, self._redrawn = rest, False
        else:
            self._line += rest
        return ended

    def _add(self, piece: str) -> None:
        self._waited = 0
        for number, part in enumerate(piece.split("\r")):
            self._returned = self._returned or number > 0
            if not part:
                continue
            if self._returned:
                self._line, self._missing, self._returned, self._redrawn = "", 0, False, True
            room = TEXT_LIMIT - len(self._line)
            self._line += part[:room]
            self._missing += max(len(part) - room, 0)

    def _taken(self) -> str:
        line = f"{self._line}… [cut: {self._missing} more characters]" if self._missing else self._line
        self._line, self._missing, self._returned, self._redrawn = "", 0, False, False
        return line


class LineStream(io.TextIOBase):
    """
    Stands in for sys.stdout and sys.stderr: each line that is printed becomes an event of its run.

    `print` writes its text and its newline one after the other, so each thread has a line of its own.
    `buffer` takes bytes; `fileno()` is the real descriptor, for programs that are started with
    `stdout=sys.stdout`.
    """

    def __init__(self, stream: Stream, take_lines: TakeLines) -> None:
        super().__init__()
        self._stream: Stream = stream
        self._take_lines = take_lines
        self._splitters: dict[int, LineSplitter] = {}
        self._lock = threading.RLock()
        self.buffer = _Bytes(self)

    encoding = "utf-8"
    errors = "backslashreplace"
    mode = "w"

    @property
    def name(self) -> str:
        return f"<{self._stream}>"

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        return DESCRIPTORS[self._stream]

    def close(self) -> None:
        """Do nothing: a job that closes its stdout must not silence the next."""

    def write(self, text: str, /) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        thread = threading.get_ident()
        with self._lock:
            splitter = self._splitters.get(thread)
            if splitter is None:
                splitter = self._splitters[thread] = LineSplitter()
            lines = splitter.lines(text)
        if lines:
            self._take_lines(lines, self._stream)
        return len(text)

    def end_lines(self, *, of_all_threads: bool) -> None:
        """Take the lines that were begun and not ended: this thread's, dead threads', or everybody's."""
        alive = {thread.ident for thread in threading.enumerate()} - {threading.get_ident()}
        with self._lock:
            ended = [ident for ident in self._splitters if of_all_threads or ident not in alive]
            lines = [self._splitters.pop(ident).rest() for ident in ended]
        self._take(lines)

    def take_overdue(self) -> None:
        """Asked once a second: take the lines that have waited long for their end."""
        with self._lock:
            lines = [splitter.overdue() for splitter in self._splitters.values()]
        self._take(lines)

    def forget(self) -> None:
        """After a fork: what was begun is the parent's to end."""
        self._splitters = {}
        self._lock = threading.RLock()

    def _take(self, lines: Iterable[str | None]) -> None:
        if some := [line for line in lines if line]:
            self._take_lines(some, self._stream)


class _Bytes(io.RawIOBase):
    """`sys.stdout.buffer`: bytes for the same lines."""

    def __init__(self, text: LineStream) -> None:
        super().__init__()
        self._text = text

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._text.fileno()

    def write(self, data: object, /) -> int:
        content = bytes(data)  # type: ignore[call-overload]  # any buffer, as RawIOBase promises
        self._text.write(content.decode("utf-8", "backslashreplace"))
        return len(content)

    def close(self) -> None:
        """Do nothing, as the text stream."""


def end_lines(streams: Iterable[object], *, of_all_threads: bool) -> None:
    """`end_lines` of those that are ours: a test or a job may have put another in place."""
    for stream in streams:
        if isinstance(stream, LineStream):
            stream.end_lines(of_all_threads=of_all_threads)
