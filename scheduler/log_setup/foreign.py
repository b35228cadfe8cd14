"""What is not ours and passes through this process: library logs, a job's log, warnings, uncaught errors."""

import logging
import sys
import threading
import warnings
from collections.abc import Mapping, MutableMapping, Sequence
from types import TracebackType
from typing import Any, TextIO

from scheduler.events import LEVELS, RUN_FIELDS, Level
from scheduler.log_setup.json_lines import described, traceback_text
from scheduler.log_setup.line_writer import LineWriter
from scheduler.log_setup.pipeline import Pipeline
from scheduler.log_setup.run_context import bound_fields, run_fields
from scheduler.log_setup.text_lines import Stream

# The machinery beneath us. Its lines are never a job's, even when a job's run is the only one in the process.
_MACHINERY = ("celery", "kombu", "amqp", "redis", "billiard", "multiprocessing", "redbeat", "vine")
_JOBS_OWN = "celery.task"  # celery.utils.log.get_task_logger gives its children to jobs
CHATTY = (*_MACHINERY, "httpx", "httpcore", "urllib3", "asyncio", "watchfiles", "parso")
UNNAMED = "structlog"  # the logger of `structlog.get_logger()`
_RECORD_FIELDS = frozenset(logging.LogRecord("", 0, "", 0, "", None, None).__dict__) | {
    "message",
    "asctime",
    "taskName",
}


class RecordHandler(logging.Handler):
    """The root logger's only handler. `at_most` lowers what a library takes too seriously."""

    def __init__(self, pipeline: Pipeline, *, at_most: Level = "critical") -> None:
        super().__init__()
        self._pipeline = pipeline
        self._at_most = LEVELS.index(at_most)

    @property
    def stream(self) -> LineWriter:
        """Where it writes: of a beat within a worker (`-B`) Celery closes all descriptors but those of such streams."""
        return self._pipeline.writer

    def createLock(self) -> None:  # noqa: N802 - logging's name
        """None: the pipeline has its own, which survives a fork."""
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = {
            name: value for name, value in record.__dict__.items() if name not in _RECORD_FIELDS
        }
        error = record.exc_info[1] if record.exc_info else None
        line(
            self._pipeline,
            LEVELS[min(LEVELS.index(level_named(record.levelno)), self._at_most)],
            {**fields, "logger": record.name, "message": _message(record), **error_fields(error)},
            machinery=_is_machinery(record.name),
        )


def line(
    pipeline: Pipeline,
    level: Level,
    fields: Mapping[str, Any],
    *,
    machinery: bool = False,
) -> None:
    """A line that a job or a library logged or wrote: `run.log` in a run, else the process's own."""
    bound = bound_fields()
    run = {} if machinery else run_fields(bound)
    otherwise = "process.log" if "logger" in fields else "process.output"
    if run and fields.get("logger") == UNNAMED:
        fields = {name: value for name, value in fields.items() if name != "logger"}
    limited = level in ("warning", "error", "critical")
    pipeline.deliver(
        "run.log" if run else otherwise, level, _beside(fields, {**bound, **run}), limited=limited
    )


def event(pipeline: Pipeline, logger: str, method: str, event_dict: MutableMapping[str, Any]) -> None:
    """An event of a job that uses structlog, by the method of structlog's that was called."""
    message = event_dict.pop("event", None)
    if error := event_dict.pop("exc_info", None):
        event_dict.update(error_fields(_exception(error)))
    line(pipeline, level_of(method), {"logger": logger, "message": message, **event_dict})


def text(pipeline: Pipeline, lines: Sequence[str], stream: Stream) -> None:
    """Lines that were written to stdout or stderr; those with nothing in them are dropped."""
    if some := [line for line in lines if line and not line.isspace()]:
        every_line(pipeline, some, stream)


def every_line(pipeline: Pipeline, lines: Sequence[str], stream: Stream) -> None:
    """Lines that were written to stdout or stderr, empty ones too."""
    bound = bound_fields()
    run = run_fields(bound)
    event = "run.log" if run else "process.output"
    pipeline.deliver_texts(event, "info", {**bound, **run}, lines, stream)


def warning(
    pipeline: Pipeline, message: Warning | str, category: type[Warning], filename: str, lineno: int
) -> None:
    """What Python warned of."""
    fields = {"category": category.__name__, "message": str(message), "file": filename, "line": lineno}
    pipeline.deliver("python.warning", "warning", _of_run(fields), limited=True)


def level_of(method: str) -> Level:
    """The level of a method of structlog's loggers."""
    found = {"exception": "error", "warn": "warning", "fatal": "critical"}.get(method, method)
    return next((level for level in LEVELS if level == found), "info")


def level_named(number: int) -> Level:
    """The level of a number of stdlib logging, those in between counting as the lower one."""
    steps: tuple[tuple[int, Level], ...] = ((50, "critical"), (40, "error"), (30, "warning"), (20, "info"))
    return next((name for least, name in steps if number >= least), "debug")


def error_fields(error: BaseException | None) -> dict[str, str]:
    """`error` and `traceback` of an exception, nothing of none."""
    return {} if error is None else {"error": described(error), "traceback": traceback_text(error)}


def take_over(pipeline: Pipeline, level: Level) -> None:
    """Lead stdlib logging, warnings and uncaught errors into the pipeline."""
    _take_over_logging(pipeline, level)
    _take_over_warnings(pipeline)
    _take_over_errors(pipeline)


def _take_over_logging(pipeline: Pipeline, level: Level) -> None:
    number = getattr(logging, level.upper())
    root = logging.getLogger()
    root.handlers[:] = [RecordHandler(pipeline)]
    root.setLevel(number)
    for name in CHATTY:
        logging.getLogger(name).setLevel(number if level == "debug" else max(number, logging.WARNING))
    logging.getLogger(_JOBS_OWN).setLevel(number)
    # billiard and multiprocessing share this logger and cut it off from the root's handler. To it the end of a child
    # is an error, also when its run's time was up: what it means for a run, the run's own event says.
    processes = logging.getLogger("multiprocessing")
    processes.handlers[:] = [RecordHandler(pipeline, at_most="info")]
    processes.propagate = False


def _take_over_warnings(pipeline: Pipeline) -> None:
    def show(  # the signature that `warnings` calls
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        del line
        if file is not None:
            file.write(warnings.formatwarning(message, category, filename, lineno))
            return
        warning(pipeline, message, category, filename, lineno)

    # Celery calls captureWarnings(True) later; the second call does nothing, so that ours stays in place.
    logging.captureWarnings(capture=True)
    warnings.showwarning = show
    if not sys.warnoptions:
        # Python shows a warning once in a process's life. Here each run shows its own, and Flood keeps them
        # few.
        warnings.simplefilter("always", append=True)


def _take_over_errors(pipeline: Pipeline) -> None:
    def process_crashed(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
        if not isinstance(error, KeyboardInterrupt):
            pipeline.deliver("process.crashed", "critical", _of_run(error_fields(error)))

    def thread_crashed(hook: threading.ExceptHookArgs) -> None:
        if hook.exc_value is None or isinstance(hook.exc_value, SystemExit):
            return
        fields = {"thread": hook.thread.name if hook.thread else None, **error_fields(hook.exc_value)}
        pipeline.deliver("thread.crashed", "error", _of_run(fields))

    def unraisable(hook: "sys.UnraisableHookArgs") -> None:
        where = f"{hook.err_msg or 'Exception ignored in'}: {hook.object!r}"
        fields = {"message": where, "error": "unknown", **error_fields(hook.exc_value)}
        pipeline.deliver("python.unraisable", "error", _of_run(fields), limited=True)

    sys.excepthook = process_crashed
    threading.excepthook = thread_crashed
    sys.unraisablehook = unraisable


def _of_run(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields with those of the run that this context works on beside them."""
    bound = bound_fields()
    return _beside(fields, {**bound, **run_fields(bound)})


def _beside(fields: Mapping[str, Any], bound: dict[str, Any]) -> dict[str, Any]:
    """What is bound, then the fields. A job's own field of a run's name gets an underscore."""
    taken = {name for name in RUN_FIELDS if name in bound and fields.get(name, bound[name]) != bound[name]}
    return {**bound, **{f"{name}_" if name in taken else name: value for name, value in fields.items()}}


def _is_machinery(logger: str) -> bool:
    package = logger.partition(".")[0]
    return package in _MACHINERY and not (logger == _JOBS_OWN or logger.startswith(f"{_JOBS_OWN}."))


def _exception(exc_info: Any) -> BaseException | None:
    if isinstance(exc_info, BaseException):
        return exc_info
    return exc_info[1] if isinstance(exc_info, tuple) else sys.exc_info()[1]


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # noqa: BLE001 - `log.info("%d", "x")` of a job: show it as far as it goes
        return f"{record.msg} {record.args!r} ({described(error)})"
