"""The message that tells a worker of a run: Celery's task protocol, version 2, so that any Celery worker can read it.

https://docs.celeryq.dev/en/stable/internals/protocol.html#version-2

Nearly all of a message is the same for every run of an entry, and building it is nearly all of the cost of sending
it. So it is built once per call as a template, and only what changes is put in.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from uuid import uuid4

from scheduler.epoch import milliseconds
from scheduler.run import Call, Trigger
from scheduler.secrecy import hidden

ONBEAT_HEADER: Final = "onbeat"
ORIGIN: Final = "onbeat"
CONTENT_TYPE: Final = "application/json"
CONTENT_ENCODING: Final = "utf-8"
HIGHEST_PRIORITY: Final = 9
_SEPARATOR: Final = "\x06\x16"  # kombu's, between a queue and a priority

# Stand-ins for what changes; random, so that no argument of a job can contain one.
_MARK: Final = uuid4().hex
_RUN_ID: Final = f"{_MARK}-run"
_TAG: Final = f"{_MARK}-tag"
_ATTEMPT: Final = f"{_MARK}-attempt"
_RETRIES: Final = f"{_MARK}-retries"
_SCHEDULED: Final = f"{_MARK}-scheduled"

# What differs from run to run stands before all else that differs from entry to entry, in this order.
_HOLES: Final = (_RUN_ID, _TAG, _RUN_ID, _RUN_ID, f'"{_SCHEDULED}"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Doorbell:
    """What a message says of the run that it stands for."""

    run_id: str
    entry: str | None
    scheduled_at: datetime
    attempt: int
    trigger: Trigger = "schedule"


def attempt_of(header: object, retries: object) -> int | None:
    """The attempt that a message is for, by its header of ours, if it has one, and Celery's count of retries.

    `self.retry()` copies our header as it was and counts on, so the higher of the two holds. None: can't be read.
    """
    counted = retries + 1 if isinstance(retries, int) else 1
    if header is None:
        return counted
    attempt = header.get("attempt") if isinstance(header, Mapping) else None
    return max(attempt, counted) if isinstance(attempt, int) else None


# What a task may carry for Celery: in the body what follows on it, in the headers where it belongs.
EMBEDDED: Final = ("callbacks", "errbacks", "chain", "chord")
BELONGING: Final = ("root_id", "parent_id", "group", "group_index")


def body(call: Call) -> str:
    """The JSON body of protocol 2: arguments, keyword arguments, and what follows on the task."""
    canvas = call.canvas or {}
    embed = {name: canvas.get(name) for name in EMBEDDED}
    return json.dumps([list(call.args), call.kwargs, embed])


def headers(call: Call, bell: Doorbell) -> dict[str, Any]:
    """The headers of protocol 2, with ours under one name."""
    return _headers(
        call,
        bell.run_id,
        bell.entry,
        bell.trigger,
        milliseconds(bell.scheduled_at),
        bell.attempt,
        bell.attempt - 1,
    )


def priority_of(call_json: str) -> int:
    """The priority of a call as text; read only where it says one, for nearly none does."""
    return int(json.loads(call_json).get("priority", 0)) if '"priority"' in call_json else 0


def list_name(queue: str, priority: int) -> str:
    """The list in which a queue's messages of this priority are kept, as kombu's Redis transport names it.

    Those without any, which is 0, are in the one that bears the queue's own name.
    """
    return f"{queue}{_SEPARATOR}{priority}" if priority else queue


def properties(run_id: str) -> dict[str, Any]:
    """What Celery sets beside the headers on brokers that have properties (AMQP)."""
    return {"correlation_id": run_id, "reply_to": "", "delivery_mode": 2}


def envelope(call_json: str, bell: Doorbell) -> str:
    """The whole message in the form that kombu's Redis transport keeps in a queue's list.

    `call_json` is `Call.to_json` as text, as the run record holds it; the templates of entries are kept by it. What a
    person or an application asks for has arguments of its own each time, and would only fill the memory.
    """
    make = _template if bell.trigger == "schedule" else _template.__wrapped__
    template = make(call_json, bell.entry, bell.trigger)
    return (
        template.replace(_RUN_ID, bell.run_id)
        .replace(_TAG, str(uuid4()))
        .replace(f'"{_SCHEDULED}"', str(milliseconds(bell.scheduled_at)))
        .replace(f'"{_ATTEMPT}"', str(bell.attempt))
        .replace(f'"{_RETRIES}"', str(bell.attempt - 1))
    )


def message_pieces(call_json: str, entry: str) -> list[str]:
    """The message of a first attempt for a tick of `entry`: the five pieces before its holes, and the piece after them.

    The holes are the run's id, four times, and its scheduled time in milliseconds. The first publication of a run has
    the run's own id as its delivery tag, which has only to differ from those of other messages; later ones draw theirs.
    The first five pieces are the same for all entries of a queue and priority; what is an entry's own is in the last.
    """
    text = _template.__wrapped__(call_json, entry, "schedule")  # its caller keeps what this returns
    text = text.replace(f'"{_ATTEMPT}"', "1").replace(f'"{_RETRIES}"', "0")
    pieces = []
    for hole in _HOLES:
        piece, _, text = text.partition(hole)
        pieces.append(piece)
    return [*pieces, text]


@lru_cache(maxsize=65_536)
def _template(call_json: str, entry: str | None, trigger: Trigger) -> str:
    document = _document(Call.from_json(json.loads(call_json)), entry, trigger)
    return json.dumps(document, separators=(",", ":"))


def _document(call: Call, entry: str | None, trigger: Trigger) -> dict[str, Any]:
    return {
        "properties": {
            **properties(_RUN_ID),
            "delivery_tag": _TAG,
            "delivery_info": {"exchange": "", "routing_key": call.queue},
            "priority": call.priority,
            "body_encoding": "base64",
        },
        "headers": _headers(call, _RUN_ID, entry, trigger, _SCHEDULED, _ATTEMPT, _RETRIES),
        "body": base64.b64encode(body(call).encode()).decode(),
        "content-encoding": CONTENT_ENCODING,
        "content-type": CONTENT_TYPE,
    }


def _headers(
    call: Call,
    run_id: str,
    entry: str | None,
    trigger: Trigger,
    scheduled: int | str,
    attempt: int | str,
    retries: int | str,
) -> dict[str, Any]:
    canvas = call.canvas or {}
    return {
        "id": run_id,
        "root_id": canvas.get("root_id") or run_id,
        ONBEAT_HEADER: {"scheduled_at": scheduled, "attempt": attempt, "trigger": trigger, "entry": entry},
        "lang": "py",
        "task": call.job,
        "shadow": None,
        "eta": None,
        "expires": None,
        "group": canvas.get("group"),
        "group_index": canvas.get("group_index"),
        "retries": retries,
        "timelimit": [
            None if call.timeout is None else call.timeout.total_seconds(),
            None if call.soft_timeout is None else call.soft_timeout.total_seconds(),
        ],
        "parent_id": canvas.get("parent_id"),
        # Flower shows these; the arguments themselves are in the body.
        "argsrepr": repr(tuple(hidden(call.args, call.secrets)))[:1024],
        "kwargsrepr": repr(hidden(call.kwargs, call.secrets))[:1024],
        "origin": ORIGIN,
        "ignore_result": False,
        "replaced_task_nesting": 0,
        "stamped_headers": None,
        "stamps": {},
    }
