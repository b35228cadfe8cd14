"""The log of a process: one JSON object a line, or pretty lines on a terminal, and nothing else on stdout.

    configure("worker")     first of all: structlog, stdlib logging, warnings, prints, uncaught errors
    capture_fds()           descriptors 1 and 2 as well: C libraries, programs that jobs start
    after_fork()            in a child of the pool, to give it pipes of its own
    emit("run.started", …)  one of Onbeat's own events (scheduler/events.py)
    emit_all("tick.…", …)   many of one kind, in few writes
    bind_run(…)             from here on, what this context logs, prints and warns belongs to that run
    flush_streams()         at the end of a run: lines without newline, counts of repeated warnings
    clear_run()             the run is over

Text on stdout and on stderr is `run.log` at level `info`, told apart by its field `stream`: too many programs
write their progress to stderr for it to mean trouble.
"""

import atexit
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from scheduler.errors import OnbeatError
from scheduler.events import CATALOGUE, LEVELS, Level
from scheduler.log_setup import foreign, run_context
from scheduler.log_setup.console import render_console, wants_colour
from scheduler.log_setup.descriptors import CapturedDescriptors, private_copy, write_through
from scheduler.log_setup.foreign import UNNAMED
from scheduler.log_setup.json_lines import described, json_line, json_value, rfc3339, traceback_text
from scheduler.log_setup.line_writer import LineWriter
from scheduler.log_setup.pipeline import Pipeline, RunSink
from scheduler.log_setup.secrets_kept import hidden_values, hide, without_secrets
from scheduler.log_setup.text_lines import LineStream, Stream, end_lines

__all__ = [
    "RunSink",
    "after_fork",
    "bind_run",
    "capture_fds",
    "clear_run",
    "configure",
    "described",
    "emit",
    "emit_all",
    "errors_to_stderr",
    "flush_streams",
    "hidden_values",
    "hide",
    "json_line",
    "json_value",
    "name_process",
    "reader_is_gone",
    "relay_line",
    "render_console",
    "rfc3339",
    "set_run_sink",
    "traceback_text",
    "without_secrets",
    "write_text",
]

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger

Format = Literal["json", "console"]


class _Setup:
    """What `configure` made in this process."""

    pipeline: Pipeline | None = None
    own_log: Any = None
    captured: CapturedDescriptors | None = None
    at_exit = False


_OURS = object()  # the logger beneath `emit`, by which the pipeline knows Onbeat's own events


def configure(
    process: str,
    *,
    format: Format | None = None,  # noqa: A002 - the setting's own name, ONBEAT_LOG_FORMAT
    level: str = "info",
    stream_fd: int = 1,
    secrets: Iterable[str] = (),
) -> None:
    """
    From here on every line this process writes is an event. Call it once, before any thread starts.

    `format` None means console on a terminal and JSON elsewhere. `level` holds for stdout; see LEVELS. No line
    shows one of the `secrets`. Raises ValueError for a level that does not exist.
    """
    hide(secrets)
    import structlog  # here: it brings rich, which short commands that only `emit` do without

    threshold = _level(level)
    console = format == "console" or (format is None and os.isatty(stream_fd))
    pipeline = Pipeline(
        process,
        writer=LineWriter(stream_fd),
        console=console,
        colour=wants_colour(stream_fd),
        level=threshold,
    )
    _Setup.pipeline = pipeline
    how: dict[str, Any] = {
        "processors": [structlog.contextvars.merge_contextvars, _deliver],
        "wrapper_class": structlog.make_filtering_bound_logger(threshold),
    }
    # Bound once, with its own processors: whatever a job configures structlog to, Onbeat's own events stay as they are.
    _Setup.own_log = structlog.wrap_logger(_OURS, **how).bind()
    structlog.configure(
        **how,
        logger_factory=lambda *names: ".".join(map(str, names)) or UNNAMED,
        cache_logger_on_first_use=False,
    )
    foreign.take_over(pipeline, threshold)
    sys.stdout = LineStream("stdout", _take_text)
    sys.stderr = LineStream("stderr", _take_text)
    if not _Setup.at_exit:
        _Setup.at_exit = True
        os.register_at_fork(after_in_child=_after_fork_in_child)
        atexit.register(_at_exit)


def name_process(process: str) -> None:
    """From here on it is the log of `process`: Celery tells a beat from a worker only after `configure`."""
    _configured().process = process


def emit(event: str, /, **fields: Any) -> None:
    """
    Log one of Onbeat's own events, at its level in the catalogue, with what is bound to the context.

    Does nothing in a process that has not called `configure`, such as a short command. Raises KeyError for an
    event that is not in the catalogue.
    """
    level = CATALOGUE[event].level
    if _Setup.own_log is not None:
        getattr(_Setup.own_log, level)(event, **fields)


def emit_all(event: str, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """
    Log many of Onbeat's own events of one kind, as `emit` would one by one: each row holds the values of `names`.

    `names` begin with those of a run, in their order; what is bound to the context is left out.
    """
    if _Setup.pipeline is not None:
        _Setup.pipeline.deliver_all(event, CATALOGUE[event].level, names, rows)


def capture_fds() -> None:
    """Turn what is written to descriptors 1 and 2 into events too. Call it after `configure`."""
    pipeline = _configured()
    if _Setup.captured is not None:
        return
    pipeline.writer.descriptor = private_copy(pipeline.writer.descriptor)
    for stream in (sys.__stdout__, sys.__stderr__):
        write_through(stream)
    captured = CapturedDescriptors(_take_text, _take_overdue, pipeline.writer.flush)
    captured.arm()
    _Setup.captured = captured
    pipeline.writer.flush_soon = captured.flush_soon


def after_fork() -> None:
    """In a forked child that will have runs of its own: give it its own pipes, and no sink yet."""
    _configured().sink = None
    if _Setup.captured is not None:
        _Setup.captured.arm()


def set_run_sink(sink: RunSink | None) -> None:
    """
    Hand each line of a run, as a JSON-ready dict, to `sink` as well. It may raise: then it is dropped.

    Called in whichever thread wrote the line, also by the thread that reads descriptors 1 and 2.
    """
    _configured().sink = sink


def write_text(lines: Sequence[str], stream: Stream) -> bool:
    """Lines that a job's program wrote, as if the job had. False in a process that has not called `configure`."""
    if _Setup.pipeline is None:
        return False
    foreign.every_line(_Setup.pipeline, lines, stream)
    return True


def relay_line(line: bytes, process: str, stream: Stream) -> dict[str, Any]:
    """
    Write a line, without its newline, that a child process of that name wrote to its stdout or stderr.

    An event goes on as it is, any other text as `process.output`. Returns the event.
    """
    return _configured().relay(line, process, stream)


def reader_is_gone() -> bool:
    """Whether nobody can read what this process writes, as behind `| head -1`."""
    return _configured().writer.broken


def bind_run(**fields: Any) -> None:
    """Bind `entry`, `job`, `run_id`, `scheduled_at`, `attempt`. What was written before is not this run's."""
    if _Setup.captured is not None:
        _Setup.captured.drain(end_lines=True)
    run_context.bind_run(**fields)


def clear_run() -> None:
    """The run of this context is over: flush what it wrote and unbind it."""
    flush_streams()
    run_context.clear_run()


def flush_streams() -> None:
    """Write what waits: lines without newline, text in the pipes, counts of repeated warnings."""
    alone = run_context.active_runs() <= 1
    end_lines((sys.stdout, sys.stderr), of_all_threads=alone)
    if _Setup.captured is not None:
        _Setup.captured.drain(end_lines=alone)
    if _Setup.pipeline is not None:
        _Setup.pipeline.tell_counts(everything=True)
        _Setup.pipeline.writer.flush()


@contextmanager
def errors_to_stderr() -> Iterator[None]:
    """
    Around the main function of a process: the error that ends it is told to the person who started it.

    Its text belongs on the real stderr, where the command line writes it. An error that is not Onbeat's own is a
    bug, and an event too.
    """
    try:
        yield
    except BaseException as error:
        if _Setup.pipeline is not None:
            if isinstance(error, Exception) and not isinstance(error, OnbeatError):
                emit("process.crashed", **foreign.error_fields(error))
            _release()
        raise


def _release() -> None:
    """Give stdout and stderr back."""
    flush_streams()
    if _Setup.captured is not None:
        _Setup.captured.disarm(restore=True)
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__


def _configured() -> Pipeline:
    if _Setup.pipeline is None:
        raise RuntimeError("log_setup.configure() comes first")
    return _Setup.pipeline


def _level(name: str) -> Level:
    for level in LEVELS:
        if level == name.lower():
            return level
    raise ValueError(f"{name!r} is no log level: use one of {', '.join(LEVELS)}")


def _deliver(logger: "WrappedLogger", method: str, event_dict: "EventDict") -> "EventDict":
    """The last processor: Onbeat's own events and those of jobs that use structlog."""
    from structlog import DropEvent

    pipeline = _configured()
    if logger is _OURS:
        pipeline.deliver(str(event_dict.pop("event", None)), _level(method), event_dict)
    else:
        foreign.event(pipeline, logger, method, event_dict)
    raise DropEvent


def _take_text(lines: Sequence[str], stream: Stream) -> None:
    foreign.text(_configured(), lines, stream)


def _take_overdue() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, LineStream):
            stream.take_overdue()


def _after_fork_in_child() -> None:
    run_context.forget_lock()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, LineStream):
            stream.forget()
    if _Setup.captured is not None:
        _Setup.captured.after_fork_in_child()
    if _Setup.pipeline is not None:
        _Setup.pipeline.after_fork_in_child()


def _at_exit() -> None:
    flush_streams()
    if _Setup.captured is not None:
        _Setup.captured.disarm(restore=False)
