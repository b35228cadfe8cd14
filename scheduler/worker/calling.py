"""Fourth and fifth step of an execution: call the job, and decide by what it came to how the attempt ended."""

import inspect
import json
import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from billiard.exceptions import SoftTimeLimitExceeded
from celery.exceptions import Ignore, Reject
from celery.exceptions import Retry as CeleryRetry

from scheduler.attempt import TOO_LONG, WORKER_LOST, Claimed, Ending, after_loss
from scheduler.durations import format_duration
from scheduler.job import Abort, Cancelled, Retry, Skip, declared_jobs
from scheduler.job_catalogue import converted
from scheduler.log_setup import emit
from scheduler.run import RunState, fields_of
from scheduler.timestamps import milliseconds
from scheduler.worker import interruptions
from scheduler.worker.job_clock import clock
from scheduler.worker.outcome import Failure, asked_for, failed, succeeded


@dataclass(frozen=True, slots=True)
class Called:
    """What came of the call: its result or what it raised, and the end of the attempt that follows from it."""

    ending: Ending
    result: Any = None
    error: BaseException | None = None


def call(
    task: Any,
    claimed: Claimed,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    *,
    from_entry: bool,
    chance: float | None = None,
) -> Called:
    """Call the job. Whatever leaves it is its outcome, so this raises nothing.

    The arguments of an entry are JSON, and become what the job's annotations ask for. `chance` in [0, 1), by default
    a new one each time, places the next attempt within the policy's jitter.
    """
    policy, attempt = claimed.call.retry, claimed.run.attempt
    if chance is None:
        chance = random.random()  # noqa: S311 - spreads load, guards nothing
    try:
        result = _result(task, args, kwargs, from_entry=from_entry)
        return Called(succeeded(result, _json_text(result)), result=result)
    except (Retry, Skip, Abort) as asked:
        return Called(asked_for(asked, policy, attempt, chance), error=asked)
    except (Ignore, Reject, CeleryRetry) as celerys:
        return Called(_celerys_ending(celerys), error=celerys)
    except Cancelled as struck:
        return Called(_stopped(claimed, struck, chance), error=RuntimeError("the run was cancelled"))
    except SystemExit as leaving:
        error = RuntimeError(f"the job called exit({leaving.code!r})")
        return Called(failed(Failure.of(error), policy, attempt, chance), error=error)
    except BaseException as error:  # noqa: BLE001 - the edge of the job: asyncio's CancelledError is no Exception
        failure = (
            _timed_out(claimed, error) if isinstance(error, SoftTimeLimitExceeded) else Failure.of(error)
        )
        return Called(failed(failure, policy, attempt, chance), error=error)


def _result(task: Any, args: tuple[Any, ...], kwargs: dict[str, Any], *, from_entry: bool) -> Any:
    declaration = declared_jobs().get(task.name)
    if from_entry and declaration is not None:
        args, kwargs = converted(declaration, args, kwargs)
    with clock.calling(), interruptions.calling():
        result = task.run(*args, **kwargs)
        return interruptions.run_async(result) if inspect.iscoroutine(result) else result


def _stopped(claimed: Claimed, struck: Cancelled, chance: float) -> Ending:
    """The end of a job that got SIGTERM. The store makes it `cancelled` if somebody asked for that.

    If nobody did, something else ended the job's process, and it is lost as if that had been SIGKILL.
    """
    state, wait = after_loss(claimed.call.retry, claimed.run.attempt, chance)
    error = "Cancelled: the job was ended by SIGTERM"
    return Ending(
        state=state, error=error, traceback=Failure.of(struck).traceback, reason=WORKER_LOST, wait=wait
    )


def _timed_out(claimed: Claimed, error: SoftTimeLimitExceeded) -> Failure:
    limit = claimed.call.soft_timeout
    about = {"limit": "soft", "limit_ms": milliseconds(limit), "worker": claimed.run.worker}
    emit("run.timed_out", **fields_of(claimed.run), **about)
    failure = Failure.of(error)
    of = "" if limit is None else f" of {format_duration(limit)}"
    return replace(failure, error=f"{TOO_LONG['soft']}{of}")


def _celerys_ending(asked: Ignore | Reject | CeleryRetry) -> Ending:
    """A task that speaks Celery's own language: Ignore and Reject end it, its `self.retry()` comes back by itself."""
    if not isinstance(asked, CeleryRetry):
        return Ending(state=RunState.SKIPPED, reason=f"the task raised {type(asked).__name__}: {asked}")
    when = asked.when
    wait = when - datetime.now(UTC) if isinstance(when, datetime) else timedelta(seconds=when or 0)
    return Ending(state=RunState.RETRYING, error=str(asked.exc or asked), wait=max(wait, timedelta(0)))


def _json_text(result: Any) -> str | None:
    try:
        return json.dumps(result, allow_nan=False)
    except Exception:  # noqa: BLE001 - a result may be of a class of the job's own, which raises what it likes
        return None
