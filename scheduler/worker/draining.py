"""How a worker stops: it takes no more, lets what runs end within the grace, and hands back the rest."""

import os
import signal
import sys
import threading
from datetime import timedelta
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any, Final

from celery.worker import state as celery_state

from scheduler import log_setup, systemd_notify
from scheduler.errors import Unreachable
from scheduler.log_setup import emit, traceback_text
from scheduler.worker import endings
from scheduler.worker.context import WorkerContext
from scheduler.worker.held import Held
from scheduler.worker.job_processes import end_all
from scheduler.worker.leases import LeaseKeeper
from scheduler.worker.process_group import signal_group

ASKING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
AT_ONCE: Final = "SIGQUIT"
LEAVING: Final = timedelta(seconds=15)  # what handing back may take once the grace is over, asked of systemd


class Draining:
    """Answers the signals that ask a worker to stop. The second one ends it at once, and so does SIGQUIT."""

    def __init__(self, here: WorkerContext, keeper: LeaseKeeper, consumer: Any) -> None:
        self._here = here
        self._keeper = keeper
        self._consumer = consumer
        # A handler may neither log nor take a lock, for the interrupted code may hold it; this put() needs none.
        self._asked: SimpleQueue[str] = SimpleQueue()
        self._thread = threading.Thread(target=self._answer, name="draining", daemon=True)

    def install(self) -> None:
        """Take the signals over from Celery, which would wait without limit. Main thread only."""
        self._thread.start()
        for number in ASKING:
            signal.signal(number, self._ask)
        if not sys.__stdin__ or not sys.__stdin__.isatty():
            # Celery would start itself anew in this process. On a terminal SIGHUP says that it was closed.
            signal.signal(signal.SIGHUP, _nothing_to_read_again)

    def ask(self, by: str) -> None:
        """Stop as a signal would have it. For a caller in the main thread; Celery's loop sees to the rest."""
        celery_state.should_stop = os.EX_OK
        self._asked.put(by)

    def over(self) -> None:
        """All jobs have ended by themselves."""
        self._asked.put("")

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        self.ask(signal.Signals(number).name)

    def _answer(self) -> None:
        name = self._asked.get()
        if not name:
            return
        grace_s = 0.0 if name == AT_ONCE else self._here.settings.shutdown_grace.total_seconds()
        systemd_notify.stopping(timedelta(seconds=grace_s) + LEAVING)
        emit("worker.draining", signal=name, running=len(self._keeper.held()), grace_s=grace_s)
        try:
            again = self._asked.get(timeout=grace_s)
        except Empty:
            again = AT_ONCE
        if again:
            self._leave()

    def _leave(self) -> None:
        held = self._keeper.held()
        try:
            self._hand_back(held)
            self._put_back_messages()
        except Exception as error:  # noqa: BLE001 - the edge of the process: whatever fails, it ends now
            words = f"{type(error).__name__}: {error}"
            emit("thread.crashed", error=words, traceback=traceback_text(error), thread="draining")
        emit("worker.stopped", worker=self._here.worker, handed_back=len(held))
        log_setup.flush_streams()
        os._exit(os.EX_OK)

    def _hand_back(self, held: list[Held]) -> None:
        for each in held:
            signal_group(each.pid, signal.SIGSTOP)  # or its job would go on while another worker starts it
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
            end_all(each.pid, each.run_id, each.attempt, self._here.worker)

    def _put_back_messages(self) -> None:
        """Tasks with an ETA wait in this process; their messages would come back only after an hour.

        Of a broker that is no Redis nothing is asked: it takes them back when the connection ends.
        """
        channel: Any = getattr(self._consumer.task_consumer, "channel", None)
        qos: Any = getattr(channel, "qos", None)
        if not hasattr(qos, "restore_unacked"):
            return
        consumer = self._consumer
        try:
            qos.restore_unacked()
        except (*consumer.connection_errors, *consumer.channel_errors, AttributeError) as error:
            if isinstance(error, AttributeError) and channel.connection is not None:
                raise  # a channel that kombu closes at this moment has no connection any more
            hint = "tasks with an ETA that waited here come back by themselves within an hour"
            emit("broker.unreachable", error=str(error), hint=hint)


def _nothing_to_read_again(_number: int, _frame: FrameType | None) -> None:
    """A worker reads no schedules."""


def stopped(worker: Any) -> None:
    """Say that a worker ended in order."""
    emit("worker.stopped", worker=worker, handed_back=0)
