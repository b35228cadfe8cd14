"""One attempt of a run by the worker's own steps, in this process and with no server."""

import asyncio
import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Final

from scheduler import log_setup
from scheduler.attempt import Claimed, Ending
from scheduler.events import Level
from scheduler.job import CurrentRun, JobDeclaration, enter_run, leave_run
from scheduler.log_setup.recording import recorded
from scheduler.run import Attempt, Call, RunState, fields_of
from scheduler.testing.executed import ExecutedRun, LogLine
from scheduler.testing.time_limits import enforced
from scheduler.worker.calling import Called
from scheduler.worker.calling import call as called_job
from scheduler.worker.outcome import failed, too_long

WORKER: Final = "test"
NO_JITTER: Final = 0.0


def attempted(run: ExecutedRun, call: Call, job: JobDeclaration, level: Level) -> ExecutedRun:
    """`run` after one more attempt, which was executed here; lines of the log from `level` on.

    Where an event loop runs in this thread already, as in an `async def` test, the job gets a thread of its own.
    Raises KeyboardInterrupt, and what `pytest.fail` and its kin raise within the job.
    """
    context = copy_context()  # what the job binds is not the test's
    if not _in_event_loop():
        return context.run(_attempted, run, call, job, level)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(context.run, _attempted, run, call, job, level).result()


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _attempted(run: ExecutedRun, call: Call, job: JobDeclaration, level: Level) -> ExecutedRun:
    call = Call.from_json(json.loads(json.dumps(call.to_json())))  # as the store keeps it
    started_at = datetime.now(UTC)
    run = replace(
        run,
        state=RunState.RUNNING,
        worker=WORKER,
        started_at=started_at,
        first_started_at=run.first_started_at or started_at,
    )
    log_setup.hide(call.secrets)
    lines: list[LogLine] = []
    with recorded(lambda document: lines.append(LogLine.of(document)), level), _bound(run) as current:
        called, ending = _called(Claimed(run, call, started_at), job)
    # As in the store: it is for the next attempt.
    run = replace(run, checkpoint=None if ending.state is RunState.SUCCEEDED else current.checkpoint.text)
    if called.error is not None and _of_the_test(called.error):
        raise called.error
    return replace(_ended(run, ending), log=(*run.log, *lines), exception=called.error)


@contextmanager
def _bound(run: ExecutedRun) -> Iterator[CurrentRun]:
    log_setup.bind_run(**fields_of(run))
    current = CurrentRun.of(run)
    token = enter_run(current)
    try:
        yield current
    finally:
        leave_run(token)
        log_setup.clear_run()


def _called(claimed: Claimed, job: JobDeclaration) -> tuple[Called, Ending]:
    task, call = SimpleNamespace(name=job.name, run=job.function), claimed.call
    with enforced(call.soft_timeout, call.timeout) as limits:
        called = called_job(task, claimed, call.args, call.kwargs, from_entry=True, chance=NO_JITTER)
    if call.timeout is not None and limits.hard_struck:
        return called, failed(too_long(call.timeout), call.retry, claimed.run.attempt, NO_JITTER)
    return called, called.ending


def _of_the_test(error: BaseException) -> bool:
    """Whether it says something to whoever runs the tests, and nothing of the job."""
    outcomes: Any = sys.modules.get("_pytest.outcomes")
    return isinstance(error, KeyboardInterrupt) or (
        outcomes is not None and isinstance(error, outcomes.OutcomeException)
    )


def _ended(run: ExecutedRun, ending: Ending) -> ExecutedRun:
    finished_at = datetime.now(UTC)
    retry_at = finished_at + ending.wait if ending.state is RunState.RETRYING else None
    attempt = Attempt(
        number=run.attempt,
        outcome=ending.state.value,
        worker=WORKER,
        started_at=run.started_at,
        finished_at=finished_at,
        error=ending.error,
        traceback=ending.traceback,
        retry_at=retry_at,
    )
    return replace(
        run,
        state=ending.state,
        finished_at=finished_at,
        retry_at=retry_at,
        error=ending.error,
        traceback=ending.traceback,
        reason=ending.reason,
        result=json.loads(json.dumps(ending.result)),
        attempts=(*run.attempts, attempt),
    )
