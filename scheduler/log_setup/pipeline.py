"""The one way out: every line of this process passes here, gets its time and place, and leaves whole."""

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from scheduler.events import LEVELS, RUN_FIELDS, Level
from scheduler.log_setup.console import render_console
from scheduler.log_setup.flood import Flood
from scheduler.log_setup.json_lines import described, json_lines, json_value, rfc3339
from scheduler.log_setup.line_head import LineHead, LineHeads, rest_of
from scheduler.log_setup.line_writer import LineWriter
from scheduler.log_setup.text_lines import Stream

RunSink = Callable[[dict[str, Any]], None]

# What a person expects to find in `onbeat logs` of a run.
_FOR_THE_SINK = frozenset(
    {"run.log", "python.warning", "thread.crashed", "python.unraisable", "log.repeated"}
)
_OF_JOBS = _FOR_THE_SINK | {"process.log", "process.output"}
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
        self._heads = LineHeads(self._host, self._pid)
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

    def deliver_texts(
        self, name: str, level: Level, fields: Mapping[str, Any], texts: Iterable[str], stream: Stream
    ) -> None:
        """Write lines of text that came together, each as an event with these fields, its `message` and `stream`."""
        head, now = self._heads.head(level, name, self.process, fields), rfc3339(datetime.now(UTC))
        about = rest_of(fields)
        rests = [{**about, "message": json_value(text), "stream": stream} for text in texts]
        if self._is_for_sink(name, fields):
            for rest in rests:
                self._hand_to_sink(head.with_(now, rest))
        if LEVELS.index(level) < self._threshold:
            return
        if self._console or any(type(value) is not str for value in about.values()):
            for rest in rests:
                self._write(head, now, rest, may_wait=True)
            return
        lines = head.lines(now, rests)
        for first in range(0, len(lines), _LINES_AT_ONCE):
            self.writer.write(b"".join(lines[first : first + _LINES_AT_ONCE]), may_wait=True)

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
            head = self._heads.head("info", "process.output", process, fields)
            now, rest = rfc3339(datetime.now(UTC)), rest_of(fields)
            event = head.with_(now, rest)
            if text.strip():
                self._write(head, now, rest)
        elif self._console:
            self._write_pretty(event)
        else:
            self.writer.write(line + b"\n")
        return event

    def after_fork_in_child(self) -> None:
        """The child has its own process id, and counts its own warnings."""
        self._pid = os.getpid()
        self._heads = LineHeads(self._host, self._pid)
        self._flood = Flood()
        self._flood_lock = threading.RLock()
        self.writer.after_fork_in_child()

    def _is_let_through(self, name: str, level: Level, fields: Mapping[str, Any]) -> bool:
        told = ("run_id", "logger", "category", "message", "file", "line")
        key = (name, level, *(str(fields.get(field)) for field in told))
        with self._flood_lock:
            return self._flood.lets_through(key, {"level": level, "fields": fields}, time.monotonic())

    def _deliver(self, name: str, level: Level, fields: Mapping[str, Any]) -> None:
        head, now = self._heads.head(level, name, self.process, fields), rfc3339(datetime.now(UTC))
        rest = rest_of(fields)
        if self._is_for_sink(name, fields):
            self._hand_to_sink(head.with_(now, rest))
        if LEVELS.index(level) >= self._threshold:
            self._write(head, now, rest, may_wait=name in _OF_JOBS)

    def _is_for_sink(self, name: str, fields: Mapping[str, Any]) -> bool:
        return self.sink is not None and name in _FOR_THE_SINK and "run_id" in fields

    def _stamp(self, name: str, level: Level) -> dict[str, Any]:
        return {
            "timestamp": rfc3339(datetime.now(UTC)),
            "level": level,
            "event": name,
            "process": self.process,
            "host": self._host,
            "pid": self._pid,
        }

    def _write(
        self, head: LineHead, timestamp: str, rest: Mapping[str, Any], *, may_wait: bool = False
    ) -> None:
        if self._console:
            self._write_pretty(head.with_(timestamp, rest), may_wait=may_wait)
        else:
            self.writer.write(head.line(timestamp, rest), may_wait=may_wait)

    def _write_pretty(self, document: Mapping[str, Any], *, may_wait: bool = False) -> None:
        line = f"{render_console(document, colour=self._colour)}\n"
        self.writer.write(line.encode(), may_wait=may_wait)

    def _hand_to_sink(self, document: dict[str, Any]) -> None:
        sink = self.sink
        if sink is None or getattr(self._in_sink, "busy", False):
            return  # the sink itself logs: that line goes to stdout only
        self._in_sink.busy = True
        try:
            sink(document)
        except Exception as error:  # noqa: BLE001 - the store is down, say: the job must not fail for its log
            self.sink = None
            run = {field: document[field] for field in RUN_FIELDS if field in document}
            self._deliver("log.sink_failed", "error", {**run, "error": described(error)})
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
