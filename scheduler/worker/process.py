"""`onbeat worker` as a process: a Celery worker with Onbeat's wiring, no banner, and an exit code that tells."""

import os
import socket
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from celery.platforms import SecurityWarning

from scheduler.entry import DEFAULT_QUEUE
from scheduler.errors import InvalidSettings, Unreachable
from scheduler.job_catalogue import load_catalogue
from scheduler.log_setup import capture_fds, configure
from scheduler.reading.schedule_file import read_schedules
from scheduler.settings import Settings, secret_values, variable_name
from scheduler.store import StoreRefused
from scheduler.worker.context import use

FEWEST_CHILDREN: Final = 2


def run(
    settings: Settings,
    *,
    queues: Sequence[str] = (),
    concurrency: int | None = None,
) -> int:
    """Be a worker until SIGTERM or SIGINT; returns the exit code.

    `queues` empty: those of the settings, or `default` and every queue that the schedules and the jobs name.
    Raises StoreRefused where the store refuses our password; one that is out of reach is waited for. Raises
    InvalidSettings for rules of child processes where the pool has none.
    """
    children = _rules_of_children(settings)
    # Celery warns of root for what a pickled message could do; ours are JSON, and nothing else is accepted.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    configure(
        "worker",
        format=settings.log_format,
        level=settings.log_level,
        secrets=secret_values(settings),
    )
    capture_fds()
    here = use(settings)
    try:
        here.store.presence.now()
    except StoreRefused:
        raise
    except Unreachable:
        pass  # the worker waits for it, and says so
    names = list(queues) or list(settings.queues) or known_queues(settings)
    from scheduler.celery_app import app

    worker: Any = app.Worker(
        hostname=f"onbeat-{os.getpid()}@{socket.gethostname()}",
        queues=names,
        concurrency=concurrency or settings.concurrency or max(FEWEST_CHILDREN, os.cpu_count() or 1),
        pool_cls=settings.pool,
        **children,
        loglevel="WARNING",
        quiet=True,
        without_gossip=True,
        without_mingle=True,
    )
    worker.start()
    return int(worker.exitcode or 0)


def _rules_of_children(settings: Settings) -> dict[str, Any]:
    names = ("autoscale", "max_tasks_per_child", "max_memory_per_child")
    rules = {name: rule for name in names if (rule := getattr(settings, name)) is not None}
    if rules and settings.pool != "prefork":
        message = f"{variable_name(next(iter(rules)))} is about child processes, and the pool {settings.pool} has none"
        raise InvalidSettings(message, hint="leave it out, or take the pool prefork")
    return rules


def known_queues(settings: Settings) -> list[str]:
    """`default`, and every queue that an entry of the file or a job of this project names."""
    catalogue = load_catalogue(settings.jobs, Path.cwd())
    file = read_schedules(settings.schedules, catalogue=None, environ=os.environ, env=settings.env)
    named = {entry.queue for entry in file.entries.values()}
    named |= {job.queue for job in catalogue.jobs.values() if job.queue is not None}
    return sorted(named | {DEFAULT_QUEUE})
