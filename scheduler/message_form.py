"""The form that a message must have for a worker to take it: what is wrong with one that has another. Pure.

Two layers. The envelope is what kombu's Redis transport keeps in a queue's list; on other brokers the broker keeps the
same parts by itself. Within it is Celery's task message, protocol 2 or the older protocol 1:
https://docs.celeryq.dev/en/stable/internals/protocol.html
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from scheduler.message import EMBEDDED, ONBEAT_HEADER, attempt_of
from scheduler.quoting import quoted

_JSON: Final = "application/json"
_UNREADABLE: Final = (ValueError, RecursionError)


@dataclass(frozen=True, slots=True)
class Taken:
    """A message as a consumer has it: its headers, its body as bytes or text, and what the body is."""

    headers: Any
    body: Any
    content_type: Any
    content_encoding: Any


def taken(message: Any) -> Taken:
    """The parts of kombu's message."""
    return Taken(message.headers, message.body, message.content_type, message.content_encoding)


def sealed(message: Taken, *, queue: str | None) -> str:
    """The message as the JSON that kombu's Redis transport keeps, whichever broker it came from."""
    body = message.body if isinstance(message.body, bytes) else str(message.body).encode()
    return json.dumps(
        {
            "body": base64.b64encode(body).decode(),
            "content-encoding": message.content_encoding,
            "content-type": message.content_type,
            "headers": message.headers,
            "properties": {
                "body_encoding": "base64",
                "delivery_tag": str(uuid4()),
                "delivery_info": {"exchange": "", "routing_key": queue},
                "priority": 0,
            },
        },
        default=repr,
    )


def opened(envelope: bytes | str) -> Taken:
    """What is in an envelope that `envelope_problem` finds nothing wrong with. Raises ValueError for any other."""
    if problem := envelope_problem(envelope):
        raise ValueError(problem)
    parts = json.loads(envelope)
    body = parts["body"]
    if parts["properties"].get("body_encoding") == "base64":
        body = base64.b64decode(body)
    return Taken(parts.get("headers") or {}, body, parts.get("content-type"), parts.get("content-encoding"))


def envelope_problem(raw: bytes | str) -> str | None:
    """What keeps kombu from making a message of an item of a queue's list; None where nothing does."""
    try:
        envelope = json.loads(raw)
    except _UNREADABLE as error:
        return f"it is not JSON: {_short(error)}"
    if not isinstance(envelope, dict):
        return f"it is {_kind(envelope)}, not a JSON object"
    properties = envelope.get("properties")
    if not isinstance(properties, dict):
        return "it has no properties, which kombu gives every message"
    if not isinstance(properties.get("delivery_tag"), str | int):
        return "it has no delivery_tag"
    where = properties.get("delivery_info")
    if not isinstance(where, dict) or not {"exchange", "routing_key"} <= where.keys():
        return "its delivery_info does not say where it was sent"
    return _envelope_part_problem(envelope, properties)


def _envelope_part_problem(envelope: Mapping[str, Any], properties: Mapping[str, Any]) -> str | None:
    headers = envelope.get("headers")
    if headers is not None and not isinstance(headers, dict):
        return f"its headers are {_kind(headers)}, not an object"
    if headers and headers.get("compression") is not None:
        return f"it is compressed by {quoted(headers['compression'])}, which nobody here does"
    for part in ("content-type", "content-encoding"):
        if not isinstance(envelope.get(part), str | None):
            return f"its {part} is {_kind(envelope[part])}, not a text"
    body, encoding = envelope.get("body"), properties.get("body_encoding")
    if not isinstance(body, str):
        return f"its body is {_kind(body)}, not a text"
    if encoding not in {None, "base64"}:
        return f"its body is encoded as {quoted(encoding)}, not as base64"
    if encoding == "base64":
        try:
            base64.b64decode(body)
        except ValueError as error:
            return f"its body is not base64: {_short(error)}"
    return None


def task_problem(message: Taken) -> str | None:
    """What keeps a worker from starting the task that a message asks for; None where nothing does.

    That its job exists is seen to by whoever knows the jobs.
    """
    headers = message.headers
    if not isinstance(headers, Mapping):
        return "it asks for no job: it has no headers"
    if message.content_type != _JSON:
        return f"its content type is {quoted(message.content_type)}; a worker reads {_JSON} and nothing else"
    body = message.body
    try:
        if isinstance(body, bytes):
            body = body.decode(message.content_encoding or "utf-8")
        document = json.loads(body)
    except (*_UNREADABLE, TypeError, LookupError) as error:
        return f"it can't be decoded: {_short(error)}"
    if "task" in headers:
        return _header_problem(headers) or _arguments_problem(document)
    if not isinstance(document, dict) or "task" not in document:
        return "it asks for no job"
    return _header_problem(document) or _arguments_problem(
        [document.get("args", []), document.get("kwargs", {}), {}]
    )


def _header_problem(headers: Mapping[str, Any]) -> str | None:
    for name in ("task", "id"):
        if not isinstance(headers.get(name), str) or not headers[name]:
            return f"its {name} is {_kind(headers.get(name))}, not a text"
    for name in ("root_id", "parent_id", "group", "origin"):
        if not isinstance(headers.get(name), str | None):
            return f"its {name} is {_kind(headers[name])}, not a text"
    retries = headers.get("retries")
    if retries is not None and (not isinstance(retries, int) or isinstance(retries, bool) or retries < 0):
        return f"its count of retries is {quoted(retries)}"
    limits = headers.get("timelimit")
    if limits is not None and not _two_limits(limits):
        return f"its timelimit is {quoted(limits)}, not two numbers"
    for name in ("eta", "expires"):
        if not _moment(headers.get(name)):
            return f"its {name} is {quoted(headers[name])}, not a moment"
    if attempt_of(headers.get(ONBEAT_HEADER), retries) is None:
        return f"its header {ONBEAT_HEADER!r} can't be read"
    return None


def _two_limits(limits: Any) -> bool:
    return (
        isinstance(limits, list | tuple)
        and len(limits) == 2  # noqa: PLR2004 - the hard and the soft one
        and all(limit is None or (isinstance(limit, int | float) and limit >= 0) for limit in limits)
    )


def _moment(value: Any) -> bool:
    if value is None:
        return True
    try:
        datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return True


def _arguments_problem(document: Any) -> str | None:
    if not isinstance(document, list) or len(document) != 3:  # noqa: PLR2004 - args, kwargs, what follows
        return f"it is not well formed: its body is {_kind(document)}, not [args, kwargs, embed]"
    args, kwargs, embed = document
    if not isinstance(args, list):
        return f"it is not well formed: its args are {_kind(args)}, not a list"
    if not isinstance(kwargs, dict):
        return f"it is not well formed: its kwargs are {_kind(kwargs)}, not an object"
    if not isinstance(embed, dict | None):
        return f"it is not well formed: what follows on it is {_kind(embed)}, not an object"
    for name in EMBEDDED:
        follows = (embed or {}).get(name)
        wanted: Any = dict if name == "chord" else list
        if follows is not None and not isinstance(follows, wanted):
            return f"it is not well formed: its {name} is {_kind(follows)}"
        if name != "chord" and not all(isinstance(each, dict) for each in follows or ()):
            return f"it is not well formed: its {name} holds what is no signature"
    return None


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "missing"}
    return names.get(type(value), "a number")


def _short(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    return text if len(text) <= 120 else f"{text[:119]}…"  # noqa: PLR2004 - a line of a log
