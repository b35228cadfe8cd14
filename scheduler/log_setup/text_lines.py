"""Text that comes in pieces, as the lines that a terminal would show."""

import io
import threading
from collections.abc import Callable, Iterable
from typing import Literal

from scheduler.log_setup.json_lines import TEXT_LIMIT

Stream = Literal["stdout", "stderr"]
DESCRIPTORS: dict[Stream, int] = {"stdout": 1, "stderr": 2}
TakeLine = Callable[[str, Stream], None]


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

    def lines(self, text: str) -> list[str]:
        """The lines that `text` ended, without their newlines."""
        *ended, rest = text.split("\n")
        found = []
        for piece in ended:
            self._add(piece)
            found.append(self._taken())
        self._add(rest)
        return found

    def rest(self) -> str | None:
        """The line that was begun and not ended, if any; it is then forgotten."""
        return self._taken() or None

    def _add(self, piece: str) -> None:
        for number, part in enumerate(piece.split("\r")):
            self._returned = self._returned or number > 0
            if not part:
                continue
            if self._returned:
                self._line, self._missing, self._returned = "", 0, False
            room = TEXT_LIMIT - len(self._line)
            self._line += part[:room]
            self._missing += max(len(part) - room, 0)

    def _taken(self) -> str:
        line = f"{self._line}… [cut: {self._missing} more characters]" if self._missing else self._line
        self._line, self._missing, self._returned = "", 0, False
        return line


class LineStream(io.TextIOBase):
    """
    Stands in for sys.stdout and sys.stderr: each line that is printed becomes an event of its run.

    `print` writes its text and its newline one after the other, so each thread has a line of its own.
    `buffer` takes bytes; `fileno()` is the real descriptor, for programs that are started with
    `stdout=sys.stdout`.
    """

    def __init__(self, stream: Stream, take_line: TakeLine) -> None:
        super().__init__()
        self._stream = stream
        self._take_line = take_line
        self._splitters: dict[int, LineSplitter] = {}
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
        splitter = self._splitters.setdefault(threading.get_ident(), LineSplitter())
        for line in splitter.lines(text):
            self._take_line(line, self._stream)
        return len(text)

    def end_lines(self, *, of_all_threads: bool) -> None:
        """Take the lines that were begun and not ended: this thread's, dead threads', or everybody's."""
        alive = {thread.ident for thread in threading.enumerate()} - {threading.get_ident()}
        for ident in list(self._splitters):
            if (of_all_threads or ident not in alive) and (line := self._splitters.pop(ident).rest()):
                self._take_line(line, self._stream)

    def forget(self) -> None:
        """After a fork: what was begun is the parent's to end."""
        self._splitters = {}


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
