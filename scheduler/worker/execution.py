"""One execution: decode → claim → bind → call → outcome → finish, each step in a file of its own."""

from contextlib import suppress
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

from celery.exceptions import Ignore, Reject
from celery.exceptions import Retry as CeleryRetry

from scheduler.attempt import Claimed, Finished, Refused
from scheduler.errors import Unreachable
from scheduler.job import Skip
from scheduler.log_setup import hidden_values
from scheduler.run import RunState, fields_of
from scheduler.store.outbox import Move
from scheduler.succession import succeed
from scheduler.worker import interruptions
from scheduler.worker.binding import bound
from scheduler.worker.calling import Called, call
from scheduler.worker.claiming import claim
from scheduler.worker.context import WorkerContext, context
from scheduler.worker.decode import named
from scheduler.worker.job_clock import clock
from scheduler.worker.patience import patiently
from scheduler.worker.telling import tell_duplicate, tell_end, tell_expired, tell_limited, tell_start

# A claim may be on record though its answer was lost, and the end of a job that has run must not be: who gave up sooner
# than the store comes back would have the run found lost, and executed again.
PATIENCE: Final = timedelta(hours=1)
CELERYS_MARGIN: Final = timedelta(seconds=30)


def execute(task: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Execute one attempt, as a task of a Celery worker.

    1. Decode the message into the run and the attempt that it names.
    2. Claim them. Refused: the message came twice, late, or for nothing; it is ignored.
    3. Bind the run to the log and to `current_run()`.
    4. Call the job.
    5. Decide the outcome by what it returned or raised.
    6. Finish: put it on record, fenced by the attempt.

    Returns the job's result, or raises what makes Celery do the same with its message and its own result.
    """
    with clock.executing():
        return _executed(task, args, kwargs)


def _executed(task: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    interruptions.begin()
    here = context()
    name = named(task.request, task.name)
    token = uuid4().hex
    claimed = patiently(lambda: claim(here, name, task, args, kwargs, token=token), PATIENCE)
    if isinstance(claimed, Refused):
        run = patiently(lambda: here.store.runs.get(name.run_id), PATIENCE)
        if claimed.expired:
            tell_expired(run)
        elif claimed.until is not None:
            tell_limited(name, task.name, run, claimed.until)
        else:
            tell_duplicate(name, task.name, run, claimed.why)
        raise Ignore(claimed.why)
    with bound(claimed, here):
        tell_start(claimed, here.worker)
        called = call(task, claimed, args, kwargs, from_entry=claimed.run.entry is not None)
    cancelled = _finish(here, claimed, called)
    if (error := _for_celery(here, claimed, called, cancelled=cancelled)) is not None:
        raise error
    return called.result


def _finish(here: WorkerContext, claimed: Claimed, called: Called) -> bool:
    """Put the end on record, and say it. True where it ended as cancelled, for somebody had asked for that."""
    run, ending = claimed.run, called.ending.without(hidden_values())
    finished = patiently(
        lambda: here.store.runs.finish(
            run.run_id, run.attempt, here.worker, ending, entry=run.entry, call=claimed.call
        ),
        PATIENCE,
    )
    tell_end(fields_of(run), ending, finished, claimed.claimed_at, here.worker)
    if isinstance(finished, Finished) and finished.followed:
        _see_to_followers(here, run.run_id)
    return isinstance(finished, Finished) and finished.cancelled is not None


def _see_to_followers(here: WorkerContext, run_id: str) -> None:
    ended = here.store.runs.get(run_id)
    if ended is not None:
        with suppress(Unreachable):  # a beat sees to it two seconds later
            succeed(here.store, here.publisher, ended)


def _for_celery(
    here: WorkerContext, claimed: Claimed, called: Called, *, cancelled: bool
) -> BaseException | None:
    """What to raise, or None where the job's result is the task's as well."""
    error, ending = called.error, called.ending
    if cancelled:
        return error if isinstance(error, Exception) else RuntimeError("the run was cancelled")
    if isinstance(error, CeleryRetry):
        _leave_retry_to_celery(here, claimed, ending.wait)
    elif not isinstance(error, Ignore | Reject) and ending.state is RunState.RETRYING:
        error = Ignore(ending.error)
    elif isinstance(error, Skip):
        return None  # no failure to Celery either: who waits for the result gets none, and a chord goes on
    elif error is not None and (not isinstance(error, Exception) or isinstance(error, MemoryError)):
        return RuntimeError(ending.error)  # Celery would end its whole worker for it
    return error


def _leave_retry_to_celery(here: WorkerContext, claimed: Claimed, wait: timedelta) -> None:
    """`self.retry()` has sent the next attempt's message already; should it get lost, a beat sends it again."""
    run = here.store.runs.get(claimed.run.run_id) or claimed.run
    here.store.outbox.move([Move(run, run.attempt + 1)], "sent", republish_after=wait + CELERYS_MARGIN)
