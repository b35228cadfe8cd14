"""`--json`: one document on stdout, easy on the eye on a terminal and one line in a pipe."""

import json
import re
import sys
from datetime import datetime, timedelta
from typing import Any, Final

import click

from scheduler.timestamps import rfc3339

_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def print_document(document: Any) -> None:
    """Write `document` as JSON: times in RFC 3339 UTC, durations in seconds.

    Half a surrogate pair, which a job may return and no strict reader takes, becomes U+FFFD.
    """
    indent = 2 if sys.stdout.isatty() else None
    text = json.dumps(document, indent=indent, ensure_ascii=False, default=_json_value)
    click.echo(_SURROGATE.sub("\ufffd", text))


def _json_value(value: object) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")
