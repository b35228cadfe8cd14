"""Scripts that use Onbeat's log in a process of their own, and the events that they wrote."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RUN = {"entry": "nightly", "job": "jobs.nightly", "run_id": "r1", "scheduled_at": "2026-11-21T00:00:00.000Z"}
PREAMBLE = f"""
import ctypes, logging, os, subprocess, sys, threading, warnings
import structlog
from scheduler import log_setup
from scheduler.log_setup import bind_run, capture_fds, clear_run, configure, emit, flush_streams, set_run_sink
RUN = {RUN!r}
"""


def environ(**values: str) -> dict[str, str]:
    return {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", **values}


def both(script: str, *, code: int = 0, **values: str) -> tuple[str, str]:
    """What a process with this script wrote to stdout, and to stderr."""
    finished = subprocess.run(
        [sys.executable, "-c", PREAMBLE + textwrap.dedent(script)],
        capture_output=True,
        env=environ(**values),
        timeout=30,
        check=False,
    )
    out, err = finished.stdout.decode(), finished.stderr.decode()
    assert finished.returncode == code, out + err
    return out, err


def written(script: str, *, code: int = 0, **values: str) -> str:
    """All that a process with this script wrote; nothing may come past its stdout."""
    out, err = both(script, code=code, **values)
    assert err == ""
    return out


def parsed(text: str) -> list[dict[str, Any]]:
    """Each line, which must be a JSON object with the fields that every line has."""
    found = [json.loads(line) for line in text.splitlines()]
    for event in found:
        assert {"timestamp", "level", "event", "process", "host", "pid"} <= event.keys()
    return found


def events(script: str, *, code: int = 0, **values: str) -> list[dict[str, Any]]:
    """The events that a process with this script wrote."""
    return parsed(written(script, code=code, **values))


def messages(found: list[dict[str, Any]], name: str) -> list[str]:
    return [event["message"] for event in found if event["event"] == name]
