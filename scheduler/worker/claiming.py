"""Second step of an execution: the right to the attempt, taken from the store."""

import json
import time
from typing import Any, Final

from kombu.exceptions import EncodeError
from kombu.utils import json as celerys_json

from scheduler.attempt import Claimed, Refused
from scheduler.entry import DEFAULT_QUEUE
from scheduler.job import declared_jobs
from scheduler.message import BELONGING, EMBEDDED
from scheduler.retry import RetryPolicy
from scheduler.run import Call
from scheduler.worker.context import LEASE, WorkerContext
from scheduler.worker.decode import Named

# `self.retry()` sends the next attempt's message before the attempt under way has ended.
EARLY_S: Final = 5.0
LOOK_AGAIN_S: Final = 0.05


def claim(
    here: WorkerContext, name: Named, task: Any, args: tuple[Any, ...], kwargs: dict[str, Any], *, token: str
) -> Claimed | Refused:
    """Claim the attempt for this worker. A task that an application sent gets its run now. Raises Unreachable.

    `token` is new for every message and the same at every try: a claim whose answer was lost is answered again.
    """
    if not name.ours and name.attempt == 1:
        put_on_record(here, name.run_id, task, args, kwargs)
    answer = here.store.runs.claim(name.run_id, name.attempt, here.worker, token, LEASE)
    give_up_at = time.monotonic() + EARLY_S
    while isinstance(answer, Refused) and answer.early and time.monotonic() < give_up_at:
        time.sleep(LOOK_AGAIN_S)
        answer = here.store.runs.claim(name.run_id, name.attempt, here.worker, token, LEASE)
    return answer


def put_on_record(
    here: WorkerContext, run_id: str, task: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """Create the run of a task that has none, with all that another attempt of it needs."""
    declaration = declared_jobs().get(task.name)
    policy = None if declaration is None else declaration.retry
    call = Call(
        job=task.name,
        args=tuple(_as_json(list(args))),
        kwargs=_as_json(kwargs),
        queue=(task.request.delivery_info or {}).get("routing_key") or DEFAULT_QUEUE,
        retry=policy or RetryPolicy(),
        canvas=_canvas(task.request),
    )
    now = here.store.presence.now()
    here.store.runs.create(run_id, call, entry=None, trigger="manual", scheduled_at=now, publish_at="never")


def _canvas(request: Any) -> dict[str, Any]:
    """What follows on the task, and where it belongs; a `root_id` of its own goes without saying."""
    found = {name: getattr(request, name, None) for name in (*EMBEDDED, *BELONGING)}
    if found["root_id"] == request.id:
        del found["root_id"]
    canvas: dict[str, Any] = _as_json({name: value for name, value in found.items() if value is not None})
    return canvas


def _as_json(value: Any) -> Any:
    """As plain JSON, in which Celery's serializer marks moments, UUIDs and decimals; what it can't write is text."""
    encode: Any = celerys_json.dumps  # Celery's world has no types
    try:
        return json.loads(encode(value))
    except EncodeError:
        return json.loads(json.dumps(value, default=repr))
