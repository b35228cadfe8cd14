"""One event as one line of JSON, whatever a job put into it: pure, and never an error.

Limits keep one careless line from hurting everyone behind it: a text ends after 32 KiB, a nested value after
eight levels or 200 items, and a line that is still above 256 KiB is cut further. What is cut says so.
"""

import json
import math
import re
import traceback
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from numbers import Integral, Real
from pathlib import PurePath
from typing import Any
from uuid import UUID

from scheduler.log_setup.secrets_kept import without_secrets
from scheduler.secrecy import is_secret_name, mask_of

TEXT_LIMIT = 32 * 1024
LINE_LIMIT = 256 * 1024
ITEM_LIMIT = 200
DEPTH_LIMIT = 8

_SHORT_TEXT = 1024
_INTEGER_BITS = 1024
_SURROGATE = re.compile("[\ud800-\udfff]")
_PASSWORD_IN_URL = re.compile(r"(://[^/\s:@]*:)[^/\s@]+@")
json_text = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(", ", ": ")).encode
quoted = json.encoder.encode_basestring


def json_line(event: Mapping[str, Any]) -> bytes:
    """The event as one line of UTF-8 JSON with its newline. Takes any values; see `json_value`."""
    return encoded_line(json_value(event))


def encoded_line(document: Mapping[str, Any]) -> bytes:
    """A line of what `json_value` returned."""
    line = json_text(document).encode()
    if len(line) > LINE_LIMIT:
        line = json_text({name: _shortened(value) for name, value in document.items()}).encode()
    return line + b"\n"


def json_lines(head: Mapping[str, Any], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[bytes]:
    """A line for each row, as `json_line` writes it: the head, which they share, then the values under those names.

    A quarter of the cost of `json_line`, for a beat that writes thousands of them a second.
    """
    form = f"{json_text(json_value(head))[:-1]}, "
    form = form.replace("%", "%%") + ", ".join(f"{quoted(name)}: %s" for name in names) + "}\n"
    lines = [(form % tuple(map(_encoded, row))).encode() for row in rows]
    if any(len(line) > LINE_LIMIT for line in lines):
        return [encoded_line(json.loads(line)) for line in lines]
    return lines


def _encoded(value: Any) -> str:
    value = json_value(value)
    return quoted(value) if isinstance(value, str) else json_text(value)


def json_value(value: Any, depth: int = 0) -> Any:
    """
    The value as something that every JSON parser accepts.

    Times become RFC 3339 in UTC, durations seconds, bytes text, paths and enum members their text, sets
    lists, NaN and the infinities text (JSON has none), an exception "Type: message", all else its repr. A
    password inside a URL, a value under a name such as `password` and a value that is known to be secret
    are masked; half a surrogate pair, which UTF-8 can't carry, becomes U+FFFD.
    """
    if isinstance(value, str):
        return without_secrets(value) if _is_harmless(value) else _text(str.__str__(value))
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return _number(value)
    if isinstance(value, (Mapping, Sequence, AbstractSet)) and not isinstance(
        value, (bytes, bytearray, memoryview)
    ):
        return _container(value, depth) if depth < DEPTH_LIMIT else _text(_repr(value))
    return _scalar(value)


def cut(text: str, limit: int = TEXT_LIMIT) -> str:
    """The text, or its first `limit` characters and how many are missing."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… [cut: {len(text) - limit} more characters]"


def rfc3339(moment: datetime) -> str:
    """In UTC, to the millisecond: 2026-11-21T11:30:00.250Z. A naive time is taken as UTC."""
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return aware.isoformat(timespec="milliseconds")[:-6] + "Z"


def _is_harmless(text: str) -> bool:
    """Nearly all texts are short and plain; a beat writes thousands of them a second."""
    return type(text) is str and len(text) <= _SHORT_TEXT and text.isascii() and "://" not in text


def _text(text: str) -> str:
    text = cut(without_secrets(text))
    if "://" in text and "@" in text:
        text = _PASSWORD_IN_URL.sub(r"\1***@", text)
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _number(value: float) -> Any:
    if isinstance(value, int):
        # Python refuses to write an integer of more than 4300 digits as text, and few parsers would take it.
        return (
            int(value) if value.bit_length() <= _INTEGER_BITS else f"<integer of {value.bit_length()} bits>"
        )
    return float(value) if math.isfinite(value) else repr(float(value))


def _container(value: Any, depth: int) -> Any:
    try:
        items = list(value.items() if isinstance(value, Mapping) else value)
    except Exception:  # noqa: BLE001 - a job's own class may raise anything; its repr is what is left to show
        return _text(_repr(value))
    left_out = len(items) - ITEM_LIMIT
    del items[ITEM_LIMIT:]
    if isinstance(value, Mapping):
        document = {_key(name): _member(name, item, depth + 1) for name, item in items}
        return document if left_out <= 0 else {**document, "…": f"[cut: {left_out} more]"}
    values = [json_value(item, depth + 1) for item in items]
    return values if left_out <= 0 else [*values, f"… [cut: {left_out} more]"]


def _member(name: Any, item: Any, depth: int) -> Any:
    return mask_of(item) if isinstance(name, str) and is_secret_name(name) else json_value(item, depth)


def _key(name: Any) -> str:
    if isinstance(name, str) and _is_harmless(name):
        return name
    return cut(_text(name if isinstance(name, str) else str(json_value(name, DEPTH_LIMIT))), _SHORT_TEXT)


def _scalar(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _text(bytes(value[: TEXT_LIMIT + 1]).decode("utf-8", "backslashreplace"))
    if isinstance(value, BaseException):
        return _text(described(value))
    if isinstance(value, (PurePath, UUID, Enum, Decimal)):
        return _text(str(value))
    if isinstance(value, Real):  # numpy's numbers, which are no subclass of ours
        return _number(int(value) if isinstance(value, Integral) else float(value))
    return _text(_repr(value))


def described(error: BaseException) -> str:
    """An exception as "Type: message", the type with its module unless it is built in."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - an exception whose own message fails still has a name
        message = "(its message can't be read)"
    return f"{name}: {message}" if message else name


def traceback_text(error: BaseException) -> str:
    """The traceback as Python prints it. Of a very long one the end is kept: it says what went wrong."""
    text = "".join(traceback.format_exception(error)).rstrip("\n")
    missing = len(text) - TEXT_LIMIT
    return text if missing <= 0 else f"[cut: {missing} characters] …{text[missing + 100 :]}"


def _repr(value: Any) -> str:
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - see above: nothing that a job logs may break the log
        return f"<{type(value).__module__}.{type(value).__qualname__} whose repr fails>"


def _shortened(value: Any) -> Any:
    return cut(value if isinstance(value, str) else json_text(value), _SHORT_TEXT)
