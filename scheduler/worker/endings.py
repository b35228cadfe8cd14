"""Ends of attempts that the worker's main process puts on record, because the child that had them is gone."""

import json
import random
import re
from datetime import timedelta
from typing import Any, Final

from billiard.exceptions import Terminated, WorkerLostError

from scheduler.attempt import WORKER_LOST
from scheduler.log_setup import emit
from scheduler.recovery import recover
from scheduler.run import Call, Run, RunState, fields_of
from scheduler.store.outbox import Move
from scheduler.worker.context import context
from scheduler.worker.held import Held
from scheduler.worker.job_processes import Claim, end_all, kill, left_behind
from scheduler.worker.outcome import failed, too_long
from scheduler.worker.telling import tell_end

_DEATH: Final = re.compile(
    r"Worker exited prematurely: (?:signal \d+ \((?P<signal>\w+)\)|exitcode (?P<code>-?\d+))\.?"
)
_DEATHS: Final = (WorkerLostError, Terminated, SystemExit, KeyboardInterrupt)


def died(error: Any) -> bool:
    """True where the child could not record how the attempt ended, for it died of something else than our time-out."""
    return isinstance(getattr(error, "exc", error), _DEATHS)


def child_lost(run_id: str, attempt: int, error: Any) -> None:
    """A child of the pool died with this attempt in hand. Raises Unreachable.

    By the time the store answers this worker may have the run's next attempt in hand: that one is left alone.
    """
    if (found := _in_hand(run_id, attempt)) is not None:
        run, call = found
        end_all(None, run_id, attempt, context().worker)  # what the dead child's job had started
        recover(context().store, run, call, worker=context().worker, why=f"worker lost: {_words(error)}")


def killed(held: Held) -> None:
    """A child was killed, for its job did not end when it was cancelled. Raises Unreachable.

    Celery would say so as well, but up to 10 s later.
    """
    if (found := _in_hand(held.run_id, held.attempt)) is not None:
        run, call = found
        why = "killed by SIGKILL: the job did not end in time after SIGTERM"
        recover(context().store, run, call, worker=context().worker, why=why)


def timed_out(run_id: str, attempt: int, limit_s: float) -> None:
    """A child was killed because this attempt took longer than its hard limit. Raises Unreachable."""
    if (found := _in_hand(run_id, attempt)) is None:
        return
    run, call_json = found
    call = Call.from_json(json.loads(call_json))
    failure = too_long(timedelta(seconds=limit_s))
    ending = failed(failure, call.retry, run.attempt, random.random())  # noqa: S311 - spreads load, guards nothing
    here = context()
    about = {"limit": "hard", "limit_ms": round(limit_s * 1000), "worker": here.worker}
    emit("run.timed_out", **fields_of(run), **about)
    finished = here.store.runs.finish(
        run.run_id, run.attempt, here.worker, ending, entry=run.entry, call=call
    )
    tell_end(fields_of(run), ending, finished, run.started_at, here.worker)


def hand_back(held: list[Held]) -> None:
    """Give the runs in hand to other workers at once, without counting an attempt. Raises Unreachable.

    Those that somebody cancelled end here.
    """
    here = context()
    found = here.store.runs.calls([each.run_id for each in held])
    mine = [(run, call) for run, call in found.values() if _is_mine(run) and not run.cancel_asked]
    if here.publisher.push:
        here.publisher.publish([(run, call, run.attempt) for run, call in mine])
    else:
        here.store.outbox.move([Move(run, run.attempt) for run, _ in mine], "outbox")
    for run, _ in mine:
        emit("run.interrupted", **fields_of(run), worker=here.worker)
    for run, call in found.values():
        if _is_mine(run) and run.cancel_asked:
            recover(here.store, run, call, worker=here.worker, why="the worker had to stop")


def end_left_behind() -> None:
    """End what jobs left running whose worker died on this host. Raises Unreachable.

    What a run has left that ended by itself is none of ours: a job may start a daemon.
    """
    for claim, pids in left_behind().items():
        run = context().store.runs.get(claim.run_id)
        if run is not None and _was_lost(run, claim):
            kill(pids)
            about = {**fields_of(run), "attempt": claim.attempt}
            emit("run.remains", **about, worker=claim.worker, processes=len(pids))


def _was_lost(run: Run, claim: Claim) -> bool:
    return any(
        each.number == claim.attempt
        and each.worker == claim.worker
        and (each.outcome is None or (each.error or "").startswith(WORKER_LOST))
        for each in run.attempts
    )


def _in_hand(run_id: str, attempt: int) -> tuple[Run, str] | None:
    found = context().store.runs.calls([run_id]).get(run_id)
    return found if found is not None and _is_mine(found[0]) and found[0].attempt == attempt else None


def _is_mine(run: Run) -> bool:
    return run.state is RunState.RUNNING and run.worker == context().worker


def _words(error: Any) -> str:
    text = str(getattr(error, "exc", error)).partition(" Job:")[0]
    if (death := _DEATH.fullmatch(text)) is None:
        return text or type(error).__name__
    if death["code"] is not None:
        return f"the job's process ended by itself, with exit code {death['code']}"
    cause = ": out of memory, or kill -9" if death["signal"] == "SIGKILL" else ""
    return f"the job's process was ended by {death['signal']}{cause}"
