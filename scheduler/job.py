"""What a team writes a job with: the `@job` decorator, the run it is in, and the outcomes it can ask for.

A job stays a plain function: calling it calls it, with no broker near. It is a Celery task as well, under its
dotted name, but Celery is imported only when a job is used as one (`.delay`, `.s`, …), so that reading
schedules.toml and testing a job stay light.
"""

import functools
import inspect
from collections.abc import Callable, Coroutine, Mapping
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import import_module
from types import MappingProxyType
from typing import Any, Generic, ParamSpec, Self, TypeVar, overload
from uuid import uuid4

from scheduler.checkpoint import MOST_WORDS, UNHEARD, Checkpoint, Reports, progress_of
from scheduler.durations import parse_duration
from scheduler.retry import RetryPolicy
from scheduler.run import Run

P = ParamSpec("P")
R = TypeVar("R")


class Outcome(Exception):
    """What a job can raise to decide how its attempt ends."""


class Retry(Outcome):
    """Try again, even where the policy would not for this error; `after` overrides the policy's wait.

    The policy's `max_attempts` still holds. `after` is a duration such as "5m", a timedelta or seconds.
    Raises ValueError where `after` is no duration.
    """

    def __init__(
        self, reason: str = "the job asked for a retry", *, after: str | float | timedelta | None = None
    ):
        super().__init__(reason)
        self.after = after if after is None or isinstance(after, timedelta) else parse_duration(after)


class Skip(Outcome):
    """There was nothing to do: the run ends as `skipped`, which is no failure."""


class Abort(Outcome):
    """Fail now; no more attempts, whatever the policy says."""


class Cancelled(BaseException):
    """The run is to stop: somebody cancelled it, or it was given to another worker. The job may tidy up.

    No Exception, as `asyncio.CancelledError` is none, so that `except Exception` does not take it for an error.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentRun:
    """The run that the calling code is part of.

    `checkpoint` has what this attempt or one before has set.
    """

    entry: str | None
    job: str
    run_id: str
    scheduled_at: datetime
    attempt: int
    max_attempts: int
    queue: str
    trigger: str
    checkpoint: Checkpoint = field(default_factory=Checkpoint, compare=False, repr=False)
    reports: Reports = field(default=UNHEARD, compare=False, repr=False)

    @classmethod
    def of(cls, run: Run, reports: Reports = UNHEARD) -> Self:
        """What the job finds while an attempt of `run` is executed."""
        return cls(
            entry=run.entry,
            job=run.job,
            run_id=run.run_id,
            scheduled_at=run.scheduled_at,
            attempt=run.attempt,
            max_attempts=run.max_attempts,
            queue=run.queue,
            trigger=run.trigger,
            checkpoint=Checkpoint(run.checkpoint, reports.save),
            reports=reports,
        )

    def heartbeat(self, progress: float | None = None, message: str | None = None) -> None:
        """Say how far the job is, `progress` from 0 to 1, and what it does; what is left out stays as it was.

        May be called as often as you like: it is written once a second at most, the newest last. Raises ValueError
        for another progress, and Cancelled where the run was given to another worker or, in a thread, cancelled.
        """
        self.reports.tell(progress_of(progress), None if message is None else str(message)[:MOST_WORDS])


_current: ContextVar[CurrentRun | None] = ContextVar("onbeat_current_run", default=None)


def current_run() -> CurrentRun:
    """The run this code is executed for.

    A job that is called directly is a run of its own, with attempt 1 of 1, now, and nobody who looks. Raises
    RuntimeError outside of a job.
    """
    if (run := _current.get()) is None:
        message = "no run is active here: current_run() works only inside a job"
        raise RuntimeError(message)
    return run


def enter_run(run: CurrentRun) -> Token[CurrentRun | None]:
    """Make `run` the current one; give the token back to `leave_run`. For the worker."""
    return _current.set(run)


def leave_run(token: Token[CurrentRun | None]) -> None:
    """Undo `enter_run`."""
    _current.reset(token)


def active_run() -> CurrentRun | None:
    """The current run, or None outside of one."""
    return _current.get()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDeclaration:
    """A job's name, its function and the defaults that its entries may override."""

    name: str
    function: Callable[..., Any]
    module: str
    doc: str
    retry: RetryPolicy | None = None
    timeout: timedelta | None = None
    soft_timeout: timedelta | None = None
    queue: str | None = None


_declared: dict[str, JobDeclaration] = {}


def declared_jobs() -> Mapping[str, JobDeclaration]:
    """Every job declared by the modules imported so far, by name; a live, read-only view."""
    return MappingProxyType(_declared)


class Job(Generic[P, R]):
    """A function that is a job. Calling it calls the function; anything else is asked of its Celery task."""

    def __init__(self, declaration: JobDeclaration) -> None:
        self.declaration = declaration
        functools.update_wrapper(self, declaration.function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function, as in a test: no broker, no policy; `current_run()` is a run of its own.

        Within a run it is a part of that.
        """
        if _current.get() is not None:
            result: R = self.declaration.function(*args, **kwargs)
        else:
            result = _called_directly(self.declaration, args, kwargs)
        return result

    def __getattr__(self, name: str) -> Any:
        """`delay`, `apply_async`, `s`, `si`, `signature` and all else that a Celery task has."""
        if name.startswith("__") or name == "declaration":
            raise AttributeError(name)
        return getattr(self.task, name)

    @property
    def task(self) -> Any:
        """This job as a Celery task of Onbeat's app, which is made now if it was not yet."""
        return import_module("scheduler.celery_app").task_of(self.declaration)

    def __repr__(self) -> str:
        return f"<job {self.declaration.name}>"


@overload
def job(function: Callable[P, R], /) -> Job[P, R]: ...
@overload
def job(
    *,
    name: str | None = None,
    retry: RetryPolicy | Mapping[str, Any] | None = None,
    timeout: str | float | timedelta | None = None,
    soft_timeout: str | float | timedelta | None = None,
    queue: str | None = None,
) -> Callable[[Callable[P, R]], Job[P, R]]: ...


def job(
    function: Callable[P, R] | None = None,
    /,
    *,
    name: str | None = None,
    retry: RetryPolicy | Mapping[str, Any] | None = None,
    timeout: str | float | timedelta | None = None,
    soft_timeout: str | float | timedelta | None = None,
    queue: str | None = None,
) -> Job[P, R] | Callable[[Callable[P, R]], Job[P, R]]:
    """Declare a job. `retry`, `timeout`, `soft_timeout` and `queue` are defaults that an entry may override.

    Durations are "90s", "1h30m", a timedelta or seconds. Raises ValueError for a bad duration or policy, and for a
    name that another function has, at import.
    """

    def declare(function: Callable[P, R]) -> Job[P, R]:
        declaration = JobDeclaration(
            name=name or f"{function.__module__}.{function.__qualname__}",
            function=function,
            module=function.__module__,
            doc=(function.__doc__ or "").strip(),
            retry=retry if retry is None or isinstance(retry, RetryPolicy) else RetryPolicy.from_json(retry),
            timeout=_duration(timeout),
            soft_timeout=_duration(soft_timeout),
            queue=queue,
        )
        if (other := _declared.get(declaration.name)) is not None and _place(other) != _place(declaration):
            message = f"two jobs are called {declaration.name!r}: {_place(other)} and {_place(declaration)}"
            raise ValueError(message)
        _declared[declaration.name] = declaration
        return Job(declaration)

    return declare if function is None else declare(function)


def _called_directly(declaration: JobDeclaration, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    # It brings all that a schedule needs, and `onbeat --help` imports this module.
    from scheduler.entry import DEFAULT_QUEUE

    run = CurrentRun(
        entry=None,
        job=declaration.name,
        run_id=str(uuid4()),
        scheduled_at=datetime.now(UTC),
        attempt=1,
        max_attempts=1,
        queue=declaration.queue or DEFAULT_QUEUE,
        trigger="manual",
    )
    token = _current.set(run)
    try:
        result = declaration.function(*args, **kwargs)
    finally:
        _current.reset(token)
    return _awaited_within(run, result) if inspect.iscoroutine(result) else result


async def _awaited_within(run: CurrentRun, coroutine: Coroutine[Any, Any, Any]) -> Any:
    token = _current.set(run)
    try:
        return await coroutine
    finally:
        _current.reset(token)


def _place(declaration: JobDeclaration) -> str:
    return f"{declaration.module}.{declaration.function.__qualname__}"


def _duration(value: str | float | timedelta | None) -> timedelta | None:
    return value if value is None or isinstance(value, timedelta) else parse_duration(value)
