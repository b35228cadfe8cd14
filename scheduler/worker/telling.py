"""The events of an execution: how it started and how it ended."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from scheduler.attempt import Claimed, Ending, Fenced, Finished
from scheduler.log_setup import emit
from scheduler.run import Run, RunState, fields_of
from scheduler.timestamps import milliseconds, rfc3339
from scheduler.worker.decode import Named

_QUIET = (RunState.SKIPPED, RunState.EXPIRED, RunState.CANCELLED)


def tell_duplicate(name: Named, job: str, run: Run | None, why: str) -> None:
    """A message rang for a run that is taken, done or gone (None)."""
    emit("run.duplicate", **_about(name, job, run), why=why)


def tell_limited(name: Named, job: str, run: Run | None, until: datetime) -> None:
    """The run must wait for its turn."""
    emit("run.limited", **_about(name, job, run), start_at=rfc3339(until))


def _about(name: Named, job: str, run: Run | None) -> dict[str, Any]:
    """A run's fields by what its message says, and where that does not say it by its record."""
    return {
        "entry": name.entry if run is None else run.entry,
        "job": job,
        "run_id": name.run_id,
        "scheduled_at": None if run is None else rfc3339(run.scheduled_at),
        "attempt": name.attempt,
    }


def tell_expired(run: Run | None) -> None:
    """A message came too late for its run's start_deadline. None: even its record is gone."""
    if run is not None:
        emit("run.expired", **fields_of(run), queue=run.queue, reason=run.reason)


def tell_start(claimed: Claimed, worker: str) -> None:
    """An attempt begins."""
    run, at = claimed.run, claimed.claimed_at
    emit(
        "run.started",
        **fields_of(run),
        lateness_ms=milliseconds(at - run.scheduled_at),
        queue_ms=milliseconds(at - run.queued_at),
        queue=run.queue,
        worker=worker,
        max_attempts=run.max_attempts,
    )


def tell_end(
    about: Mapping[str, Any],
    ending: Ending,
    finished: Finished | Fenced,
    started_at: datetime | None,
    worker: str,
) -> None:
    """An attempt that this worker had ended, or its end does not count."""
    if isinstance(finished, Fenced):
        why = f"its lease was lost: the run is {finished.state}, attempt {finished.attempt}"
        emit("run.duplicate", **about, why=why)
        return
    fields: dict[str, Any] = {**about, "worker": worker}
    if started_at is not None:
        fields["duration_ms"] = milliseconds(finished.finished_at - started_at)
    if finished.cancelled is not None:
        by, reason = finished.cancelled.by, finished.cancelled.reason
        emit("run.cancelled", **fields, by=by, reason=reason, error=ending.error)
    elif ending.state is RunState.SUCCEEDED:
        emit("run.succeeded", **fields, result=ending.result)
    elif ending.state in _QUIET:
        emit(f"run.{ending.state}", **fields, reason=ending.reason)
    else:
        fields |= {"error": ending.error, "traceback": ending.traceback}
        if ending.state is RunState.RETRYING:
            emit("run.retrying", **fields, retry_at=rfc3339(finished.retry_at))
        else:
            emit("run.failed", **fields, reason=ending.reason)
