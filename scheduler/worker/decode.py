"""First step of an execution: which run and which attempt a message names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from celery.exceptions import Reject

from scheduler.log_setup import emit
from scheduler.message import ONBEAT_HEADER, attempt_of


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
    attempt = attempt_of(header, request.retries)
    if attempt is not None:
        entry = header.get("entry") if isinstance(header, Mapping) else None
        return Named(str(request.id), entry, attempt, ours=header is not None)
    reason = f"its header {ONBEAT_HEADER!r} can't be read"
    emit("message.refused", reason=reason, job=job, run_id=str(request.id))
    raise Reject(reason, requeue=False)
