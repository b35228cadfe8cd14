"""What a beat decides for one entry that is due. Pure: from what was read, at the moment it was read."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from scheduler import redbeat_entry
from scheduler.catchup import NOTHING_WAITS, Backlog, may_wait, most_runs
from scheduler.closure import Hold
from scheduler.due import MOST_TICKS, Due, due_ticks, is_behind, may_be_behind
from scheduler.entry import Entry
from scheduler.run import tick_run_id
from scheduler.schedule import Schedule
from scheduler.store.decision import Decided, DueEntry, NewRun, RunForm, run_form
from scheduler.store.entries import read_entry
from scheduler.store.pauses import EVERY_ENTRY, Pause

NOBODY_LOOKED: Final = timedelta(seconds=15)  # longer than a tick that waits ever lets a beat sleep


def decide(
    due: DueEntry,
    pauses: Mapping[str, Pause],
    now: datetime,
    *,
    backlog: Backlog = NOTHING_WAITS,
    most: int = MOST_TICKS,
) -> tuple[Decided, Entry]:
    """The decision for an entry whose time has come, and the entry. At most `most` of its ticks are dispatched.

    `backlog` counts where the entry is `behind`. Raises ValueError, saying why, where the entry can't be read.
    """
    entry, form = prepared(due.name, due.definition, due.own)
    if entry.schedule is None or not entry.enabled:
        return Decided(due=due, next_at=None, last_at=now, parked=True), entry
    last_at = _last_at(due, now)
    ticks = due_ticks(
        entry,
        last_at=last_at,
        now=now,
        holds=_holds(pauses, entry.name),
        backlog=_in_force(backlog, entry, due, last_at, now),
        most=most_runs(entry, backlog.had, most),
    )
    decided = _decided(due, entry, form, ticks)
    if ticks.since is None and may_wait(entry):
        decided = decided._replace(caught_up=True)
    return decided, entry


def behind(due: DueEntry, now: datetime) -> Entry | None:
    """The entry, where it missed ticks and its backlog must be read to decide them."""
    try:
        entry, _ = prepared(due.name, due.definition, due.own)
    except ValueError:
        return None  # told when it is decided
    if not may_be_behind(entry):
        return None  # and when its last tick was need not be read
    return entry if is_behind(entry, last_at=_last_at(due, now), now=now) else None


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


def _in_force(backlog: Backlog, entry: Entry, due: DueEntry, last_at: datetime, now: datetime) -> Backlog:
    """The backlog, without what it says of a catching up that is over, or that stopped with all beats."""
    if backlog.since is None or entry.schedule is None:
        return backlog
    first = entry.schedule.next_after(last_at)
    over = first is None or first > backlog.since or backlog.since > now  # that of a clock that was set back
    if over or now - due.due_at > NOBODY_LOOKED:
        return replace(backlog, since=None)
    return backlog


def _decided(due: DueEntry, entry: Entry, form: RunForm, ticks: Due) -> Decided:
    return Decided(
        due=due,
        next_at=ticks.next_at,
        last_at=ticks.last_at,
        form=form,
        ran=redbeat_entry.total_run_count(due.meta) + 1 if ticks.dispatched else None,
        expected=ticks.expected,
        left_out=ticks.left_out,
        runs=[NewRun(tick_run_id(entry.name, at), at, entry.start_by(at)) for at in ticks.dispatched],
        max_runs=entry.max_runs,
        behind=ticks.since,
    )


@lru_cache(maxsize=65_536)
def prepared(name: str, definition: str, own: str) -> tuple[Entry, RunForm]:
    """The entry that a hash holds and what its runs share, kept by content. Raises ValueError as `read_entry` does."""
    entry = read_entry(name, definition, own)
    if entry.schedule is not None:
        entry = replace(entry, schedule=_shared(entry.schedule))
    return entry, run_form(entry)


@lru_cache(maxsize=8_192)
def _shared(schedule: Schedule) -> Schedule:
    """One object for those that are equal: what they work out is kept by schedule, and found sooner."""
    return schedule


def _holds(pauses: Mapping[str, Pause], name: str) -> list[Hold]:
    """The pauses of this entry and of all, those that ran out included."""
    found = [pauses[each] for each in (name, EVERY_ENTRY) if each in pauses] if pauses else []
    return [Hold(pause.paused_at, pause.until, f"paused by {pause.by}: {pause.reason}") for pause in found]
