"""A run: one asked-for execution, of a tick or of a person. Its states, its identity and its record.

queued ──claim──> running ──finish──> succeeded | failed | skipped
  ^  ^              │  │
  │  └──hand back───┘  └──error, attempts left──> retrying
  └───────────────────when its time comes────────────┘
queued | retrying ──> cancelled | expired
running ──asked to stop──> cancelled, unless it succeeds first
failed | expired | cancelled ──replayed──> queued
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha1
from typing import Any, Literal, Self
from uuid import UUID, uuid4

from scheduler.entry import Entry
from scheduler.epoch import milliseconds
from scheduler.rate import time_between
from scheduler.retry import RetryPolicy
from scheduler.timestamps import rfc3339

Trigger = Literal["schedule", "manual", "backfill", "after"]

NAMESPACE = UUID("6f6e6265-6174-5f5f-8000-72756e5f6964")
_NAMESPACE = sha1(NAMESPACE.bytes, usedforsecurity=False)
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


class RunState(StrEnum):
    """Where a run is. The last five are final."""

    QUEUED = "queued"
    RUNNING = "running"
    RETRYING = "retrying"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    EXPIRED = "expired"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """True when nothing more will happen to the run."""
        return self in FINAL


INTERRUPTED = "interrupted"  # the outcome of an attempt that was handed back
FINAL = frozenset(
    {RunState.SUCCEEDED, RunState.FAILED, RunState.SKIPPED, RunState.EXPIRED, RunState.CANCELLED}
)


def tick_run_id(entry: str, scheduled_at: datetime) -> str:
    """The id of the run of this tick: the same for every beat and at every try, so that it can exist only once."""
    digest = _NAMESPACE.copy()
    digest.update(f"{entry}@{milliseconds(scheduled_at)}".encode())
    text = digest.hexdigest()
    # What uuid5 (RFC 9562, 5.5) does, at a quarter of its cost: version 5, variant 10.
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"


def manual_run_id() -> str:
    """A fresh id for a run that a person asked for."""
    return str(uuid4())


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a run executes and by which rules: kept with the run, so that an edit of its entry can't change it.

    `canvas` is what Celery hung on a task that an application sent (the rest of its chain, its chord): see message.py.
    """

    job: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    queue: str = "default"
    priority: int = 0
    gap: timedelta | None = None  # between two starts of its entry's runs
    timeout: timedelta | None = None
    soft_timeout: timedelta | None = None
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    keep_runs: int = 100
    keep_for: timedelta = timedelta(days=30)
    canvas: dict[str, Any] | None = None
    group: str | None = None

    @classmethod
    def of(cls, entry: Entry, *, kwargs: dict[str, Any] | None = None) -> Self:
        """The call that `entry` asks for, with `kwargs` put over its own."""
        return cls(
            job=entry.job,
            args=entry.args,
            kwargs={**entry.kwargs, **(kwargs or {})},
            secrets=entry.secrets,
            queue=entry.queue,
            priority=entry.priority,
            gap=None if entry.rate_limit is None else time_between(entry.rate_limit),
            timeout=entry.timeout,
            soft_timeout=entry.soft_timeout,
            retry=entry.retry,
            keep_runs=entry.keep_runs,
            keep_for=entry.keep_for,
            group=entry.group,
        )

    def to_json(self) -> dict[str, Any]:
        """JSON values with the defaults left out; durations in seconds."""
        document: dict[str, Any] = {"job": self.job}
        given: dict[str, Any] = {
            "args": list(self.args),
            "kwargs": self.kwargs,
            "secrets": list(self.secrets),
        }
        given |= {"priority": self.priority, "gap": None if self.gap is None else self.gap.total_seconds()}
        document |= {name: value for name, value in given.items() if value}
        if self.queue != "default":
            document["queue"] = self.queue
        if self.timeout is not None:
            document["timeout"] = self.timeout.total_seconds()
        if self.soft_timeout is not None:
            document["soft_timeout"] = self.soft_timeout.total_seconds()
        if self.retry != RetryPolicy():
            document["retry"] = self.retry.to_json()
        if self.keep_runs != _KEEP_RUNS:
            document["keep_runs"] = self.keep_runs
        if self.keep_for != _KEEP_FOR:
            document["keep_for"] = self.keep_for.total_seconds()
        document |= {name: value for name in ("canvas", "group") if (value := getattr(self, name))}
        return document

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """The call that `to_json` wrote. Raises KeyError, TypeError or ValueError for what it did not."""
        return cls(
            job=document["job"],
            args=tuple(document.get("args", ())),
            kwargs=document.get("kwargs", {}),
            secrets=tuple(document.get("secrets", ())),
            queue=document.get("queue", "default"),
            priority=document.get("priority", 0),
            gap=_seconds(document.get("gap")),
            timeout=_seconds(document.get("timeout")),
            soft_timeout=_seconds(document.get("soft_timeout")),
            retry=RetryPolicy.from_json(document["retry"]) if "retry" in document else RetryPolicy(),
            keep_runs=document.get("keep_runs", _KEEP_RUNS),
            keep_for=_seconds(document.get("keep_for")) or _KEEP_FOR,
            canvas=document.get("canvas"),
            group=document.get("group"),
        )


_KEEP_RUNS = 100
_KEEP_FOR = timedelta(days=30)


def _seconds(value: float | None) -> timedelta | None:
    return None if value is None else timedelta(seconds=value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try within a run. `outcome` is None while it goes on.

    One that was interrupted, because its worker had to stop, does not count: another of the same number follows.
    """

    number: int
    outcome: str | None = None
    worker: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error: str | None = None
    traceback: str | None = None
    retry_at: datetime | None = None

    @property
    def counts(self) -> bool:
        """Whether it is one of the run's `max_attempts`."""
        return self.outcome != INTERRUPTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as the store has it. `reason` says why it is in its state where the state alone does not.

    `parents` are the runs that it follows on, `children` those that follow on it. `cancel_asked`: it runs, and somebody
    wants it stopped. `checkpoint` is JSON as text. `progress` (from 0 to 1) and `message` are what the job said at
    `heartbeat_at`.
    """

    run_id: str
    entry: str | None
    job: str
    trigger: Trigger
    scheduled_at: datetime
    state: RunState
    attempt: int
    max_attempts: int
    queue: str
    queued_at: datetime
    worker: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    retry_at: datetime | None = None
    first_started_at: datetime | None = None
    error: str | None = None
    traceback: str | None = None
    reason: str | None = None
    cancel_asked: bool = False
    checkpoint: str | None = None
    progress: float | None = None
    message: str | None = None
    heartbeat_at: datetime | None = None
    result: Any = None
    attempts: tuple[Attempt, ...] = ()
    parents: tuple[str, ...] = ()
    children: tuple[str, ...] = ()

    @property
    def duration(self) -> timedelta | None:
        """How long the last attempt took, once it ended."""
        if self.started_at is None or self.finished_at is None:
            return None
        return self.finished_at - self.started_at

    @property
    def lateness(self) -> timedelta | None:
        """How long after its scheduled time the first attempt started."""
        started_at = self.first_started_at or self.started_at
        return None if started_at is None else started_at - self.scheduled_at


def fields_of(run: Run) -> dict[str, Any]:
    """The fields that every event of a run has."""
    return {
        "entry": run.entry,
        "job": run.job,
        "run_id": run.run_id,
        "scheduled_at": rfc3339(run.scheduled_at),
        "attempt": run.attempt,
    }
