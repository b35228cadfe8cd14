"""When an entry fires: the ticks of its schedule but for those that its exclusion takes out."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from scheduler.entry import Entry

MOST: Final = 1_000_000

_JUST_BEFORE: Final = timedelta(microseconds=1)
_MOST_EXCLUDED: Final = 100_000  # in a row: then nothing is left of the schedule
_FURTHEST_BACK: Final = timedelta(days=5 * 366)


def ticks_between(entry: Entry, start: datetime, end: datetime) -> list[datetime]:
    """From `start`, with it, up to `end`, without it; a disabled entry has none.

    Raises ValueError for more than a million.
    """
    if entry.schedule is None or not entry.enabled:
        return []
    after, until = start - _JUST_BEFORE, end - _JUST_BEFORE
    if (count := entry.schedule.count_between(after, until)) > MOST:
        raise ValueError(f"{entry.name} has {count:,} ticks in that time; ask for a shorter one")
    return [tick for tick in entry.schedule.ticks_between(after, until) if _fires(entry, tick)]


def ticks_from(entry: Entry, start: datetime) -> Iterator[datetime]:
    """From `start` on, with it; a disabled entry has none."""
    return ticks_after(entry, start - _JUST_BEFORE)


def ticks_after(entry: Entry, moment: datetime) -> Iterator[datetime]:
    """Those later than `moment`, in order, until the schedule ends; a disabled entry has none."""
    if entry.schedule is None or not entry.enabled:
        return
    excluded = 0
    while excluded < _MOST_EXCLUDED and (tick := entry.schedule.next_after(moment)) is not None:
        moment = tick
        if _fires(entry, tick):
            excluded = 0
            yield tick
        else:
            excluded += 1


def latest_tick(entry: Entry, moment: datetime) -> datetime | None:
    """The last tick not later than `moment`, within some years; also that of an entry that is disabled."""
    schedule, until = entry.schedule, moment
    if schedule is None:
        return None
    for _ in range(_MOST_EXCLUDED):
        tick = schedule.latest_between(moment - _FURTHEST_BACK, until)
        if tick is None or _fires(entry, tick):
            return tick
        until = tick - _JUST_BEFORE
    return None


def is_tick(entry: Entry, moment: datetime) -> bool:
    """Whether the entry fires at `moment`, if it is enabled."""
    schedule = entry.schedule
    return (
        schedule is not None
        and schedule.next_after(moment - _JUST_BEFORE) == moment
        and _fires(entry, moment)
    )


def _fires(entry: Entry, tick: datetime) -> bool:
    return entry.exclusion is None or entry.exclusion.reason_for(tick) is None
