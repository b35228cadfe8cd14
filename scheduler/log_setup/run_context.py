"""Which run a line belongs to: bound to the context, and known to the process for threads that have none.

A thread that a job starts begins with an empty context (PEP 567), and text that a C library or a program
writes to descriptor 1 has no context at all. They belong to the run of this process if exactly one is
active, as in a child of the prefork pool; with several at once nobody can say, and they stay without a run.
"""

import threading
from collections.abc import Mapping
from typing import Any

from scheduler.events import RUN_FIELDS

_lock = threading.RLock()  # a signal handler may print while a run is bound
_active: dict[str, Mapping[str, Any]] = {}


def bind_run(**fields: Any) -> None:
    """Bind the run that this context works on: RUN_FIELDS, of which `run_id` must be among them."""
    import structlog.contextvars

    structlog.contextvars.bind_contextvars(**fields)
    with _lock:
        _active[str(fields["run_id"])] = dict(fields)


def clear_run() -> None:
    """Unbind this context's run, and whatever else the job had bound by structlog's contextvars."""
    import structlog.contextvars

    run_id = structlog.contextvars.get_contextvars().get("run_id")
    structlog.contextvars.clear_contextvars()
    with _lock:
        _active.pop(str(run_id), None)


def bound_fields() -> dict[str, Any]:
    """What is bound to this context: the run's fields and what the job added. Empty outside of a run."""
    import structlog.contextvars

    return structlog.contextvars.get_contextvars()


def run_fields(bound: Mapping[str, Any]) -> Mapping[str, Any]:
    """The run that a line of the context with these `bound_fields` belongs to; empty if nobody can say."""
    if "run_id" in bound:
        return {name: bound[name] for name in RUN_FIELDS if name in bound}
    return only_active_run()


def only_active_run() -> Mapping[str, Any]:
    """The process's run, if exactly one is active."""
    with _lock:
        return next(iter(_active.values())) if len(_active) == 1 else {}


def active_runs() -> int:
    """How many runs this process works on now."""
    with _lock:
        return len(_active)


def forget_lock() -> None:
    """After a fork: the thread that may have held the lock does not exist in the child."""
    global _lock  # noqa: PLW0603 - the lock is the module's, and only a fork replaces it
    _lock = threading.RLock()
