"""`onbeat logs`: what a run wrote."""

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import click

from scheduler.cli.options import examples, json_option, open_store
from scheduler.quoting import harmless


@click.command(
    epilog=examples(
        "onbeat logs backup", "onbeat logs 3f2a9c1d -f", "onbeat logs backup --json | jq -r .message"
    )
)
@click.argument("run_or_entry", metavar="RUN_ID|ENTRY")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written, until the run has ended.")
@json_option
def logs(*, run_or_entry: str, follow: bool, as_json: bool) -> None:
    """Print the log of a run, or of the newest run of an entry. With --json each line is one object."""
    from scheduler.following import lines_so_far, lines_until_end
    from scheduler.lookup import run_named

    with open_store() as store:
        run = run_named(store, run_or_entry)
        lines = lines_until_end(store, run.run_id) if follow else lines_so_far(store, run.run_id)
        printed = print_lines(lines, as_json=as_json)
    if not printed and not as_json:
        click.echo(f"The run {run.run_id} ({run.state.value}) wrote nothing.", err=True)


def print_lines(lines: Iterable[Mapping[str, Any] | None], *, as_json: bool) -> int:
    """Print log lines as they come; returns how many there were."""
    count = 0
    for line in lines:
        if line is None:
            continue
        click.echo(json.dumps(line, ensure_ascii=False) if as_json else line_text(line))
        sys.stdout.flush()
        count += 1
    return count


def line_text(line: Mapping[str, Any]) -> str:
    """One log line for people: its clock, its level where it matters, what it says."""
    from datetime import datetime

    clock = ""
    if stamp := line.get("timestamp"):
        clock = f"{datetime.fromisoformat(str(stamp)).astimezone():%H:%M:%S.%f}"[:-3]
    level = str(line.get("level", "info"))
    colour = {"warning": "yellow", "error": "red", "critical": "red", "debug": "bright_black"}.get(level)
    label = f"{click.style(level, fg=colour)}  " if colour else ""
    message = line.get("message")
    what = harmless(str(message) if message is not None else str(line.get("event", "")), colour=True)
    extra = " ".join(f"{name}={_value(value)}" for name, value in line.items() if name not in _KNOWN)
    parts = [click.style(clock, dim=True)] if clock else []
    parts.append(label + what)
    if extra:
        parts.append(click.style(extra, dim=True))
    return "  ".join(parts)


_KNOWN = frozenset(
    {
        "timestamp", "level", "event", "message", "process", "host", "pid", "entry", "job", "run_id",
        "scheduled_at", "attempt", "logger", "stream", "queue", "trigger",
    }
)  # fmt: skip


def _value(value: object) -> str:
    return harmless(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
