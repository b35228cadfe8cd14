"""Why a moment is no tick of an entry: which field of its crontab, which bound, which change of the clock. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from scheduler.cadences.crontab import Crontab
from scheduler.cadences.wall_clock import zone_named
from scheduler.durations import format_duration
from scheduler.entry import Entry
from scheduler.foresight.explanation import Meaning, crontabs_of, meanings
from scheduler.schedule import Interval, Later, Moved, Within, cadence_of, zone_of

_LEAST: Final = timedelta(microseconds=1)
_MINUTE: Final = timedelta(minutes=1)
_SECOND: Final = timedelta(seconds=1)


def tick_meant(entry: Entry, moment: datetime) -> datetime | None:
    """The tick that somebody means who writes `moment`: the first of that minute, or second where one is given."""
    if entry.schedule is None:
        return None
    tick = entry.schedule.next_after(moment - _LEAST)
    within = _SECOND if moment.second or moment.microsecond else _MINUTE
    return tick if tick is not None and tick < moment + within else None


def why_no_tick(entry: Entry, moment: datetime) -> Iterator[str]:
    """Sentences that say why `moment` is no tick of `entry`, the plainest reason first."""
    schedule = entry.schedule
    if schedule is None:
        yield f"it has no times of its own: it runs {entry.follows or 'only by hand'}"
        return
    if isinstance(schedule, Within):
        yield from _out_of_bounds(schedule, moment)
        schedule = schedule.cadence
    if isinstance(schedule, Moved):
        yield f"its ticks on holidays move to the {schedule.to} day that is none"
        schedule = schedule.cadence
    if isinstance(schedule, Later):
        yield f"jitter: each of its ticks is {format_duration(schedule.by)} later than its schedule says"
        moment -= schedule.by
    for crontab in crontabs_of(schedule):
        yield from _of_crontab(crontab, moment)
    cadence = cadence_of(schedule)
    if isinstance(cadence, Interval):
        yield f"its interval counts {format_duration(cadence.every)} from {_shown(cadence.anchor, entry)}"


def _out_of_bounds(within: Within, moment: datetime) -> Iterator[str]:
    zone = zone_of(within)
    if within.starts_at is not None and moment < within.starts_at:
        yield f"starts_at: it begins at {within.starts_at.astimezone(zone).isoformat()}"
    if within.ends_at is not None and moment > within.ends_at:
        yield f"ends_at: it ended at {within.ends_at.astimezone(zone).isoformat()}"


def _of_crontab(crontab: Crontab, moment: datetime) -> Iterator[str]:
    wall = moment.astimezone(zone_named(crontab.timezone))
    times = crontab.wall_times()
    fields = {meaning.field: meaning for meaning in meanings(crontab)}
    found = False
    for name, value, allowed in (
        ("second", wall.second, times.seconds),
        ("minute", wall.minute, times.minutes),
        ("hour", wall.hour, times.hours),
        ("month", wall.month, times.months),
    ):
        if value not in allowed and name in fields:
            found = True
            yield f"{name}: {value} is not in {_field(fields[name])}"
    if wall.month in times.months and not times.on(wall.date()):
        found = True
        days = [
            f"{name} {_field(fields[name])}"
            for name in _DAYS
            if name in fields and fields[name].written != "*"
        ]
        yield f"day: {wall:%A, %Y-%m-%d} is not in {' or '.join(days)}"
    if not found:
        yield (
            f"the clock of {crontab.timezone} was changed there, and this time is skipped, shifted or the second of two"
            f" (dst_gap = {crontab.dst_gap!r}, dst_fold = {crontab.dst_fold!r})"
        )


_DAYS: Final = ("day of month", "day of week")


def _field(meaning: Meaning) -> str:
    return f"{meaning.written!r} ({meaning.means})"


def _shown(moment: datetime, entry: Entry) -> str:
    return moment.astimezone(zone_of(entry.schedule)).isoformat()
