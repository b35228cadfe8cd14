"""What becomes of a run whose worker was lost.

A beat decides it when the lease runs out, the worker itself when its child died.
"""

import json
import random
from datetime import timedelta
from typing import Any, Final

from scheduler.log_setup import emit
from scheduler.retry import RetryPolicy
from scheduler.run import Call, Run, RunState
from scheduler.store import Store
from scheduler.store.runs import Ending, Fenced
from scheduler.timestamps import rfc3339

WORKER_LOST: Final = "worker lost"


def after_loss(policy: RetryPolicy, attempt: int, chance: float) -> tuple[RunState, timedelta]:
    """The state that a lost run goes to, and the wait before its next attempt.

    `chance` in [0, 1) places the wait within the policy's jitter. A run is tried again only where the policy has
    `on_lost` and attempts left.
    """
    if policy.on_lost and attempt < policy.max_attempts:
        return RunState.RETRYING, policy.delay(attempt, chance)
    return RunState.FAILED, timedelta(0)


def recover(store: Store, run: Run, call_json: str, *, worker: str | None, why: str = WORKER_LOST) -> bool:
    """End the attempt of a lost run by its policy and say so; False where it had been given away meanwhile.

    `worker` is the id of the worker that noticed the death of its own child, or None where the lease ran out.
    Raises Unreachable.
    """
    call = Call.from_json(json.loads(call_json))
    state, wait = after_loss(call.retry, run.attempt, random.random())  # noqa: S311 - spreads load, guards nothing
    ending = Ending(state=state, error=why, reason=WORKER_LOST, wait=wait)
    finished = store.runs.finish(run.run_id, run.attempt, worker, ending, entry=run.entry, call=call)
    if isinstance(finished, Fenced):
        return False
    if finished.cancelled is not None:
        by, reason = finished.cancelled.by, finished.cancelled.reason
        emit("run.cancelled", **fields_of(run), by=by, reason=reason, error=why)
        return True
    emit("run.lost", **fields_of(run), worker=run.worker, error=why)
    if state is RunState.RETRYING:
        emit("run.retrying", **fields_of(run), error=why, retry_at=rfc3339(finished.retry_at))
    else:
        emit("run.failed", **fields_of(run), error=why)
    return True


def fields_of(run: Run) -> dict[str, Any]:
    """The fields that every event of a run has."""
    return {
        "entry": run.entry,
        "job": run.job,
        "run_id": run.run_id,
        "scheduled_at": rfc3339(run.scheduled_at),
        "attempt": run.attempt,
    }
