"""What every face shows of runs and entries, as JSON values: the fields of the interface, in its order."""

import base64
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from scheduler.disposition import Disposition
from scheduler.durations import format_duration
from scheduler.entry import Entry
from scheduler.entry_ticks import next_tick
from scheduler.foresight.policy_words import ended_words
from scheduler.run import Attempt, Run
from scheduler.run_story import Step
from scheduler.schedule import Later, Moved, OnAWall, Within, cadence_of, part_of
from scheduler.secrecy import hidden
from scheduler.store.cancels import Stopping
from scheduler.store.entries import StoredEntry
from scheduler.store.pauses import Pause, pause_in_force
from scheduler.store.refusals import Refusal
from scheduler.store.replays import Replay
from scheduler.tick_account import Account
from scheduler.timestamps import milliseconds, rfc3339

Document = dict[str, Any]

_LEAST: Final = timedelta(microseconds=1)  # the least by which one time is later than another


def run_document(run: Run) -> Document:
    """One run, as in the list that `runs` gives."""
    return {
        "run_id": run.run_id,
        "entry": run.entry,
        "job": run.job,
        "trigger": run.trigger,
        "scheduled_at": rfc3339(run.scheduled_at),
        "state": run.state.value,
        "attempt": run.attempt,
        "max_attempts": run.max_attempts,
        "queue": run.queue,
        "worker": run.worker,
        "queued_at": rfc3339(run.queued_at),
        "started_at": rfc3339(run.started_at),
        "finished_at": rfc3339(run.finished_at),
        "duration_ms": milliseconds(run.duration),
        "lateness_ms": milliseconds(run.lateness),
        "error": run.error,
        "reason": run.reason,
        "progress": run.progress,
        "message": run.message,
        "heartbeat_at": rfc3339(run.heartbeat_at),
    }


def whole_run_document(run: Run) -> Document:
    """One run with its attempts, result and traceback, as `run` gives it."""
    return {
        **run_document(run),
        "retry_at": rfc3339(run.retry_at),
        "attempts": [attempt_document(attempt) for attempt in run.attempts],
        "result": run.result,
        "checkpoint": None if run.checkpoint is None else json.loads(run.checkpoint),
        "traceback": run.traceback,
        "parent": run.parents[-1] if run.parents else None,
        "parents": list(run.parents),
        "children": list(run.children),
    }


def stopping_document(run: Run, stopping: Stopping) -> Document:
    """What became of the wish to cancel a run, as `cancel` gives it."""
    return {
        "run_id": run.run_id,
        "entry": run.entry,
        "job": run.job,
        "state": None if stopping.state is None else stopping.state.value,
        "answer": stopping.answer,
    }


def replay_document(run: Run, replay: Replay) -> Document:
    """What became of the wish to replay a run, as `retry` gives it."""
    return {
        "run_id": run.run_id,
        "entry": run.entry,
        "job": run.job,
        "state": None if replay.state is None else replay.state.value,
        "attempt": replay.attempt,
        "answer": replay.answer,
    }


def attempt_document(attempt: Attempt) -> Document:
    """One attempt of a run. `outcome` is null while it goes on."""
    return {
        "attempt": attempt.number,
        "outcome": attempt.outcome,
        "worker": attempt.worker,
        "started_at": rfc3339(attempt.started_at),
        "finished_at": rfc3339(attempt.finished_at),
        "error": attempt.error,
        "traceback": attempt.traceback,
        "retry_at": rfc3339(attempt.retry_at),
    }


def entry_document(
    stored: StoredEntry,
    *,
    pauses: Mapping[str, Pause],
    last_run: Run | None,
    now: datetime,
    dispatched: int = 0,
) -> Document:
    """One entry, as in the list that `entries` gives. `dispatched`: how many of its ticks became runs.

    `ended`: why it has no next tick any more; `trouble`: why it can't be read.
    """
    entry = stored.entry
    ended = None if entry is None else ended_words(entry, dispatched)
    pause = pause_in_force(pauses, stored.name, now)
    return {
        "entry": stored.name,
        "job": entry.job if entry else None,
        "schedule": schedule_text(entry) if entry else None,
        "timezone": timezone_of(entry) if entry else None,
        "source": entry.source if entry else None,
        "enabled": entry.enabled if entry else False,
        "paused": pause is not None,
        "next_at": None if ended else rfc3339(_next_at(stored)),
        "last_run": None if last_run is None else run_document(last_run),
        "queue": entry.queue if entry else None,
        "pause": None if pause is None else pause_document(pause),
        "ended": ended,
        "trouble": stored.trouble,
    }


def _next_at(stored: StoredEntry) -> datetime | None:
    """Its next tick that is to run; where none is in sight, the next one.

    Not the score as it stands: RedBeat's `save()` may set it to seconds before a tick, where a beat mends it.
    """
    if stored.next_at is None or stored.entry is None:
        return stored.next_at
    return next_tick(stored.entry, stored.next_at - _LEAST) or stored.next_at


def policy_document(entry: Entry) -> Document:
    """What `show` adds to an entry's document: its arguments and policies, complete, durations as text."""
    within, later = part_of(entry.schedule, Within), part_of(entry.schedule, Later)
    moved = part_of(entry.schedule, Moved)
    return {
        "starts_at": rfc3339(within.starts_at) if within else None,
        "ends_at": rfc3339(within.ends_at) if within else None,
        "later": format_duration(later.by) if later else None,
        "exclude": entry.exclusion.names if entry.exclusion else [],
        "on_holiday": moved.to if moved else None,
        "holidays": [calendar.name for calendar in moved.calendars] if moved else [],
        "args": list(entry.args),
        "kwargs": hidden(entry.kwargs, entry.secrets),
        "timeout": _duration(entry.timeout),
        "soft_timeout": _duration(entry.soft_timeout),
        "retry": entry.retry.to_json(),
        "overlap": entry.overlap,
        "max_active": entry.most_active,
        "group": entry.group,
        "catchup": entry.catchup,
        "catchup_window": format_duration(entry.catchup_window),
        "catchup_spread": _duration(entry.catchup_spread),
        "start_deadline": _duration(entry.start_deadline),
        "max_runs": entry.max_runs,
        "keep_runs": entry.keep_runs,
        "keep_for": format_duration(entry.keep_for),
        "description": entry.description,
        "owner": entry.owner,
        "tags": list(entry.tags),
        "runbook": entry.runbook,
    }


def pause_document(pause: Pause) -> Document:
    """Who paused, why, and until when; `entry` is `*` where everything is paused."""
    return {
        "entry": pause.entry,
        "by": pause.by,
        "reason": pause.reason,
        "paused_at": rfc3339(pause.paused_at),
        "until": rfc3339(pause.until),
    }


def schedule_text(entry: Entry) -> str | None:
    """The schedule without zone and bounds: "*/5 * * * *", "every 30s", "after load"; None: by hand only."""
    if entry.schedule is None:
        return entry.follows
    cadence = cadence_of(entry.schedule)
    return cadence.expression if isinstance(cadence, OnAWall) else cadence.describe()


def timezone_of(entry: Entry) -> str | None:
    """The IANA name of the zone that the schedule is read in; None where it has none."""
    cadence = None if entry.schedule is None else cadence_of(entry.schedule)
    return cadence.timezone if isinstance(cadence, OnAWall) else None


def _duration(value: Any) -> str | None:
    return None if value is None else format_duration(value)


def refusal_document(refusal: Refusal) -> Document:
    """A message that no worker could take."""
    return {
        "id": refusal.id,
        "reason": refusal.reason,
        "queue": refusal.queue,
        "worker": refusal.worker,
        "refused_at": rfc3339(refusal.refused_at),
        "size": refusal.size,
        "whole": refusal.whole,
        "message": message_of(refusal),
    }


def message_of(refusal: Refusal) -> Any:
    """The message as it came: the JSON that it is, with its body as text where it is one; any other thing as text."""
    text = refusal.item.decode(errors="backslashreplace")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return text
    try:
        body = base64.b64decode(message["body"], validate=True).decode()
        properties = {**message["properties"], "body_encoding": None}
    except (ValueError, LookupError, TypeError):
        return message
    return {**message, "body": body, "properties": properties}


def account_document(found: Account) -> Document:
    """What became of a tick."""
    some = found.left_out
    return {
        "entry": found.entry,
        "asked_at": rfc3339(found.asked_at),
        "answer": found.answer,
        "words": list(found.words),
        "scheduled_at": rfc3339(found.tick),
        "disposition": _disposition(found),
        "reason": None if some is None else some.reason,
        "run": None if found.run is None else run_document(found.run),
        "before": rfc3339(found.earlier),
        "after": rfc3339(found.later),
    }


def _disposition(found: Account) -> str | None:
    if found.left_out is not None:
        return found.left_out.disposition.value
    return Disposition.DISPATCHED.value if found.run is not None and found.run.trigger == "schedule" else None


def step_document(step: Step) -> Document:
    """A step in the life of a run."""
    return {
        "at": rfc3339(step.at),
        "event": step.event,
        "attempt": step.attempt,
        "who": step.who,
        "details": {
            name: rfc3339(value) if isinstance(value, datetime) else value
            for name, value in step.details.items()
        },
    }
