"""One process of the tree: started in a session of its own, its output read as lines, its end noticed."""

import errno
import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from scheduler.log_setup.text_lines import Stream
from scheduler.parent_death import ending_with_parent
from scheduler.up.pauses import Pauses

_CHUNK = 64 * 1024
_CHUNKS_A_TURN = 16  # a child that never stops writing must not keep the tree from its other work
_LINE_LIMIT = 1024 * 1024
_LAST_WORDS = 30


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """What to run: its name in the log, the command (its program an absolute path), its whole environment."""

    name: str
    argv: Sequence[str]
    environ: Mapping[str, str]


class _Pipe:
    """One of a child's two streams: the end that we read, and the line that has no newline yet."""

    def __init__(self, stream: Stream, reader: IO[bytes]) -> None:
        self.stream = stream
        self.reader = reader
        self._begun = bytearray()
        os.set_blocking(reader.fileno(), False)

    def lines(self) -> Iterator[bytes]:
        """The lines that are there now, some chunks of them. At the end of the stream it closes."""
        for _ in range(_CHUNKS_A_TURN):
            if (chunk := self._chunk()) is None:
                return
            if not chunk:
                self.close()
                yield from self.rest()
                return
            *ended, begun = chunk.split(b"\n")
            for piece in ended:
                yield bytes(self._begun + piece)
                self._begun.clear()
            self._begun += begun
            if len(self._begun) > _LINE_LIMIT:
                yield from self.rest()

    def rest(self) -> Iterator[bytes]:
        """The line that was begun and will not be ended."""
        if self._begun:
            yield bytes(self._begun)
            self._begun.clear()

    def close(self) -> None:
        self.reader.close()

    def _chunk(self) -> bytes | None:
        if self.reader.closed:
            return None
        try:
            return os.read(self.reader.fileno(), _CHUNK)
        except BlockingIOError:
            return None


class Child:
    """A process that is started again when it ends. Start it from the main thread (see parent_death)."""

    def __init__(self, spec: ChildSpec, directory: Path) -> None:
        self.spec = spec
        self.pauses = Pauses()
        self.start_at_s: float | None = None
        self.last_words: deque[str] = deque(maxlen=_LAST_WORDS)
        self.last_error: Mapping[str, Any] | None = None
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self._pipes: list[_Pipe] = []
        self._started_s = 0.0
        self._asked_to_stop = False

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start it, in the tree's folder. Raises OSError if the program can't be run."""
        process = subprocess.Popen(
            ending_with_parent(self.spec.argv),
            cwd=self._directory,
            env=dict(self.spec.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdout is not None  # noqa: S101 - both are PIPE
        assert process.stderr is not None  # noqa: S101
        self._process = process
        self._pipes = [_Pipe("stdout", process.stdout), _Pipe("stderr", process.stderr)]
        self._started_s = time.monotonic()
        self.start_at_s = None
        self._asked_to_stop = False
        self.last_words.clear()
        self.last_error = None

    def descriptors(self) -> list[int]:
        """What to wait on for its output."""
        return [pipe.reader.fileno() for pipe in self._pipes if not pipe.reader.closed]

    def lines(self) -> Iterator[tuple[bytes, Stream]]:
        """What it wrote and was not read yet."""
        for pipe in self._pipes:
            for line in pipe.lines():
                yield line, pipe.stream

    def has_ended(self) -> bool:
        """Whether it ended; it is still a zombie then, so that its id can't be another's."""
        if self._process is None:
            return False
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self._process.pid, options) is not None

    def reap(self) -> tuple[int, float]:
        """
        After its end: kill what is left of its process group, and bury it.

        Returns its exit code as a shell gives it (128 + the signal's number), and how many seconds it lived.
        """
        assert self._process is not None  # noqa: S101 - has_ended() said so
        self.kill()
        code = self._process.wait()
        self._process = None
        return code if code >= 0 else 128 - code, time.monotonic() - self._started_s

    def rest(self) -> Iterator[tuple[bytes, Stream]]:
        """After its end: the last it wrote; the pipes are closed, whoever else may hold them."""
        for pipe in self._pipes:
            for line in (*pipe.lines(), *pipe.rest()):
                yield line, pipe.stream
            pipe.close()
        self._pipes = []

    def send(self, number: signal.Signals) -> None:
        """Send the process, not its group, a signal; nothing if it does not run."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    def ask_to_stop(self) -> None:
        """Send SIGTERM, once: a worker takes a second one as "at once"."""
        if not self._asked_to_stop:
            self._asked_to_stop = self._process is not None
            self.send(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the process and its whole group."""
        if self._process is None:
            return
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except OSError as error:
            if error.errno not in (
                errno.ESRCH,
                errno.EPERM,
            ):  # nobody is left in it; on macOS only zombies are
                raise
