"""A message within the worker's main process: what its child takes in hand, and what to do when the child is killed."""

from collections.abc import Callable
from contextlib import suppress
from signal import SIGTERM
from typing import Any, Final

from celery.worker.request import Request
from kombu.asynchronous import get_event_loop

from scheduler.errors import Unreachable
from scheduler.log_setup import emit
from scheduler.message import ONBEAT_HEADER, attempt_of
from scheduler.worker import endings
from scheduler.worker.bell import Bell
from scheduler.worker.context import context
from scheduler.worker.held import Held
from scheduler.worker.job_processes import end_all
from scheduler.worker.leases import LeaseKeeper

# RabbitMQ ends the channel of whoever keeps a message for 30 minutes (`consumer_timeout`).
LONGEST_PLACE_S: Final = 600.0


class Desk:
    """Where the requests of this process find its lease keeper; None in a process that is no worker."""

    keeper: LeaseKeeper | None = None


class JobRequest(Request):  # type: ignore[misc]  # Celery has no types
    """Celery's request, which tells the lease keeper when a child begins and ends."""

    _timed_out = False
    _held: Held | None = None
    _keeps_its_place = False
    _place_ends: Any = None
    acknowledged: bool

    @property
    def attempt(self) -> int:
        """The attempt that the message is for."""
        found = attempt_of(self._request_dict.get(ONBEAT_HEADER), self._request_dict.get("retries"))
        return 0 if found is None else found

    def on_accepted(self, pid: int, time_accepted: float) -> None:
        """A child of the pool took the message."""
        if Desk.keeper is not None:
            self._held = Held(self.id, self.attempt, pid)
            Desk.keeper.hold(self._held)
        if self._is_a_doorbell_of_amqp():
            self._keep_the_place()
        super().on_accepted(pid, time_accepted)

    def acknowledge(self) -> None:
        """Let go of the message, unless it keeps its place while the job runs."""
        if not self._keeps_its_place:
            super().acknowledge()

    def _is_a_doorbell_of_amqp(self) -> bool:
        return ONBEAT_HEADER in self._request_dict and not self.app.conf.worker_disable_prefetch

    def _keep_the_place(self) -> None:
        """An AMQP broker fills a place as soon as its message is acknowledged: that run would wait for a long one.

        A broker that sends it again, because the connection was lost, does no harm: it names a run that is taken.
        """
        self._keeps_its_place = True
        hub: Any = get_event_loop()  # None where the pool needs none
        if hub is not None:
            self._place_ends = hub.call_later(LONGEST_PLACE_S, self._leave_the_place)

    def _leave_the_place(self) -> None:
        if self._place_ends is not None:
            self._place_ends.cancel()
        if self._keeps_its_place and not self.acknowledged:
            self._keeps_its_place = False
            self.acknowledged = True
            with suppress(
                *self.connection_errors
            ):  # it is another connection's by now, or will be: it comes again
                self.message.ack()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Celery makes a class of each task's requests beneath this one, with an `on_success` of its own."""
        super().__init_subclass__(**kwargs)
        celerys = cls.on_success

        def on_success(self: JobRequest, failed__retval__runtime: Any, **kwargs: Any) -> None:
            """The child is done with it, well or not."""
            self._let_go()
            celerys(self, failed__retval__runtime, **kwargs)
            Bell.ring()

        cls.on_success = on_success

    def on_failure(self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False) -> None:  # noqa: FBT001, FBT002 - Celery's signature
        """The job raised, or its process died: then its run is not left to its lease."""
        if not return_ok and not self._timed_out and endings.died(exc_info.exception):
            self._later(lambda: endings.child_lost(self.id, self.attempt, exc_info.exception))
        self._let_go()
        super().on_failure(exc_info, send_failed_event, return_ok)

    def on_timeout(self, soft: bool, timeout: float) -> None:  # noqa: FBT001 - Celery's signature
        """The hard limit: all that the job has started goes, not just the process that Celery knows."""
        if not soft:
            self._timed_out = True
            end_all(self.worker_pid, self.id, self.attempt, context().worker)
            self._later(lambda: endings.timed_out(self.id, self.attempt, timeout))
            self._let_go()
        super().on_timeout(soft, timeout)

    def terminate(self, pool: Any, signal: str | int | None = None) -> None:
        """`celery control revoke --terminate`: as `onbeat cancel`, unless it asks for another signal."""
        if signal in (None, "TERM", "SIGTERM", SIGTERM) and self._cancel_is_asked():
            return
        super().terminate(pool, signal)

    def _cancel_is_asked(self) -> bool:
        try:
            stopping = context().store.cancels.ask(self.id, by="celery revoke", reason="")
        except Unreachable as error:
            emit("store.unreachable", error=str(error), hint="the run is ended as Celery does it")
            return False
        return stopping.answer != "gone"

    def _let_go(self) -> None:
        self._leave_the_place()
        if Desk.keeper is not None and self._held is not None:
            Desk.keeper.drop(self._held)

    def _later(self, action: Callable[[], None]) -> None:
        if Desk.keeper is not None:
            Desk.keeper.later(action)
