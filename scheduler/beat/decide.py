"""What a beat decides for one entry that is due. Pure: from what was read, at the moment it was read."""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

from scheduler import redbeat_entry
from scheduler.closure import Hold
from scheduler.due import Due, due_ticks
from scheduler.entry import Entry
from scheduler.run import Call, tick_run_id
from scheduler.store.decision import Decided, DueEntry, NewRun, run_form
from scheduler.store.entries import read_entry
from scheduler.store.pauses import EVERY_ENTRY, Pause


def decide(due: DueEntry, pauses: Mapping[str, Pause], now: datetime) -> tuple[Decided, Entry]:
    """The decision for an entry whose time has come, and the entry.

    Raises ValueError, saying why, where the entry can't be read.
    """
    entry, form = prepared(due.name, due.definition, due.own)
    if entry.schedule is None or not entry.enabled:
        return Decided(due=due, next_at=None, last_at=now, parked=True), entry
    ticks = due_ticks(entry, last_at=_last_at(due, now), now=now, holds=_holds(pauses, entry.name))
    return _decided(due, entry, form, ticks, now), entry


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


def _decided(due: DueEntry, entry: Entry, form: str, ticks: Due, now: datetime) -> Decided:
    return Decided(
        due=due,
        next_at=ticks.next_at,
        last_at=ticks.last_at,
        form=form,
        meta=_meta(due.meta, now) if ticks.dispatched else "",
        expected=ticks.expected,
        left_out=ticks.left_out,
        runs=[NewRun(tick_run_id(entry.name, at), at) for at in ticks.dispatched],
    )


@lru_cache(maxsize=65_536)
def prepared(name: str, definition: str, own: str) -> tuple[Entry, str]:
    """The entry that a hash holds and what its runs share, kept by content. Raises ValueError as `read_entry` does."""
    entry = read_entry(name, definition, own)
    return entry, run_form(entry, json.dumps(Call.of(entry).to_json(), sort_keys=True))


def _meta(before: str, now: datetime) -> str:
    try:
        count = json.loads(before or "{}").get("total_run_count") or 0
    except (ValueError, AttributeError):
        count = 0
    return redbeat_entry.meta(now, int(count) + 1)


def _holds(pauses: Mapping[str, Pause], name: str) -> list[Hold]:
    """The pauses of this entry and of all, those that ran out included."""
    found = [pauses[each] for each in (name, EVERY_ENTRY) if each in pauses] if pauses else []
    return [Hold(pause.paused_at, pause.until, f"paused by {pause.by}: {pause.reason}") for pause in found]
