"""Second step of an execution: the right to the attempt, taken from the store."""

import json
from typing import Any

from scheduler.job import declared_jobs
from scheduler.run import Call
from scheduler.store.runs import Claimed, Refused
from scheduler.worker.context import LEASE, WorkerContext
from scheduler.worker.decode import Named


def claim(
    here: WorkerContext, name: Named, task: Any, args: tuple[Any, ...], kwargs: dict[str, Any], *, token: str
) -> Claimed | Refused:
    """Claim the attempt for this worker. A task that an application sent gets its run now. Raises Unreachable.

    `token` is new for every message and the same at every try: a claim whose answer was lost is answered again.
    """
    if not name.ours and name.attempt == 1:
        put_on_record(here, name.run_id, task, args, kwargs)
    return here.store.runs.claim(name.run_id, name.attempt, here.worker, token, LEASE)


def put_on_record(
    here: WorkerContext, run_id: str, task: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """Create the run of a task that has none; arguments that are no JSON are kept as text, for people."""
    declaration = declared_jobs().get(task.name)
    queue = (task.request.delivery_info or {}).get("routing_key") or "default"
    call = Call(job=task.name, args=tuple(_as_json(list(args))), kwargs=_as_json(kwargs), queue=queue)
    if declaration is not None and declaration.retry is not None:
        call = Call(job=call.job, args=call.args, kwargs=call.kwargs, queue=queue, retry=declaration.retry)
    now = here.store.presence.now()
    here.store.runs.create(run_id, call, entry=None, trigger="manual", scheduled_at=now, published=True)


def _as_json(value: Any) -> Any:
    return json.loads(json.dumps(value, default=repr))
