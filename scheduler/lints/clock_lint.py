"""The lint about clocks that are changed: ticks that a clock jumps over or shows twice in the coming year. Pure.

What reads a clock on a wall may be struck: crontabs and rules. Intervals, moments and the sun follow real time; what
follows on others has no time of its own.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from scheduler.cadences.crontab import Crontab
from scheduler.cadences.later import Later
from scheduler.cadences.rule import Rule
from scheduler.cadences.wall_clock import zone_named
from scheduler.entry import Entry
from scheduler.entry_ticks import ticks_between
from scheduler.foresight.explanation import ClockChange, clock_changes
from scheduler.lints.lint import Finding
from scheduler.schedule import part_of

LINT: Final = "clock-change"
_YEAR: Final = timedelta(days=366)
_LEAST: Final = timedelta(microseconds=1)  # the least by which one time is later than another


def struck_by_changes(
    entry: Entry, on_walls: Sequence[Crontab | Rule], given: Collection[str], now: datetime
) -> Iterator[Finding]:
    """The changes that strike a tick of `entry`, where none of the keys `given` says what becomes of it.

    Only ticks that the entry has count: none that is excluded, or after its end.
    """
    for cadence in on_walls:
        if cadence.follows_real_time:
            continue
        for change in _changes(cadence.timezone, now):
            skipped = change.after > change.before
            key, word = ("dst_gap", cadence.dst_gap) if skipped else ("dst_fold", cadence.dst_fold)
            if key not in given and _names_a_time_in(cadence, change) and _has_a_tick_at(entry, change):
                what = "is jumped over" if skipped else "comes twice"
                message = (
                    f"on {_shown(change)[0]:%F} a time of {cadence.expression} {what} in {cadence.timezone}; "
                    f'{key} = "{word}" says that this is meant'
                )
                yield Finding(LINT, message, ("crontab" if isinstance(cadence, Crontab) else "rrule",))


def _names_a_time_in(cadence: Crontab | Rule, change: ClockChange) -> bool:
    """Whether one of its times on the wall is among those that are missing, or come twice."""
    return cadence.times(change.before).count(*_shown(change)) > 0


def _shown(change: ClockChange) -> tuple[datetime, datetime]:
    """The times on the wall that the change leaves out or shows twice: from the first (with it) to the last."""
    shown = change.at.replace(tzinfo=None)
    first, last = sorted((shown + change.before, shown + change.after))
    return first, last


def _has_a_tick_at(entry: Entry, change: ClockChange) -> bool:
    """Whether the entry ticks at the jump, or in the time that comes twice, the first time."""
    later = part_of(entry.schedule, Later)
    by = later.by if later is not None else timedelta(0)
    twice = max(change.before - change.after, timedelta(0))
    ticks = ticks_between(entry, change.at - twice - _LEAST, change.at + by)
    return next(ticks, None) is not None


@lru_cache(maxsize=1_024)
def _changes(timezone: str, now: datetime) -> tuple[ClockChange, ...]:
    return tuple(each for each in clock_changes(zone_named(timezone), now, count=4) if each.at <= now + _YEAR)
