"""Why a moment is no tick of an entry: which field of its crontab, which bound, which change of the clock. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from scheduler.cadences.crontab import Crontab
from scheduler.cadences.wall_clock import LAST_YEAR, moment_shown, zone_named
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


def jumped_over(text: str, zone: ZoneInfo) -> tuple[datetime, str] | None:
    """Where `text` is a time that the clock of `zone` jumps over: the moment of the jump, and a sentence of it."""
    try:
        wall = datetime.fromisoformat(text)
    except ValueError:
        return None
    if wall.tzinfo is not None or not 1 < wall.year <= LAST_YEAR:
        return None
    moment = moment_shown(zone, wall)
    shown = moment.astimezone(zone).replace(tzinfo=None)
    if shown == wall:
        return None
    what = f"{wall:%H:%M} does not exist on {wall:%Y-%m-%d}: there the clock of {zone.key} jumps to {shown:%H:%M}"
    return moment, what


def why_no_tick(entry: Entry, moment: datetime) -> Iterator[str]:
    """Sentences that say why `moment` is no tick of `entry`, the plainest reason first."""
    schedule = entry.schedule
    if schedule is None:
        yield f"it has no times of its own: it runs {entry.follows or 'only by hand'}"
        return
    found = [*_out_of_bounds(schedule, moment)] if isinstance(schedule, Within) else []
    yield from found
    if isinstance(schedule, Within):
        schedule = schedule.cadence
    if isinstance(schedule, Moved):
        yield f"its ticks on holidays move to the {schedule.to} day that is none"
        schedule = schedule.cadence
    if isinstance(schedule, Later):
        yield f"jitter: each of its ticks is {format_duration(schedule.by)} later than its schedule says"
        moment -= schedule.by
    crontabs = list(crontabs_of(schedule))
    for crontab in crontabs:
        found += (of_crontab := list(_of_fields(crontab, moment)))
        yield from of_crontab
    if crontabs and not found:
        yield (
            f"the clock of {crontabs[0].timezone} was changed there, and this time is skipped, shifted or the second of"
            f" two (dst_gap = {crontabs[0].dst_gap!r}, dst_fold = {crontabs[0].dst_fold!r})"
        )
    cadence = cadence_of(schedule)
    if isinstance(cadence, Interval):
        yield f"its interval counts {format_duration(cadence.every)} from {_shown(cadence.anchor, entry)}"


def _out_of_bounds(within: Within, moment: datetime) -> Iterator[str]:
    zone = zone_of(within)
    if within.starts_at is not None and moment < within.starts_at:
        yield f"starts_at: it begins at {within.starts_at.astimezone(zone).isoformat()}"
    if within.ends_at is not None and moment > within.ends_at:
        yield f"ends_at: it ended at {within.ends_at.astimezone(zone).isoformat()}"


def _of_fields(crontab: Crontab, moment: datetime) -> Iterator[str]:
    wall = moment.astimezone(zone_named(crontab.timezone))
    times = crontab.wall_times()
    fields = {meaning.field: meaning for meaning in meanings(crontab)}
    for name, value, allowed in (
        ("second", wall.second, times.seconds),
        ("minute", wall.minute, times.minutes),
        ("hour", wall.hour, times.hours),
        ("month", wall.month, times.months),
    ):
        if value not in allowed and name in fields:
            yield f"{name}: {value} is not in {_field(fields[name])}"
    if wall.month in times.months and not times.on(wall.date()):
        days = [
            f"{name} {_field(fields[name])}"
            for name in _DAYS
            if name in fields and fields[name].written != "*"
        ]
        yield f"day: {wall:%A, %Y-%m-%d} is not in {' or '.join(days)}"


_DAYS: Final = ("day of month", "day of week")


def _field(meaning: Meaning) -> str:
    return f"{meaning.written!r} ({meaning.means})"


def _shown(moment: datetime, entry: Entry) -> str:
    return moment.astimezone(zone_of(entry.schedule)).isoformat()
