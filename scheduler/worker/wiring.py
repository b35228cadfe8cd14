"""Where a Celery worker becomes Onbeat's: its signals, connected once when the app loads its modules."""

import logging
import os
import signal
import socket
from pathlib import Path
from typing import Any, Final

import structlog
from celery import signals
from celery.concurrency.prefork import TaskPool as PreforkPool
from celery.worker.control import control_command

from scheduler import __version__, log_setup, systemd_notify
from scheduler.celery_app import app, register_jobs
from scheduler.durations import format_duration
from scheduler.job_catalogue import load_catalogue
from scheduler.log_setup import emit
from scheduler.parent_death import die_with_parent
from scheduler.settings import secret_values
from scheduler.worker import connecting, endings, interruptions, job_clock, outages, strangers
from scheduler.worker.bell import Bell
from scheduler.worker.context import context
from scheduler.worker.draining import Draining, stopped
from scheduler.worker.leases import LeaseKeeper
from scheduler.worker.pulse import Pulse
from scheduler.worker.request import Desk

# What these say of a task, Onbeat says of its run, with the run's fields.
_SAID_BY_US = ("celery.app.trace", "celery.worker.request", "celery.worker.strategy")
REMOTE: Final = "celery control shutdown"


class _Worker:
    """The worker of this process, once it is ready."""

    draining: Draining | None = None
    pid: int | None = None


def _keep_our_logging(**_: Any) -> None:
    """A receiver of this signal keeps Celery from taking over the root logger."""
    if not structlog.is_configured():
        settings = context().settings
        log_setup.configure(
            "worker",
            format=settings.log_format,
            level=settings.log_level,
            secrets=secret_values(settings),
        )
        log_setup.capture_fds()
    for name in _SAID_BY_US:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _load_jobs(**_: Any) -> None:
    _Worker.pid = os.getpid()
    settings = context().settings
    catalogue = load_catalogue(settings.jobs, Path.cwd())
    for problem in catalogue.problems:
        logging.getLogger("scheduler.worker").error(problem.text())
    register_jobs()


def _begin(sender: Any, **_: Any) -> None:
    here = context()
    queues = sorted(queue.name for queue in sender.task_consumer.queues)
    pool = sender.pool
    about = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "version": __version__,
        "queues": queues,
        "concurrency": pool.num_processes,
        "nodename": sender.hostname,
    }
    Desk.keeper = LeaseKeeper(
        here, lambda: {**about, "concurrency": pool.num_processes}, turning=sender.pulse.well
    )
    Desk.keeper.start()
    Desk.keeper.later(endings.end_left_behind)
    _Worker.draining = Draining(here, Desk.keeper, sender)
    _Worker.draining.install()
    emit("worker.started", worker=here.worker, **{k: about[k] for k in ("version", "queues", "concurrency")})
    if isinstance(pool, PreforkPool):
        job_clock.govern(pool)
    else:
        reason = (
            "only the pool `prefork` can end a job: here timeout and soft_timeout are not kept, "
            "and a cancelled job ends at its next heartbeat or checkpoint"
        )
        emit("worker.limited", reason=reason)
    systemd_notify.ready(f"queues {', '.join(queues)}")


def _begin_child(**_: Any) -> None:
    """A child of the pool leads its own process group, so that a time-out ends all that its job started."""
    if os.getpid() == _Worker.pid:
        return  # the pool `solo` has no children, and says so of the worker itself
    os.setpgid(0, 0)
    die_with_parent(signal.SIGKILL)
    interruptions.enable()
    log_setup.after_fork()
    outages.forget()


def _task_over(**_: Any) -> None:
    interruptions.over()


def _end(**_: Any) -> None:
    if _Worker.draining is not None:
        _Worker.draining.over()
    if Desk.keeper is not None:
        Desk.keeper.stop()
    stopped(context().worker)


@control_command(name="shutdown")  # type: ignore[untyped-decorator]  # Celery has none
def _remote_shutdown(_state: Any, **_: Any) -> dict[str, str]:
    """`celery control shutdown`. Celery's own waits for running jobs without limit, and answers nothing."""
    if _Worker.draining is None:
        return {"error": "still starting"}
    _Worker.draining.ask(REMOTE)
    grace = format_duration(context().settings.shutdown_grace)
    return {"ok": f"takes no more; running jobs may end within {grace}"}


strangers.connect()
connecting.say_it_ourselves()
app.steps["consumer"].update((Pulse, Bell))
signals.setup_logging.connect(_keep_our_logging, weak=False)
signals.celeryd_init.connect(_load_jobs, weak=False)
signals.worker_ready.connect(_begin, weak=False)
signals.worker_process_init.connect(_begin_child, weak=False)
signals.task_postrun.connect(_task_over, weak=False)
signals.worker_shutdown.connect(_end, weak=False)
