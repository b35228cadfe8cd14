"""What becomes of a run whose worker was lost.

A beat decides it when the lease runs out, the worker itself when its child died.
"""

import json
import random

from scheduler.attempt import WORKER_LOST, Ending, Fenced, after_loss
from scheduler.log_setup import emit
from scheduler.run import Call, Run, RunState, fields_of
from scheduler.store import Store
from scheduler.timestamps import milliseconds, rfc3339


def recover(store: Store, run: Run, call_json: str, *, worker: str | None, why: str = "") -> bool:
    """End the attempt of a lost run by its policy and say so; False where it had been given away meanwhile.

    `worker` is the id of the worker that noticed the death of its own child and says `why`, or None where the lease
    ran out. Raises Unreachable.
    """
    why = why or f"{WORKER_LOST}: {run.worker} gave no sign of life; it was killed, froze or was cut off"
    call = Call.from_json(json.loads(call_json))
    state, wait = after_loss(call.retry, run.attempt, random.random())  # noqa: S311 - spreads load, guards nothing
    ending = Ending(state=state, error=why, reason=WORKER_LOST, wait=wait)
    finished = store.runs.finish(run.run_id, run.attempt, worker, ending, entry=run.entry, call=call)
    if isinstance(finished, Fenced):
        return False
    about = {**fields_of(run), "worker": run.worker}
    if finished.cancelled is not None:
        by, reason = finished.cancelled.by, finished.cancelled.reason
        emit("run.cancelled", **about, by=by, reason=reason, error=why)
        return True
    emit("run.lost", **about, error=why)
    if run.started_at is not None:
        about["duration_ms"] = milliseconds(finished.finished_at - run.started_at)
    if state is RunState.RETRYING:
        emit("run.retrying", **about, error=why, retry_at=rfc3339(finished.retry_at))
    else:
        emit("run.failed", **about, error=why, traceback=None, reason=WORKER_LOST)
    return True
