"""A run's own log: its lines, gathered and kept in the store a few times a second."""

import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from scheduler import log_setup
from scheduler.errors import Unreachable
from scheduler.log_setup import emit, json_line
from scheduler.store.logs import Logs

FLUSH_EVERY_S: Final = 0.25
BATCH: Final = 200


class RunLog:
    """Takes the lines of one run from any thread. A run that writes nothing costs nothing."""

    def __init__(self, logs: Logs, run_id: str, keep_for: timedelta) -> None:
        self._logs = logs
        self.run_id = run_id
        self._keep_for = keep_for
        self._lines: list[str] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._flusher: threading.Thread | None = None
        self._failed = False

    def take(self, line: Mapping[str, Any]) -> None:
        """Keep one line."""
        with self._lock:
            self._lines.append(json_line(dict(line)).decode())
            full = len(self._lines) >= BATCH
            if self._flusher is None:
                self._flusher = threading.Thread(target=self._flush_on, name="run-log", daemon=True)
                self._flusher.start()
        if full:
            self._flush()

    def close(self) -> None:
        """Write what is left."""
        self._closing.set()
        self._flush()

    def _flush_on(self) -> None:
        while not self._closing.wait(FLUSH_EVERY_S):
            self._flush()

    def _flush(self) -> None:
        with self._lock:
            lines, self._lines = self._lines, []
        if not lines or self._failed:
            return
        try:
            self._logs.append(self.run_id, lines, keep_for=self._keep_for)
        except Unreachable as error:
            self._failed = True
            emit("log.sink_failed", error=str(error), run_id=self.run_id)


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
