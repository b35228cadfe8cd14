"""First step of an execution: which run and which attempt a message names."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from celery.exceptions import Reject

from scheduler.log_setup import emit
from scheduler.message import ONBEAT_HEADER


@dataclass(frozen=True, slots=True)
class Named:
    """What a message names. `ours` is False for one that an application sent by Celery's own means."""

    run_id: str
    entry: str | None
    attempt: int
    ours: bool


def named(request: Any, job: str) -> Named:
    """The run that a message names: by Onbeat's header, or by Celery's task id and its count of retries.

    Raises Reject, after `message.refused`, for a header that can't be read.
    """
    header = getattr(request, ONBEAT_HEADER, None)
    if header is None:
        return Named(str(request.id), None, int(request.retries or 0) + 1, ours=False)
    if isinstance(header, Mapping):
        with suppress(KeyError, TypeError, ValueError):
            return Named(str(request.id), header["entry"], int(header["attempt"]), ours=True)
    reason = f"its header {ONBEAT_HEADER!r} can't be read"
    emit("message.refused", reason=reason, job=job, run_id=str(request.id))
    raise Reject(reason, requeue=False)
