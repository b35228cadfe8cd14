"""A program run under a warden: its output as lines while it comes, its end, and no way for it to outlive
us.
"""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Self

from scheduler.builtin.output_lines import OutputLines

Stream = Literal["stdout", "stderr"]
STOP_GRACE_S = 5.0
_AFTER_GRACE_S = 11.0  # what the warden itself needs at most, once the grace is over
_WARDEN = Path(__file__).with_name("warden.py")
_PIPE_BYTES = 1024 * 1024  # Linux's largest pipe for a user: more can't be waiting in one


class WardenLost(Exception):
    """The warden was killed from outside, e.g. for want of memory; its command was killed then too."""


class WatchedProcess:
    """One program, started at `with`. `on_lines(stream, lines)` is called for the lines it writes.

    Leaving the block by an exception ends the program: SIGTERM to all it has started, then after
    STOP_GRACE_S SIGKILL; its last words still reach `on_lines`. `left` counts processes which it left running
    and which had to be ended. Raises OSError where it can't be started.
    """

    def __init__(
        self,
        program: str,
        argv: Sequence[str],
        *,
        cwd: str | None,
        env: Mapping[str, str],
        on_lines: Callable[[Stream, Sequence[str]], None],
    ) -> None:
        self.left = 0
        self._exit_code: int | None = None
        self._on_lines = on_lines
        self._group: int | None = None
        self._selector = selectors.DefaultSelector()
        self._words = OutputLines()
        self._lines: dict[Stream, OutputLines] = {"stdout": OutputLines(), "stderr": OutputLines()}
        control, self._control = os.pipe()
        self._status, status = os.pipe()
        try:
            self._warden = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_WARDEN), str(control), str(status), program, *argv],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                cwd=cwd,
                env=dict(env),
                pass_fds=(control, status),
                start_new_session=True,
            )
        except BaseException:
            self._close_own_ends()
            raise
        finally:
            os.close(control)
            os.close(status)
        self._outputs = _outputs(self._warden)
        for stream, output in self._outputs.items():
            self._selector.register(output, selectors.EVENT_READ, stream)
        self._selector.register(self._status, selectors.EVENT_READ, "status")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if error is not None and self._exit_code is None:
                self._stop()
        finally:
            self._close()

    def exit_code(self) -> int:
        """Handle the output until the program has ended; its exit code, negative for a signal."""
        while self._exit_code is None:
            self._turn(None)
        self._drain()
        return self._exit_code

    def _turn(self, seconds: float | None) -> None:
        """Read what is there, or wait for it: one read a stream, so that no stream starves another."""
        for key, _ in self._selector.select(seconds):
            chunk = os.read(key.fd, 64 * 1024)
            if key.data == "status":
                self._hear(chunk)
            elif chunk:
                self._say(key.data, self._lines[key.data].feed(chunk))
            else:
                self._selector.unregister(key.fileobj)

    def _hear(self, chunk: bytes) -> None:
        """The warden's words; see its docstring."""
        if not chunk:
            self._kill_group()
            raise WardenLost
        for line in self._words.feed(chunk):
            match line.split():
                case ["group", group]:
                    self._group = int(group)
                case ["errno", number]:
                    self._exit_code = 127
                    raise OSError(int(number), os.strerror(int(number)))
                case ["exited", code, left]:
                    self._exit_code, self.left = int(code), int(left)

    def _drain(self) -> None:
        """Read what the program wrote last. Its end was told by the warden, not by the pipes' end: a daemon
        that it started on purpose may hold them open.
        """
        for stream, output in self._outputs.items():
            os.set_blocking(output.fileno(), False)
            left = _PIPE_BYTES
            while left > 0 and (chunk := output.read(64 * 1024)):
                left -= len(chunk)
                self._say(stream, self._lines[stream].feed(chunk))
            self._say(stream, self._lines[stream].close())

    def _say(self, stream: Stream, lines: Sequence[str]) -> None:
        if lines:
            self._on_lines(stream, lines)

    def _stop(self) -> None:
        try:
            os.write(self._control, f"stop {STOP_GRACE_S}\n".encode())
        except BrokenPipeError:
            self._kill_group()
            return
        until = time.monotonic() + STOP_GRACE_S + _AFTER_GRACE_S
        while self._exit_code is None and (remaining := until - time.monotonic()) > 0:
            self._turn(remaining)
        self._drain()

    def _kill_group(self) -> None:
        """Without a warden the group is all that we know of the program."""
        if self._group is not None:
            try:
                os.killpg(self._group, signal.SIGKILL)
            except ProcessLookupError:
                self._group = None

    def _close(self) -> None:
        """Close our ends, which is an order to kill what still lives, and take the warden's exit status."""
        self._close_own_ends()
        for output in self._outputs.values():
            output.close()
        self._warden.wait(_AFTER_GRACE_S)

    def _close_own_ends(self) -> None:
        self._selector.close()
        os.close(self._control)
        os.close(self._status)


def _outputs(process: subprocess.Popen[bytes]) -> dict[Stream, IO[bytes]]:
    if process.stdout is None or process.stderr is None:
        raise AssertionError("PIPE was asked for")
    return {"stdout": process.stdout, "stderr": process.stderr}
