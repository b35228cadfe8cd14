"""When an entry is due: a cadence, and what shifts and bounds it; one file for each.

Pure: every time is given, and given back, in UTC.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from scheduler.cadences.cadence import Cadence, OnAWall, cadence_from_json
from scheduler.cadences.crontab import Crontab, CrontabProblem, Crontabs
from scheduler.cadences.day_calendar import DayCalendar
from scheduler.cadences.interval import EPOCH, Interval
from scheduler.cadences.later import Later
from scheduler.cadences.moments import Moments
from scheduler.cadences.moved import Moved
from scheduler.cadences.rule import Rule
from scheduler.cadences.solar import Solar
from scheduler.cadences.wall_clock import zone_named
from scheduler.cadences.within import Within

__all__ = [
    "EPOCH",
    "Cadence",
    "Crontab",
    "CrontabProblem",
    "Crontabs",
    "Interval",
    "Later",
    "Moments",
    "Moved",
    "OnAWall",
    "Rule",
    "Schedule",
    "Solar",
    "Within",
    "but_for_days",
    "cadence_of",
    "calendars_of",
    "is_of_name",
    "part_of",
    "schedule_from_json",
    "zone_of",
]

Schedule = Cadence | Later | Moved | Within


Part = TypeVar("Part", Within, Moved, Later)


def cadence_of(schedule: Schedule) -> Cadence:
    """The crontab, the rule, the interval, the moments or the sun's, without bounds, jitter and holidays."""
    while isinstance(schedule, Within | Moved | Later):
        schedule = schedule.cadence
    return schedule


def part_of(schedule: Schedule | None, kind: type[Part]) -> Part | None:
    """What of this kind shifts or bounds the ticks of a schedule; None where nothing does."""
    part: Schedule | None = schedule
    while isinstance(part, Within | Moved | Later):
        if isinstance(part, kind):
            return part
        part = part.cadence
    return None


def is_of_name(schedule: Schedule | None) -> bool:
    """Whether its ticks are those of one entry's name: by a jitter, or `H` in a crontab."""
    if schedule is None:
        return False
    cadence = cadence_of(schedule)
    crontabs = cadence.members if isinstance(cadence, Crontabs) else (cadence,)
    hashed = any(isinstance(each, Crontab) and each.entry for each in crontabs)
    return hashed or part_of(schedule, Later) is not None


def calendars_of(schedule: Schedule | None) -> tuple[DayCalendar, ...]:
    """The calendars from whose days its ticks move away."""
    moved = part_of(schedule, Moved)
    return () if moved is None else moved.calendars


def but_for_days(schedule: Schedule | None) -> object:
    """What tells two schedules apart, whichever days their calendars have."""
    moved = part_of(schedule, Moved)
    if moved is None:
        return schedule
    bounds = (schedule.starts_at, schedule.ends_at) if isinstance(schedule, Within) else ()
    return (moved.cadence, moved.to, moved.timezone, *(each.name for each in moved.calendars), *bounds)


def zone_of(schedule: Schedule | None) -> ZoneInfo:
    """The zone in which its times are written and shown: a crontab's, rule's, sun's or holiday's own, otherwise UTC."""
    if (moved := part_of(schedule, Moved)) is not None:
        return zone_named(moved.timezone)
    cadence = None if schedule is None else cadence_of(schedule)
    return zone_named(cadence.timezone if isinstance(cadence, OnAWall | Solar) else "UTC")


def schedule_from_json(document: Mapping[str, Any]) -> Schedule:
    """The schedule that `to_json` wrote. Raises KeyError, TypeError or ValueError where it is not one of ours."""
    if "within" not in document:
        return _unbounded_from_json(document)
    bounds = [None if text is None else datetime.fromisoformat(text) for text in document["between"]]
    return Within(_unbounded_from_json(document["within"]), *bounds)


def _unbounded_from_json(document: Mapping[str, Any]) -> Cadence | Later | Moved:
    if "moved" not in document:
        return _unmoved_from_json(document)
    calendars = tuple(DayCalendar.from_json(each) for each in document["calendars"])
    return Moved(_unmoved_from_json(document["moved"]), document["to"], document["timezone"], calendars)


def _unmoved_from_json(document: Mapping[str, Any]) -> Cadence | Later:
    if "later" not in document:
        return cadence_from_json(document)
    jitter = timedelta(seconds=document["jitter"])
    return Later(cadence_from_json(document["later"]), jitter, document["entry"])
