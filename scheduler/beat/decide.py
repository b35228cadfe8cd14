"""What a beat decides for one entry that is due. Pure: from what was read, at the moment it was read."""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

from scheduler import redbeat_entry
from scheduler.due import Due, due_ticks
from scheduler.entry import Entry
from scheduler.message import Doorbell, envelope
from scheduler.run import Call, tick_run_id
from scheduler.store.entries import read_entry
from scheduler.store.pauses import Pause, pause_in_force
from scheduler.store.ticks import Decided, DueEntry, NewRun


def decide(due: DueEntry, pauses: Mapping[str, Pause], now: datetime) -> tuple[Decided, Entry]:
    """The decision for an entry whose time has come, and the entry.

    Raises ValueError, saying why, where the entry can't be read.
    """
    entry, call = prepared(due.name, due.definition, due.own)
    if entry.schedule is None or not entry.enabled:
        return Decided(due=due, next_at=None, last_at=now, parked=True), entry
    pause = pause_in_force(pauses, entry.name, now)
    ticks = due_ticks(
        entry, last_at=_last_at(due, now), now=now, paused=None if pause is None else _words(pause)
    )
    return _decided(due, entry, call, ticks, now), entry


def parked(due: DueEntry, now: datetime) -> Decided:
    """The decision that takes an entry out of the schedule until somebody writes it anew."""
    return Decided(due=due, next_at=None, last_at=now, parked=True)


def _last_at(due: DueEntry, now: datetime) -> datetime:
    """The moment after which ticks are owed.

    An entry that was parked, or that another program has just added, owes nothing of the past: its first tick is its
    next time. One that stock RedBeat ran before goes on from its last run.
    """
    if due.parked:
        return now
    return due.last_tick_at or redbeat_entry.last_run_at(due.meta) or now


def _decided(due: DueEntry, entry: Entry, call: str, ticks: Due, now: datetime) -> Decided:
    return Decided(
        due=due,
        next_at=ticks.next_at,
        last_at=ticks.last_at,
        meta=_meta(due.meta, now) if ticks.dispatched else "",
        expected=ticks.expected,
        overlap=entry.overlap,
        max_active=entry.max_active,
        left_out=ticks.left_out,
        runs=[_run(entry, call, scheduled_at) for scheduled_at in ticks.dispatched],
    )


def _run(entry: Entry, call: str, scheduled_at: datetime) -> NewRun:
    run_id = tick_run_id(entry.name, scheduled_at)
    bell = Doorbell(run_id=run_id, entry=entry.name, scheduled_at=scheduled_at, attempt=1)
    return NewRun(
        run_id=run_id,
        scheduled_at=scheduled_at,
        job=entry.job,
        queue=entry.queue,
        max_attempts=entry.retry.max_attempts,
        call=call,
        message=envelope(call, bell),
    )


@lru_cache(maxsize=65_536)
def prepared(name: str, definition: str, own: str) -> tuple[Entry, str]:
    """The entry that a hash holds and its call as text, kept by content. Raises ValueError as `read_entry` does."""
    entry = read_entry(name, definition, own)
    return entry, json.dumps(Call.of(entry).to_json(), sort_keys=True)


def _meta(before: str, now: datetime) -> str:
    try:
        count = json.loads(before or "{}").get("total_run_count") or 0
    except (ValueError, AttributeError):
        count = 0
    return redbeat_entry.meta(now, int(count) + 1)


def _words(pause: Pause) -> str:
    return f"paused by {pause.by}: {pause.reason}"
