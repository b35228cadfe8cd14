"""A run's own log: its lines, gathered and kept in the store a few times a second."""

import threading
from collections import deque
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from scheduler import log_setup
from scheduler.errors import Unreachable
from scheduler.log_setup import emit
from scheduler.store.logs import FIRST_LINES, LAST_BYTES, LAST_LINES, Logs, kept_text

FLUSH_EVERY_S: Final = 0.25
FLUSH_FLOOD_EVERY_S: Final = 1.0


class _Gathered:
    """Lines that wait to be kept: as many as the store would keep of them, so that a flood fills no memory.

    None is written as JSON before it is clear that it stays: of a flood nearly none does.
    """

    def __init__(self) -> None:
        self.first: list[Mapping[str, Any]] = []
        self.left_out = 0
        self.last: deque[Mapping[str, Any]] = deque()
        self._size = 0

    def add(self, line: Mapping[str, Any]) -> None:
        if len(self.first) < FIRST_LINES and not self.last:
            self.first.append(line)
            return
        self.last.append(line)
        self._size += _size(line)
        while len(self.last) > LAST_LINES or (self._size > LAST_BYTES and len(self.last) > 1):
            self._size -= _size(self.last.popleft())
            self.left_out += 1


def _size(line: Mapping[str, Any]) -> int:
    return len(str(line.get("message")))


class RunLog:
    """Takes the lines of one run from any thread. A run that writes nothing costs nothing."""

    def __init__(self, logs: Logs, run_id: str, keep_for: timedelta) -> None:
        self._logs = logs
        self.run_id = run_id
        self._keep_for = keep_for
        self._gathered = _Gathered()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._flusher: threading.Thread | None = None
        self._failed = False

    def take(self, line: Mapping[str, Any]) -> None:
        """Keep one line."""
        with self._lock:
            self._gathered.add(line)
            if self._flusher is None:
                self._flusher = threading.Thread(target=self._flush_on, name="run-log", daemon=True)
                self._flusher.start()

    def close(self) -> None:
        """Write what is left."""
        self._closing.set()
        self._flush()

    def _flush_on(self) -> None:
        wait_s = FLUSH_EVERY_S
        while not self._closing.wait(wait_s):
            # Of a flood most lines are replaced before anybody reads them: the store is to keep few of them.
            wait_s = min(2 * wait_s, FLUSH_FLOOD_EVERY_S) if self._flush() else FLUSH_EVERY_S

    def _flush(self) -> bool:
        """Keep what was gathered; whether it was more than the store keeps."""
        with self._lock:
            some, self._gathered = self._gathered, _Gathered()
        if not some.first or self._failed:
            return False
        try:
            self._logs.append(
                self.run_id,
                [kept_text(line) for line in some.first],
                keep_for=self._keep_for,
                left_out=some.left_out,
                after=[kept_text(line) for line in some.last],
            )
        except Unreachable as error:
            self._failed = True
            emit("log.sink_failed", error=str(error), run_id=self.run_id)
        return some.left_out > 0


class RunLogs:
    """The logs of the runs that this process executes at this moment: several, in a pool of threads."""

    def __init__(self) -> None:
        self._logs: dict[str, RunLog] = {}

    def begin(self, log: RunLog) -> None:
        """Keep the lines of this run from now on."""
        self._logs[log.run_id] = log
        log_setup.set_run_sink(self.take)

    def end(self, log: RunLog) -> None:
        """The run is over: write what is left of its lines."""
        self._logs.pop(log.run_id, None)
        log.close()

    def take(self, line: Mapping[str, Any]) -> None:
        """Keep a line with its own run."""
        if (log := self._logs.get(str(line.get("run_id")))) is not None:
            log.take(line)
