"""The one way out: every line of this process passes here, gets its time and place, and leaves whole."""

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from scheduler.events import BASE_FIELDS, LEVELS, RUN_FIELDS, Level
from scheduler.log_setup.console import render_console
from scheduler.log_setup.flood import Flood
from scheduler.log_setup.json_lines import described, encoded_line, json_lines, json_value, rfc3339
from scheduler.log_setup.line_writer import LineWriter
from scheduler.log_setup.text_lines import Stream

RunSink = Callable[[dict[str, Any]], None]

# What a person expects to find in `onbeat logs` of a run.
_FOR_THE_SINK = frozenset(
    {"run.log", "python.warning", "thread.crashed", "python.unraisable", "log.repeated"}
)
_RESERVED = frozenset(BASE_FIELDS)
_LINES_AT_ONCE = 200  # about as much as a pipe takes: 64 KiB


class Pipeline:
    """
    Stamps, counts, renders and writes. One for each process, and each forked child has a copy.

    `now` is this process's own clock: a log line tells when it was written, not when something was due.
    """

    def __init__(
        self, process: str, *, writer: LineWriter, console: bool, colour: bool, level: Level
    ) -> None:
        self.process = process
        self.writer = writer
        self.sink: RunSink | None = None
        self._console = console
        self._colour = colour
        self._threshold = LEVELS.index(level)
        self._host = socket.gethostname()
        self._pid = os.getpid()
        self._flood = Flood()
        self._flood_lock = threading.RLock()  # a signal handler may warn in the middle of a warning
        self._in_sink = threading.local()

    def deliver(self, name: str, level: Level, fields: Mapping[str, Any], *, limited: bool = False) -> None:
        """Write one event. `limited`: of many that are alike only a few are shown, then a count."""
        if limited and not self._is_let_through(name, level, fields):
            return
        self._deliver(name, level, fields)
        if self._flood.is_due(time.monotonic()):
            self.tell_counts()

    def deliver_all(
        self, name: str, level: Level, names: Sequence[str], rows: Iterable[Sequence[Any]]
    ) -> None:
        """Write many events of one kind, each a row of values for the fields `names`."""
        if self._console or name in _FOR_THE_SINK:
            for row in rows:
                self.deliver(name, level, dict(zip(names, row, strict=True)))
        elif LEVELS.index(level) >= self._threshold:
            lines = json_lines(self._stamp(name, level), names, rows)
            for first in range(0, len(lines), _LINES_AT_ONCE):
                self.writer.write(b"".join(lines[first : first + _LINES_AT_ONCE]))

    def tell_counts(self, *, everything: bool = False) -> None:
        """Say how often held-back warnings came again: those that are due, or all of them."""
        with self._flood_lock:
            told = self._flood.counts(time.monotonic(), everything=everything)
        for event, repeated in told:
            self._deliver("log.repeated", event["level"], {**event["fields"], "repeated": repeated})

    def relay(self, line: bytes, process: str, stream: Stream) -> dict[str, Any]:
        """Write a line of another process: as it is if it is an event, else as that process's output."""
        event = _event_in(line)
        if event is None:
            text = line.decode("utf-8", "backslashreplace").rstrip("\r")
            fields = {"message": text, "stream": stream}
            event = self._document("process.output", "info", fields, process=process)
            if text.strip():
                self._write(event)
        elif self._console:
            self._write(event)
        else:
            self.writer.write(line + b"\n")
        return event

    def after_fork_in_child(self) -> None:
        """The child has its own process id, and counts its own warnings."""
        self._pid = os.getpid()
        self._flood = Flood()
        self._flood_lock = threading.RLock()
        self.writer.after_fork_in_child()

    def _is_let_through(self, name: str, level: Level, fields: Mapping[str, Any]) -> bool:
        told = ("run_id", "logger", "category", "message", "file", "line")
        key = (name, level, *(str(fields.get(field)) for field in told))
        with self._flood_lock:
            return self._flood.lets_through(key, {"level": level, "fields": fields}, time.monotonic())

    def _deliver(self, name: str, level: Level, fields: Mapping[str, Any]) -> None:
        document = self._document(name, level, fields)
        if self.sink is not None and name in _FOR_THE_SINK and "run_id" in document:
            self._hand_to_sink(self.sink, document)
        if LEVELS.index(level) >= self._threshold:
            self._write(document)

    def _document(
        self, name: str, level: Level, fields: Mapping[str, Any], *, process: str | None = None
    ) -> dict[str, Any]:
        stamped = self._stamp(name, level, process=process)
        for field in RUN_FIELDS:
            if field in fields:
                stamped[field] = fields[field]
        for field, value in fields.items():
            stamped[f"{field}_" if field in _RESERVED else field] = value
        document: dict[str, Any] = json_value(stamped)
        return document

    def _stamp(self, name: str, level: Level, *, process: str | None = None) -> dict[str, Any]:
        return {
            "timestamp": rfc3339(datetime.now(UTC)),
            "level": level,
            "event": name,
            "process": process or self.process,
            "host": self._host,
            "pid": self._pid,
        }

    def _write(self, document: Mapping[str, Any]) -> None:
        if self._console:
            self.writer.write(f"{render_console(document, colour=self._colour)}\n".encode())
        else:
            self.writer.write(encoded_line(document))

    def _hand_to_sink(self, sink: RunSink, document: dict[str, Any]) -> None:
        if getattr(self._in_sink, "busy", False):
            return  # the sink itself logs: that line goes to stdout only
        self._in_sink.busy = True
        try:
            sink(document)
        except Exception as error:  # noqa: BLE001 - the store is down, say: the job must not fail for its log
            self.sink = None
            run = {field: document[field] for field in RUN_FIELDS if field in document}
            self._write(self._document("log.sink_failed", "error", {**run, "error": described(error)}))
        finally:
            self._in_sink.busy = False


def _event_in(line: bytes) -> dict[str, Any] | None:
    if not line.startswith(b"{"):
        return None
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None
