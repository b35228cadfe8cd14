"""Third step of an execution: the run bound to the log, to its own log in the store, and to `current_run()`."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from scheduler import log_setup
from scheduler.attempt import Claimed
from scheduler.job import CurrentRun, enter_run, leave_run
from scheduler.run import fields_of
from scheduler.worker import interruptions
from scheduler.worker.context import WorkerContext
from scheduler.worker.job_processes import known_to_programs
from scheduler.worker.reports import StoreReports
from scheduler.worker.run_log import RunLog, RunLogs

_logs = RunLogs()


@contextmanager
def bound(claimed: Claimed, here: WorkerContext) -> Iterator[None]:
    """What is logged, printed or written within belongs to the run; all of it is in the store when this ends."""
    run = claimed.run
    reports = StoreReports(here.store.runs, claimed, here.worker)
    log = RunLog(here.store.logs, run.run_id, claimed.call.keep_for)
    log_setup.hide(claimed.call.secrets)
    log_setup.bind_run(**fields_of(run))
    _logs.begin(log)
    token = enter_run(CurrentRun.of(run, reports))
    try:
        with known_to_programs(run, here.worker) if interruptions.by_signal() else nullcontext():
            yield
    finally:
        leave_run(token)
        reports.close()
        log_setup.clear_run()
        _logs.end(log)
