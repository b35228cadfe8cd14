"""What an entry owes now: which of its ticks since the last one are dispatched, which are not, and what comes next.

Pure: the caller passes `now` (rule 4 of the design). Every tick in (last_at, now] gets exactly one disposition.
"""

from dataclasses import dataclass
from datetime import datetime

from scheduler.disposition import Disposition, TickRange
from scheduler.entry import Entry


@dataclass(frozen=True, slots=True)
class Due:
    """The ticks of one entry up to now: those to dispatch in order, those left out, and the next one."""

    dispatched: tuple[datetime, ...]
    left_out: tuple[TickRange, ...]
    next_at: datetime | None
    last_at: datetime
    expected: int


def due_ticks(entry: Entry, *, last_at: datetime, now: datetime, paused: str | None = None) -> Due:
    """The ticks that `entry` owes in (last_at, now].

    `last_at` is the last tick that already has a disposition, or the moment since which the entry is enabled;
    `paused` is the reason of a pause in force, or None. Of several missed ticks the newest is dispatched and the
    older ones are coalesced into it (`catchup = "latest"`); what is older than `catchup_window` is left alone.
    """
    if entry.schedule is None or not entry.enabled:
        return Due((), (), None, last_at, 0)
    latest = entry.schedule.latest_between(last_at, now)
    if latest is None:
        return Due((), (), entry.schedule.next_after(last_at), last_at, 0)
    first = entry.schedule.next_after(last_at)
    count = 1 if first == latest else entry.schedule.count_between(last_at, now)
    next_at = entry.schedule.next_after(latest)
    if paused is not None:
        left_out = (TickRange(Disposition.SKIPPED_PAUSED, first or latest, latest, count, paused),)
        return Due((), left_out, next_at, latest, count)
    if now - latest > entry.catchup_window:
        reason = "older than catchup_window"
        left_out = (TickRange(Disposition.SKIPPED_DEADLINE, first or latest, latest, count, reason),)
        return Due((), left_out, next_at, latest, count)
    return Due((latest,), _older(entry, last_at, latest, count), next_at, latest, count)


def _older(entry: Entry, last_at: datetime, latest: datetime, count: int) -> tuple[TickRange, ...]:
    if count == 1 or entry.schedule is None:
        return ()
    first = entry.schedule.next_after(last_at)
    before = entry.schedule.latest_between(last_at, _just_before(latest))
    if first is None or before is None:
        return ()
    return (TickRange(Disposition.COALESCED, first, before, count - 1, "missed while no beat ran"),)


def _just_before(moment: datetime) -> datetime:
    return datetime.fromtimestamp((round(moment.timestamp() * 1000) - 1) / 1000, tz=moment.tzinfo)
