"""What an entry's keys say of calendars: `exclude`, `on_holiday` and `holidays`. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from scheduler.cadences.day_calendar import DayCalendar
from scheduler.cadences.moved import DIRECTIONS, Moved
from scheduler.entry_schedule import Conflict
from scheduler.exclusion import Exclusion
from scheduler.schedule import OnAWall, Schedule, Within, cadence_of
from scheduler.suggestion import did_you_mean

ON_HOLIDAY: Final = ("run", "skip", *DIRECTIONS)
OF_CALENDARS: Final = ("exclude", "on_holiday", "holidays")

_MOST_A_DAY: Final = 1_440  # ticks that may move to another day
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Calendars:
    """The calendars of all files by name; one with an error is among `declared` only."""

    by_name: Mapping[str, DayCalendar] = field(default_factory=dict)
    declared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """By name whose days take ticks out and whose days ticks move away from, crontabs that take ticks out, and whatever
    is `named`.
    """

    excluded: tuple[str, ...]
    moved: tuple[str, ...]
    crontabs: tuple[str, ...]
    named: tuple[str, ...]


def is_crontab(item: str) -> bool:
    """Whether an item of `exclude` is a crontab; else it names a calendar."""
    return item.startswith("@") or len(item.split()) > 1


def choice_of(values: Mapping[str, Any], calendars: Calendars) -> Choice:
    """What the keys of an entry choose among the calendars."""
    named = tuple(item for item in values.get("exclude", ()) if not is_crontab(item))
    crontabs = tuple(item for item in values.get("exclude", ()) if is_crontab(item))
    if (on_holiday := values.get("on_holiday")) is None:
        return Choice(named, (), crontabs, named)
    holidays = values.get("holidays") or named or (calendars.declared if len(calendars.declared) == 1 else ())
    others = tuple(name for name in named if name not in holidays)
    excluded = (*holidays, *others) if on_holiday == "skip" else others
    return Choice(excluded, holidays if on_holiday in DIRECTIONS else (), crontabs, (*holidays, *others))


def calendar_conflicts(
    values: Mapping[str, Any], calendars: Calendars, *, given: frozenset[str]
) -> Iterator[Conflict]:
    """What keeps the keys from choosing; `given` are the keys that stand in the entry itself."""
    for key in ("exclude", "holidays"):
        for index, name in enumerate(values.get(key, ())):
            if not (key == "exclude" and is_crontab(name)) and name not in calendars.declared:
                yield Conflict(key, _unknown(name, calendars), "calendar", index)
    on_holiday, holidays = values.get("on_holiday"), values.get("holidays")
    if on_holiday is None:
        if holidays and "holidays" in given:
            message = "says whose days on_holiday is about; write on_holiday too: run, skip, previous or next"
            yield Conflict("holidays", message)
        return
    named = any(not is_crontab(item) for item in values.get("exclude", ()))
    if not holidays and not named and len(calendars.declared) != 1:
        yield Conflict("on_holiday", _whose(calendars), "calendar")


def _unknown(name: str, calendars: Calendars) -> str:
    hint = did_you_mean(name, calendars.declared)
    if not hint and calendars.declared:
        hint = f"; there are: {', '.join(calendars.declared)}"
    return f"unknown calendar {name!r}{hint or f'; declare it: [calendars.{name}]'}"


def _whose(calendars: Calendars) -> str:
    if not calendars.declared:
        return 'there is no calendar; declare one, such as [calendars.de] with country = "DE"'
    names = ", ".join(calendars.declared)
    return f'which of the calendars {names}? write holidays = ["{calendars.declared[0]}"] beside it'


def exclusion_of(
    name: str, schedule: Schedule, values: Mapping[str, Any], calendars: Calendars
) -> Exclusion | None:
    """What takes ticks out of the entry `name`; None where nothing does.

    Raises CrontabProblem where a crontab never comes for this name: `H` may fall on a day that there is not.
    """
    choice = choice_of(values, calendars)
    chosen = tuple(calendars.by_name[each] for each in choice.excluded)
    if not chosen and not choice.crontabs:
        return None
    return Exclusion(_zone(schedule, values), chosen, choice.crontabs, name)


def with_holidays(schedule: Schedule, values: Mapping[str, Any], calendars: Calendars) -> Schedule:
    """The schedule, its ticks moved away from holidays where `on_holiday` says so. Raises ValueError for too many."""
    moved = choice_of(values, calendars).moved
    if not moved:
        return schedule
    unbounded = schedule.cadence if isinstance(schedule, Within) else schedule
    if isinstance(unbounded, Moved):
        raise ValueError("its ticks are moved already")
    chosen = tuple(calendars.by_name[each] for each in moved)
    whole = Moved(unbounded, values["on_holiday"], _zone(schedule, values), chosen)
    first = datetime(2026, 1, 1, tzinfo=UTC)  # any week will do
    a_day = max(unbounded.count_between(first + each * _DAY, first + (each + 1) * _DAY) for each in range(8))
    if a_day > _MOST_A_DAY:
        message = f'moves ticks to another day, and this entry has {a_day} of them a day; write "skip"'
        raise ValueError(f"{values['on_holiday']!r} {message}")
    return Within(whole, schedule.starts_at, schedule.ends_at) if isinstance(schedule, Within) else whole


def _zone(schedule: Schedule, values: Mapping[str, Any]) -> str:
    """The zone whose clock the entry reads: that of its cadence, which may say it itself, or that of its keys."""
    cadence = cadence_of(schedule)
    return cadence.timezone if isinstance(cadence, OnAWall) else values.get("timezone", "UTC")
