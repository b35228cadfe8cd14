"""Messages that Celery turns away before any task sees them: the run that one names must not wait for ever."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Final
from uuid import uuid4

from celery import signals
from celery.worker.consumer import consumer

from scheduler import redis_transport
from scheduler.attempt import Claimed, Ending
from scheduler.log_setup import emit, traceback_text
from scheduler.message import ONBEAT_HEADER, attempt_of
from scheduler.message_form import sealed, taken, task_problem
from scheduler.run import Call, RunState, fields_of
from scheduler.worker.connecting import PatientConsumer
from scheduler.worker.context import LEASE, context
from scheduler.worker.outcome import Failure, failed
from scheduler.worker.request import Desk
from scheduler.worker.telling import tell_end

_SAID_BY_US: Final = (
    consumer.UNKNOWN_FORMAT,
    consumer.UNKNOWN_TASK_ERROR,
    consumer.INVALID_TASK_ERROR,
    consumer.MESSAGE_DECODE_ERROR,
)

PATIENCE: Final = timedelta(minutes=2)

_NO_SUCH_JOB: Final = ("celery.exceptions.NotRegistered", "NotRegistered", "builtins.KeyError", "KeyError")


class PoliteConsumer(PatientConsumer):
    """A consumer that hands on no message that would end the worker. See `celery_app`."""

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
        """What is called with each message."""
        handle = super().create_task_handler(*args, **kwargs)
        of_the_broker = (*self.connection_errors, *self.channel_errors)

        def on_task_received(message: Any) -> None:
            if reason := task_problem(taken(message)):
                _put_aside(message, reason)
                message.reject_log_error(consumer.logger, self.connection_errors)
                return
            try:
                handle(message)
            except of_the_broker:
                raise
            except Exception as error:  # noqa: BLE001 - a message of any shape ends no worker; this one is kept
                _put_aside(message, f"Celery can't read it: {error!r}", traceback=traceback_text(error))
                if not message.acknowledged:
                    message.reject_log_error(consumer.logger, self.connection_errors)

        return on_task_received


def connect() -> None:
    """Look at each message first; listen to what Celery says of some, and leave its pages of text out of the log."""
    redis_transport.hand_refused_to(_refuse)
    consumer.logger.addFilter(lambda record: record.msg not in _SAID_BY_US)
    signals.task_unknown.connect(_unknown_task, weak=False)
    signals.task_rejected.connect(_rejected, weak=False)
    signals.task_revoked.connect(_revoked, weak=False)


def _unknown_task(message: Any, name: str, id: str, **_: Any) -> None:  # noqa: A002 - Celery's word
    reason = f"this worker has no job {name!r}"
    _put_aside(message, reason, job=name, run_id=id)
    failure = Failure(f"NotRegistered: {reason}: is its code older than the schedules?", "", _NO_SUCH_JOB)
    if (attempt := _attempt(message.headers)) is not None:
        _later(partial(fail, id, attempt, failure))


def _rejected(message: Any, exc: BaseException | None = None, **_: Any) -> None:
    """Celery's own reasons, for what looked well."""
    _put_aside(message, f"Celery rejects it: {exc!r}")


def _revoked(request: Any, terminated: bool, expired: bool, **_: Any) -> None:  # noqa: FBT001 - Celery's signature
    """`expires` of a task that an application sent, or `celery control revoke`. A job that was killed: see endings."""
    if terminated:
        return
    state = RunState.EXPIRED if expired else RunState.CANCELLED
    _later(partial(_end_unstarted, request.id, request.task, _attempt(vars(request)), state))


def _put_aside(message: Any, reason: str, **fields: Any) -> None:
    """Keep a message with the reason why nobody here can take it."""
    queue = (message.delivery_info or {}).get("routing_key")
    _refuse(queue, reason, sealed(taken(message), queue=queue).encode(), **fields)


def _refuse(queue: str | None, reason: str, item: bytes, **fields: Any) -> None:
    emit("message.refused", reason=reason, queue=queue, **fields)
    _later(lambda: context().store.refusals.add(item, queue=queue, reason=reason, worker=context().worker))


def _attempt(headers: Any) -> int | None:
    """The attempt that a message of Onbeat's own is for; None for any other message."""
    header = headers.get(ONBEAT_HEADER) if isinstance(headers, Mapping) else None
    return None if header is None else attempt_of(header, headers.get("retries"))


def fail(run_id: str, attempt: int, failure: Failure) -> None:
    """End the attempt as failed, as its policy says, if its message has been around for a while. Raises Unreachable.

    Until then the run stays queued and its message is sent again: in the middle of a deployment the next worker to
    take it may be one that knows the job.
    """
    store = context().store
    run = store.runs.get(run_id)
    if run is None or store.presence.now() - run.queued_at < PATIENCE:
        return
    if (claimed := _claimed(run_id, attempt)) is not None:
        _finish(claimed, failed(failure, claimed.call.retry, attempt, 0.0))


def _end_unstarted(run_id: str, job: str, attempt: int | None, state: RunState) -> None:
    """End a run that nobody may start any more; one that an application sent gets its record now."""
    store = context().store
    if attempt is None:
        now = store.presence.now()
        store.runs.create(
            run_id, Call(job=job), entry=None, trigger="manual", scheduled_at=now, publish_at="never"
        )
    if (claimed := _claimed(run_id, attempt or 1)) is not None:
        why = "its `expires` had passed" if state is RunState.EXPIRED else "it was revoked"
        _finish(claimed, Ending(state=state, reason=why))


def _claimed(run_id: str, attempt: int) -> Claimed | None:
    here = context()
    answer = here.store.runs.claim(run_id, attempt, here.worker, uuid4().hex, LEASE)
    return answer if isinstance(answer, Claimed) else None


def _finish(claimed: Claimed, ending: Ending) -> None:
    here, run = context(), claimed.run
    finished = here.store.runs.finish(
        run.run_id, run.attempt, here.worker, ending, entry=run.entry, call=claimed.call
    )
    tell_end(fields_of(run), ending, finished, None, here.worker)


def _later(action: Any) -> None:
    if Desk.keeper is not None:
        Desk.keeper.later(action)
