"""What a run logs, prints and warns, taken down in a process that is no worker and keeps its own logging: a test.

Nothing is taken from anybody: handlers, what structlog is configured to, stdout and recorded warnings get what they
would have got without it.
"""

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any, TextIO

import structlog

from scheduler.events import LEVELS, Level
from scheduler.log_setup import foreign
from scheduler.log_setup.line_writer import LineWriter
from scheduler.log_setup.pipeline import Pipeline, RunSink
from scheduler.log_setup.text_lines import LineStream, Stream

# True while structlog does with an event what it is configured to: that was taken down already.
_echo: ContextVar[bool] = ContextVar("onbeat_echo", default=False)


@contextmanager
def recorded(sink: RunSink, level: Level) -> Iterator[None]:
    """Hand each line of a bound run to `sink` too, from `level` on, as a worker would to the run's own log."""
    recorder = Pipeline("worker", writer=_Nowhere(), console=False, colour=False, level=level)
    recorder.sink = sink
    with ExitStack() as stack:
        for part in (_logging(recorder, level), _structlog(recorder, level), _warnings(recorder)):
            stack.enter_context(part)
        for stream in ("stdout", "stderr"):
            stack.enter_context(_text(recorder, stream))
        stack.callback(recorder.tell_counts, everything=True)
        yield


class _Nowhere(LineWriter):
    """The process's own output is its own."""

    def __init__(self) -> None:
        """Without the file that LineWriter keeps open."""

    def write(self, line: bytes, *, may_wait: bool = False) -> None:
        """Do nothing."""


class _Handler(foreign.RecordHandler):
    def emit(self, record: logging.LogRecord) -> None:
        if not _echo.get():
            super().emit(record)


@contextmanager
def _logging(recorder: Pipeline, level: Level) -> Iterator[None]:
    number, root = getattr(logging, level.upper()), logging.getLogger()
    loggers = {root: root.level} | {
        logger: logger.level
        for logger in map(logging.getLogger, foreign.CHATTY)
        if logger.level == logging.NOTSET
    }
    handler = _Handler(recorder)
    handler.setLevel(number)
    root.addHandler(handler)
    for logger, before in loggers.items():
        logger.setLevel(min(before or number, number) if logger is root else max(number, logging.WARNING))
    try:
        yield
    finally:
        root.removeHandler(handler)
        for logger, before in loggers.items():
            logger.setLevel(before)


@contextmanager
def _structlog(recorder: Pipeline, level: Level) -> Iterator[None]:
    """Where every bound logger of structlog passes, also one that was bound long before."""
    loggers: Any = structlog.BoundLoggerBase
    before = loggers._proxy_to_logger  # noqa: SLF001 - its documentation offers it to wrapper classes

    def proxy_to_logger(self: Any, method: str, event: str | None = None, **fields: Any) -> Any:
        if not _echo.get() and LEVELS.index(foreign.level_of(method)) >= LEVELS.index(level):
            name = getattr(self._logger, "name", None)
            foreign.event(
                recorder, name or foreign.UNNAMED, method, {**self._context, **fields, "event": event}
            )
        token = _echo.set(True)
        try:
            return before(self, method, event, **fields)
        finally:
            _echo.reset(token)

    loggers._proxy_to_logger = proxy_to_logger  # noqa: SLF001 - as above
    try:
        yield
    finally:
        loggers._proxy_to_logger = before  # noqa: SLF001 - as above


@contextmanager
def _warnings(recorder: Pipeline) -> Iterator[None]:
    before = warnings.showwarning

    def show(  # the signature that `warnings` calls
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        foreign.warning(recorder, message, category, filename, lineno)
        before(message, category, filename, lineno, file, line)

    warnings.showwarning = show
    try:
        yield
    finally:
        if warnings.showwarning is show:
            warnings.showwarning = before


@contextmanager
def _text(recorder: Pipeline, stream: Stream) -> Iterator[None]:
    before = getattr(sys, stream)
    tee = _Tee(stream, before, recorder)
    setattr(sys, stream, tee)
    try:
        yield
    finally:
        tee.end_lines(of_all_threads=True)
        if getattr(sys, stream) is tee:
            setattr(sys, stream, before)


class _Tee(LineStream):
    """Whole lines to the recorder, and all of it at once to the stream that stood there before."""

    def __init__(self, stream: Stream, before: TextIO, recorder: Pipeline) -> None:
        super().__init__(stream, lambda text, stream: foreign.text(recorder, text, stream))
        self._before = before

    def write(self, text: str, /) -> int:
        if not _echo.get():
            super().write(text)
        return self._before.write(text)

    def flush(self) -> None:
        self._before.flush()

    def fileno(self) -> int:
        return self._before.fileno()
