"""How a worker stops: it takes no more, lets what runs end within the grace, and hands back the rest."""

import os
import signal
import threading
from contextlib import suppress
from datetime import timedelta
from types import FrameType
from typing import Any, Final

from celery.worker import state as celery_state

from scheduler import log_setup, systemd_notify
from scheduler.errors import Unreachable
from scheduler.log_setup import emit
from scheduler.worker import endings
from scheduler.worker.context import WorkerContext
from scheduler.worker.leases import Held, LeaseKeeper

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
LEAVING: Final = timedelta(seconds=15)  # what handing back may take once the grace is over, asked of systemd


class Draining:
    """Answers the signals that ask a worker to stop. The second one ends it at once."""

    def __init__(self, here: WorkerContext, keeper: LeaseKeeper) -> None:
        self._here = here
        self._keeper = keeper
        self._begun = False
        self._over = threading.Event()

    def install(self) -> None:
        """Take the signals over from Celery, which would wait without limit. Main thread only."""
        for number in SIGNALS:
            signal.signal(number, self._asked)

    def over(self) -> None:
        """All jobs have ended by themselves."""
        self._over.set()

    def _asked(self, number: int, _frame: FrameType | None) -> None:
        at_once = self._begun
        self._begun = True
        celery_state.should_stop = os.EX_OK
        # In a thread: a handler may not log, for the interrupted code may hold the log's lock.
        name = signal.Signals(number).name
        threading.Thread(target=self._wait, args=(name, at_once), name="draining", daemon=True).start()

    def _wait(self, name: str, at_once: bool) -> None:  # noqa: FBT001 - Thread passes by position
        grace_s = 0.0 if at_once else self._here.settings.shutdown_grace.total_seconds()
        systemd_notify.stopping(timedelta(seconds=grace_s) + LEAVING)
        if not at_once:
            emit("worker.draining", signal=name, running=len(self._keeper.held()), grace_s=grace_s)
        if not self._over.wait(grace_s):
            self._hand_back_and_leave()

    def _hand_back_and_leave(self) -> None:
        held = self._keeper.held()
        try:
            endings.hand_back(held)
            self._here.store.presence.sign_out("workers", self._here.worker)
        except Unreachable as error:
            emit(
                "store.unreachable",
                error=str(error),
                hint="the runs are found by their leases, in under 20 s",
            )
        for each in held:
            kill_group(each)
        emit("worker.stopped", worker=self._here.worker, handed_back=len(held))
        log_setup.flush_streams()
        os._exit(os.EX_OK)


def kill_group(held: Held) -> None:
    """Kill the process group of the child that has this run in hand."""
    with suppress(ProcessLookupError, PermissionError):
        if os.getpgid(held.pid) == held.pid:
            os.killpg(held.pid, signal.SIGKILL)


def stopped(worker: Any) -> None:
    """Say that a worker ended in order."""
    emit("worker.stopped", worker=worker, handed_back=0)
