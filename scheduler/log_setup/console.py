"""Events for a person at a terminal: time, process, entry, what happened, and the few values that matter."""

import json
import os
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from scheduler.events import BASE_FIELDS, RUN_FIELDS
from scheduler.quoting import harmless

ENTRY_WIDTH = 18
EVENT_WIDTH = 16
_PROCESS_WIDTH = 6
_SECOND_MS = 1000
_MINUTE_MS = 60_000

_RESET, _BOLD, _DIM = "\x1b[0m", "\x1b[1m", "\x1b[2m"
_RED, _GREEN, _YELLOW, _BLUE, _MAGENTA, _CYAN = (f"\x1b[{code}m" for code in range(31, 37))
_LEVEL_COLOUR = {"critical": _BOLD + _RED, "error": _RED, "warning": _YELLOW, "debug": _DIM}
_EVENT_COLOUR = {
    "run.succeeded": _GREEN,
    "run.started": _BLUE,
    **dict.fromkeys(("tick.dispatched", "up.started", "server.started", "child.started"), _DIM),
}
_PROCESS_COLOUR = {"beat": _MAGENTA, "worker": _CYAN, "web": _BLUE}

_HIDDEN = frozenset(
    {
        *BASE_FIELDS,
        "entry",
        "job",
        "message",
        "traceback",
        "problems",
        "beat",
        "worker",
        "disposition",
        "stream",
    }
)
_GOES_WITHOUT_SAYING = {"attempt": 1, "max_attempts": 1, "queue": "default", "count": 1, "revision": 0}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_LINES_OF_A_JOB = frozenset({"run.log", "python.warning", "log.repeated", "thread.crashed"})


def wants_colour(descriptor: int) -> bool:
    """
    Whether to colour what goes to this descriptor: a terminal that can.

    NO_COLOR (no-color.org) says never, FORCE_COLOR always.
    """
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (os.environ.get("TERM") != "dumb" and os.isatty(descriptor))


def render_console(event: Mapping[str, Any], *, colour: bool) -> str:
    """
    The event as text for a terminal, without the last newline; a traceback follows on lines of its own.

    `event` is what a JSON line holds.
    """
    paint = _Paint(on=colour)
    name, level = str(event.get("event", "")), str(event.get("level", "info"))
    process = _plain(event.get("process", ""))
    head = " ".join(
        (
            paint(_DIM, _clock(event.get("timestamp"))),
            paint(_PROCESS_COLOUR.get(process, ""), f"{process:<{_PROCESS_WIDTH}}"),
            paint(_BOLD, f"{_plain(event.get('entry', '')):<{ENTRY_WIDTH}}"),
        )
    )
    tint = _LEVEL_COLOUR.get(level, _EVENT_COLOUR.get(name, ""))
    lines = f"{head} {_body(event, name, level, tint, paint)}".rstrip()
    beneath = [_indented(str(problem), paint, loud=0) for problem in _listed(event.get("problems"))]
    if trace := event.get("traceback"):
        beneath.append(_indented(str(trace), paint, loud=-1))
    return "\n".join((lines, *beneath))


class _Paint:
    def __init__(self, *, on: bool) -> None:
        self.on = on

    def __call__(self, code: str, text: str) -> str:
        return f"{code}{text}{_RESET}" if self.on and code and text.strip() else text


def _body(event: Mapping[str, Any], name: str, level: str, tint: str, paint: _Paint) -> str:
    values = _values(event, paint)
    message = event.get("message")
    if name in ("run.log", "process.output") and message is not None:
        bar = paint(_YELLOW if event.get("stream") == "stderr" else _DIM, "│")
        text = harmless(str(message), colour=paint.on)
        own = paint(tint, text) if level in _LEVEL_COLOUR else text
        return f"{bar} {own} {values}".rstrip()
    label = paint(tint, f"{name:<{EVENT_WIDTH}}")
    text = "" if message is None else f" {harmless(str(message), colour=paint.on)}"
    return f"{label}{text} {values}".rstrip()


def _values(event: Mapping[str, Any], paint: _Paint) -> str:
    shown = [_shown(name, value) for name, value in event.items() if not _is_clear(name, value, event)]
    return " ".join(f"{paint(_DIM, _plain(name) + '=')}{value}" for name, value in shown)


def _is_clear(name: str, value: Any, event: Mapping[str, Any]) -> bool:
    """Whether a field says nothing that the line does not say already, or that goes without saying."""
    if name in _HIDDEN or value is None or _GOES_WITHOUT_SAYING.get(name) == value:
        return True
    kind = str(event.get("event"))
    if kind in _LINES_OF_A_JOB:
        return name in RUN_FIELDS
    if name == "scheduled_at":
        return not kind.startswith("tick.")
    return name == "until" and value == event.get("scheduled_at")


def _shown(name: str, value: Any) -> tuple[str, str]:
    """The field as a person wants it: a short name and a short value."""
    if name == "run_id":
        return "run", str(value)[:8]
    if name.endswith("_ms") and isinstance(value, (int, float)):
        return name.removesuffix("_ms"), _duration(value)
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        return name, _clock(value)
    return name, _value(value)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _value(value: Any) -> str:
    if isinstance(value, str):
        text = _plain(value)
        return text if text and not re.search(r'[\s="]', text) else json.dumps(text, ensure_ascii=False)
    return _plain(json.dumps(value, ensure_ascii=False, default=str))


def _duration(milliseconds: float) -> str:
    if milliseconds < _SECOND_MS:
        return f"{milliseconds:.0f}ms"
    if milliseconds < _MINUTE_MS:
        return f"{milliseconds / _SECOND_MS:.1f}s"
    minutes, seconds = divmod(round(milliseconds / _SECOND_MS), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{seconds:02}s"


def _clock(timestamp: Any) -> str:
    """HH:MM:SS of this machine's zone: what the clock on the wall said."""
    try:
        return datetime.fromisoformat(str(timestamp)).astimezone().strftime("%H:%M:%S")
    except ValueError:
        return _plain(timestamp or "")[:8].ljust(8)


def _indented(text: str, paint: _Paint, *, loud: int) -> str:
    """The text four columns in, the line that says what is wrong in red: a problem's first, a traceback's last."""
    lines = harmless(text).split("\n")
    said = loud % len(lines)
    return "\n".join(
        f"    {paint(_RED if number == said else _DIM, line)}".rstrip() for number, line in enumerate(lines)
    )


def _plain(value: Any) -> str:
    return harmless(str(value)).replace("\n", "\\n")
