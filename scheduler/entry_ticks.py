"""The ticks of an entry that are to run: those of its schedule without those that it excludes. Pure.

How many runs an entry has had is known to the store alone; no more ticks are told of than it may have runs in all.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from scheduler.cadences.wall_clock import zone_named
from scheduler.entry import Entry
from scheduler.schedule import zone_of

_LEAST: Final = timedelta(microseconds=1)  # the least by which one time is later than another
_A_STEP: Final = timedelta(days=366)
_LOOKS_AHEAD: Final = timedelta(days=40 * 366)  # after 28 years the calendar begins anew
_MOST_LOOKS: Final = 10_000
_FEW: Final = 100  # ticks that are sooner looked at one by one


class LookedAt(NamedTuple):
    """A tick, and why it is excluded; None where it is to run."""

    tick: datetime
    excluded: str | None


def zone_of_entry(entry: Entry) -> ZoneInfo:
    """The zone in which its times are written and shown: its calendars' and its schedule's, which is the same."""
    return zone_of(entry.schedule) if entry.exclusion is None else zone_named(entry.exclusion.timezone)


def coming_ticks(entry: Entry, after: datetime, until: datetime | None = None) -> Iterator[datetime]:
    """The ticks later than `after` that are to run, in order, for as long as any is in sight, not later than `until`.

    None is where ten thousand times in a row, or for forty years, all ticks are excluded.
    """
    return islice(_in_sight(entry, after, until), entry.max_runs)


def _in_sight(entry: Entry, after: datetime, until: datetime | None) -> Iterator[datetime]:
    schedule, exclusion = entry.schedule, entry.exclusion
    if schedule is None:
        return
    found_at, looks = after, 0
    tick = schedule.next_after(after)
    while tick is not None and (until is None or tick <= until):
        if exclusion is None or exclusion.reason_for(tick) is None:
            yield tick
            found_at, looks = tick, 0
        else:
            looks += 1
            if looks > _MOST_LOOKS or tick - found_at > _LOOKS_AHEAD:
                return
            tick = next(exclusion.spans_between(tick - _LEAST, tick + _A_STEP)).until
        tick = schedule.next_after(tick)


def next_tick(entry: Entry, after: datetime) -> datetime | None:
    """The first tick later than `after` that is to run; None where none is in sight."""
    return next(coming_ticks(entry, after), None)


def ticks_between(entry: Entry, after: datetime, until: datetime) -> Iterator[datetime]:
    """The ticks later than `after` and not later than `until` that are to run, in order."""
    ticks = () if entry.schedule is None else entry.schedule.ticks_between(after, until)
    exclusion = entry.exclusion
    to_run = (tick for tick in ticks if exclusion is None or exclusion.reason_for(tick) is None)
    return islice(to_run, entry.max_runs)


def looked_at(entry: Entry, after: datetime) -> Iterator[LookedAt]:
    """All ticks later than `after`, in order, each with why it is excluded."""
    schedule, exclusion, left = entry.schedule, entry.exclusion, entry.max_runs
    tick = None if schedule is None else schedule.next_after(after)
    while schedule is not None and tick is not None and left != 0:
        reason = None if exclusion is None else exclusion.reason_for(tick)
        yield LookedAt(tick, reason)
        if left is not None and reason is None:
            left -= 1
        tick = schedule.next_after(tick)


def count_between(entry: Entry, after: datetime, until: datetime) -> int:
    """How many ticks `ticks_between` would give, counted without a walk through them."""
    if entry.schedule is None:
        return 0
    count = entry.schedule.count_between(after, until)
    count -= excluded_between(entry, after, until) if count else 0
    return count if entry.max_runs is None else min(count, entry.max_runs)


def excluded_between(entry: Entry, after: datetime, until: datetime) -> int:
    """How many ticks later than `after` and not later than `until` are excluded."""
    schedule, exclusion = entry.schedule, entry.exclusion
    if schedule is None or exclusion is None:
        return 0
    few = list(islice(schedule.ticks_between(after, until), _FEW + 1))
    if len(few) <= _FEW:
        return sum(exclusion.reason_for(tick) is not None for tick in few)
    return sum(
        schedule.count_between(span.after, span.until) for span in exclusion.spans_between(after, until)
    )
