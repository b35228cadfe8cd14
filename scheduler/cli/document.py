"""`--json`: one document on stdout, easy on the eye on a terminal and one line in a pipe."""

import json
import sys
from datetime import datetime, timedelta
from typing import Any

import click

from scheduler.timestamps import rfc3339


def print_document(document: Any) -> None:
    """Write `document` as JSON: times in RFC 3339 UTC, durations in seconds."""
    indent = 2 if sys.stdout.isatty() else None
    click.echo(json.dumps(document, indent=indent, ensure_ascii=False, default=_json_value))


def _json_value(value: object) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")
