"""Celery's `beat_schedule`: a table of entries, each with its task, schedule, arguments and options."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from scheduler.cadences.wall_clock import zone_named
from scheduler.importing.celery_schedules import DIFFERENCES, set_schedule
from scheduler.importing.draft import Draft, Imported, Note, Unreadable, seconds
from scheduler.quoting import quoted

_KEYS = ("task", "schedule", "args", "kwargs", "options")
_OPTIONS = ("queue", "expires", "time_limit", "soft_time_limit")
CLEANUP = "celery.backend_cleanup"


def from_beat_schedule(
    entries: Mapping[str, Any], *, timezone: str | None = None, lines: Mapping[str, int] | None = None
) -> Imported:
    """The entries of a `beat_schedule`; `timezone` is the app's, `lines` says where each name stands.

    Raises Unreadable where it is no table of tables.
    """
    lines = lines or {}
    drafts, notes = [], []
    for name, fields in entries.items():
        line = lines.get(str(name))
        if not isinstance(fields, Mapping):
            raise Unreadable(f"the entry {quoted(name)} of beat_schedule is no dict", line)
        if fields.get("task") == CLEANUP:
            notes.append(Note(text=f"{name}: {CLEANUP} is Celery's own; Onbeat keeps no results", line=line))
            continue
        drafts.append(_draft(str(name), fields, line))
    notes += [Note(text=text) for text in DIFFERENCES]
    if timezone is not None:
        try:
            zone_named(timezone)
        except ValueError as problem:
            notes.append(Note(text=f"the app's timezone is not carried over: {problem}"))
            timezone = None
    return Imported(drafts=drafts, notes=notes, timezone=timezone)  # without a zone Celery's is UTC, as ours


def _draft(name: str, fields: Mapping[str, Any], line: int | None) -> Draft:
    draft = Draft(name=name, line=line)
    draft.keys["job"] = fields.get("task") or name  # add_periodic_task names an entry for its task
    set_schedule(draft, fields.get("schedule"))
    draft.keys["args"] = list(fields.get("args") or ())
    draft.keys["kwargs"] = dict(fields.get("kwargs") or {})
    options = dict(fields.get("options") or {})
    set_options(draft, options)
    draft.leave_out(options, _OPTIONS, within="options: ")
    draft.leave_out(fields, _KEYS if fields.get("relative") else (*_KEYS, "relative"))
    return draft


def set_options(draft: Draft, options: Mapping[str, Any]) -> None:
    """Give `draft` what Celery's `apply_async` options say that an entry has a key for."""
    if options.get("queue"):
        draft.keys["queue"] = str(options["queue"])
    for option, key in (
        ("time_limit", "timeout"),
        ("soft_time_limit", "soft_timeout"),
        ("expires", "start_deadline"),
    ):
        value = options.get(option)
        if isinstance(value, timedelta):
            value = value.total_seconds()
        if isinstance(value, (int, float)) and value > 0:
            draft.keys[key] = seconds(value)
        elif value is not None:
            draft.say(f"options: {option} = {quoted(value)} is not carried over")
