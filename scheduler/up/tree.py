"""`onbeat up` at work: starts the server and the children, relays what they say, restarts and drains them."""

import os
import re
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

from scheduler.embedded import EmbeddedServer
from scheduler.errors import OnbeatError, Unreachable
from scheduler.log_setup import emit, reader_is_gone, relay_line
from scheduler.log_setup.text_lines import Stream
from scheduler.up.child import Child, ChildSpec
from scheduler.up.pauses import Pauses, Verdict

_TURN_S = 1.0
_AFTER_GRACE_S = 5.0
_STOPPING = (signal.SIGTERM, signal.SIGINT)
_STOPS_TO_LEAVE = 3
EXIT_AT_ONCE = 130

MakeChildren = Callable[[str | None], Sequence[ChildSpec]]


class ChildFailed(OnbeatError):
    """A child can't start. `said` is what it told about that, line by line; its last error event and its stderr."""

    def __init__(self, child: Child, code: int) -> None:
        said = list(child.last_words)
        event = child.last_error or {}
        for problem in event.get("problems") or ():
            said += str(problem).split("\n")
        reasons = [match[1] for line in said if (match := re.match(r"error: (.*)", line))]
        hints = [match[1] for line in said if (match := re.match(r"\s*hint: (.*)", line))]
        reason = "; ".join(reasons) or event.get("error") or f"it ended with exit code {code}"
        hint = hints[-1] if hints else event.get("hint")
        super().__init__(f"the {child.name} can't start: {reason}", hint=hint)
        self.exit_code = code
        self.said = tuple(said)


class Tree:
    """
    The processes of one `onbeat up`.

    `run` returns the exit code after SIGTERM or Ctrl-C: 0, or 130 if a second one cut the drain short. `grace` is
    what running jobs get to end. With `server` None the children use a server of their own.
    """

    def __init__(self, *, directory: Path, grace: timedelta, server: EmbeddedServer | None = None) -> None:
        self._directory = directory
        self._grace_s = grace.total_seconds() + _AFTER_GRACE_S
        self._server = server
        self._server_pauses = Pauses()
        self._server_start_s = 0.0
        self._server_again_s: float | None = None
        self._children: list[Child] = []
        self._stop_reason: str | None = None
        self._stops = 0
        self._failure: OnbeatError | None = None

    def run(self, make_children: MakeChildren) -> int:
        """
        1. Start the server. 2. Start the children that `make_children` makes of its URL. 3. Relay and restart.
        4. When asked to stop, or when a child can't start: end the children, beat and worker together.
        5. Stop the server.

        Raises ChildFailed with the child's exit code, and Unreachable if the server can't start.
        """
        with self._signals() as wake:
            try:
                url = self._start_server()
                if not self._stops:
                    self._start_children(make_children(url))
                self._watch(wake)
                self._drain(wake)
            finally:
                self._end_all()
        if self._failure is not None:
            raise self._failure
        return EXIT_AT_ONCE if self._stops > 1 else 0

    def _start_server(self) -> str | None:
        if self._server is None:
            return None
        self._server_start_s = time.monotonic()
        try:
            url = self._server.start(given_up=lambda: self._stops > 0)
        except Unreachable as error:
            emit("child.given_up", child="server", error=str(error), hint=error.hint)
            raise
        emit("server.started", url=url, server_pid=self._server.pid)
        return url

    def _start_children(self, specs: Sequence[ChildSpec]) -> None:
        for spec in specs:
            child = Child(spec, self._directory)
            self._children.append(child)
            child.start()
            emit("child.started", child=child.name, child_pid=child.pid)

    def _watch(self, wake: int) -> None:
        while not self._stops and self._failure is None:
            self._turn(wake, self._until_next_start())
            for child in self._children:
                if child.has_ended():
                    self._after_end(child)
                elif (
                    child.start_at_s is not None and child.start_at_s <= time.monotonic() and not self._stops
                ):
                    child.start()
                    emit("child.started", child=child.name, child_pid=child.pid)
            self._look_after_server()
            if reader_is_gone():
                self._ask_to_stop("nobody reads the log")

    def _drain(self, wake: int) -> None:
        reason = self._stop_reason or (str(self._failure) if self._failure else "the end")
        emit("up.draining", reason=reason)
        for child in self._children:
            child.ask_to_stop()
        give_up_at = time.monotonic() + self._grace_s
        killed = False
        while running := [child for child in self._children if child.pid is not None]:
            left = give_up_at - time.monotonic()
            if not killed and (left <= 0 or self._stops > 1):
                killed = True
                for child in running:
                    emit("child.killed", child=child.name)
                    child.kill()
            self._turn(wake, _TURN_S if killed else min(left, _TURN_S))
            for child in running:
                if child.has_ended():
                    child.reap()
                    self._relay(child.rest(), child)

    def _turn(self, wake: int, wait_s: float) -> None:
        """Wait for output, a signal or the time; relay what there is."""
        poll = select.poll()
        for descriptor in (wake, *(number for child in self._children for number in child.descriptors())):
            poll.register(descriptor, select.POLLIN)
        ready = {descriptor for descriptor, _ in poll.poll(wait_s * 1000)}
        if wake in ready:
            os.read(wake, 512)
        for child in self._children:
            if ready.intersection(child.descriptors()):
                self._relay(child.lines(), child)

    def _relay(self, lines: Iterator[tuple[bytes, Stream]], child: Child) -> None:
        for line, stream in lines:
            event = relay_line(line, child.name, stream)
            if event["event"] == "process.output" and event.get("stream") == "stderr":
                child.last_words.append(str(event["message"]))
            if event.get("level") in ("error", "critical") and "error" in event:
                child.last_error = event

    def _after_end(self, child: Child) -> None:
        code, lived_s = child.reap()
        self._relay(child.rest(), child)
        if self._stops:
            return
        emit("child.exited", child=child.name, exit_code=code, lived_s=round(lived_s, 1))
        verdict, wait_s = child.pauses.after(code, lived_s)
        if verdict is Verdict.RESTART:
            child.start_at_s = time.monotonic() + wait_s
            emit("child.restarting", child=child.name, wait_s=wait_s)
            return
        self._failure = failure = ChildFailed(child, code or 1)
        emit("child.given_up", child=child.name, exit_code=code, error=str(failure), hint=failure.hint)

    def _look_after_server(self) -> None:
        if self._server is None or self._stops or (code := self._server.exit_code()) is None:
            return
        now_s = time.monotonic()
        if self._server_again_s is None:
            emit("child.exited", child="server", exit_code=code if code >= 0 else 128 - code)
            verdict, wait_s = self._server_pauses.after(1, now_s - self._server_start_s)
            if verdict is Verdict.GIVE_UP:
                self._failure = Unreachable(
                    "the embedded server ends again and again", hint=f"its log is {self._server.log}"
                )
                return
            emit("child.restarting", child="server", wait_s=wait_s)
            self._server_again_s = now_s + wait_s
        elif now_s >= self._server_again_s:
            self._server_again_s = None
            self._restart_server()

    def _restart_server(self) -> None:
        try:
            self._start_server()
        except Unreachable as error:
            self._failure = error

    def _until_next_start(self) -> float:
        now_s = time.monotonic()
        waits = [child.start_at_s - now_s for child in self._children if child.start_at_s is not None]
        return max(min([_TURN_S, *waits]), 0.0)

    def _end_all(self) -> None:
        for child in self._children:
            if child.pid is not None:
                child.kill()
                child.reap()
            for _ in child.rest():
                pass
        if self._server is None:
            return
        ran = self._server.pid is not None
        if not self._server.stop():
            emit("child.killed", child="server")
        elif ran:
            emit("server.stopped")

    # Signals: the handlers run between two steps of the main thread, also while it waits to write to stdout.

    @contextmanager
    def _signals(self) -> Iterator[int]:
        wake, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        before_wakeup = signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        handlers: dict[signal.Signals, Any] = {
            **dict.fromkeys(_STOPPING, self._on_stop),
            signal.SIGHUP: self._on_hangup,
            signal.SIGCHLD: lambda *_: None,  # with a handler, however empty, it wakes the poll
        }
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield wake
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(before_wakeup)
            os.close(wake)
            os.close(waker)

    def _on_stop(self, number: int, _: FrameType | None) -> None:
        self._ask_to_stop("Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name)

    def _on_hangup(self, number: int, frame: FrameType | None) -> None:
        """On a terminal: it was closed. Elsewhere, as for the beat itself: read the schedules again."""
        if sys.__stdin__ is not None and not sys.__stdin__.closed and sys.__stdin__.isatty():
            self._on_stop(number, frame)
            return
        for child in self._children:
            if child.name == "beat":
                child.send(signal.SIGHUP)

    def _ask_to_stop(self, reason: str) -> None:
        self._stops += 1
        self._stop_reason = self._stop_reason or reason
        for child in self._children:
            if self._stops == 1:
                child.ask_to_stop()
            else:
                child.kill()
        if self._stops >= _STOPS_TO_LEAVE:
            os._exit(EXIT_AT_ONCE)  # the reader of stdout is stuck, say; the server ends with its parent
