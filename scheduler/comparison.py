"""What a plan means in firing times: the ticks that are gained, lost or moved in a span of time. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from scheduler.day_calendar import DayCalendar, day_changes
from scheduler.entry import Entry
from scheduler.entry_ticks import count_between, ticks_between
from scheduler.plan import Plan
from scheduler.schedule import calendars_of

SPAN: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class TickChange:
    """Ticks that come only after the change, that came only before it, and those that took another time."""

    gained: int = 0
    lost: int = 0
    moved: int = 0

    def __add__(self, other: "TickChange") -> "TickChange":
        return TickChange(self.gained + other.gained, self.lost + other.lost, self.moved + other.moved)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The changes of a plan by entry, in firing times, and all of them together."""

    by_entry: dict[str, TickChange]

    @property
    def total(self) -> TickChange:
        """Over all entries."""
        return sum(self.by_entry.values(), TickChange())


def comparison(plan: Plan, stored: dict[str, Entry], *, now: datetime, span: timedelta = SPAN) -> Comparison:
    """The ticks that `plan` gains, loses and moves in (now, now + span]. `stored` are the entries before it."""
    until = now + span
    changes = {entry.name: TickChange(gained=_count(entry, now, until)) for entry in plan.added}
    changes |= {
        each.after.name: tick_change(each.before, each.after, now=now, until=until) for each in plan.changed
    }
    changes |= {name: TickChange(lost=_count(stored[name], now, until)) for name in plan.removed}
    return Comparison(changes)


def tick_change(before: Entry, after: Entry, *, now: datetime, until: datetime) -> TickChange:
    """What changes between two versions of an entry. Of ticks at other times as many are moved as there are pairs."""
    if _when(before) == _when(after):
        return TickChange()
    was, will = _ticks(before, now, until), _ticks(after, now, until)
    lost, gained = len(was - will), len(will - was)
    moved = min(lost, gained)
    return TickChange(gained - moved, lost - moved, moved)


def changed_fields(before: Entry, after: Entry) -> dict[str, tuple[Any, Any]]:
    """The fields in which two versions of an entry differ, with both values, as people read them."""
    was, will = before.to_json(), after.to_json()
    fields = {
        name: (was.get(name), will.get(name)) for name in (*was, *will) if was.get(name) != will.get(name)
    }
    if "schedule" in fields:
        fields["schedule"] = (_words(before), _words(after))
    if fields.pop("exclusion", None) is not None:
        fields["exclude"] = (_excluded(before), _excluded(after))
    if days := day_changes(_calendars(before), _calendars(after)):
        fields = {name: (was, will) for name, (was, will) in fields.items() if was != will}
        fields["days"] = (None, days)
    return fields


def _when(entry: Entry) -> tuple[Any, ...]:
    return entry.schedule, entry.exclusion, entry.enabled


def _words(entry: Entry) -> str:
    return "by hand" if entry.schedule is None else entry.schedule.describe()


def _excluded(entry: Entry) -> str | None:
    return None if entry.exclusion is None else entry.exclusion.describe()


def _calendars(entry: Entry) -> tuple[DayCalendar, ...]:
    moving = calendars_of(entry.schedule)
    return (*moving, *(() if entry.exclusion is None else entry.exclusion.calendars))


def _count(entry: Entry, now: datetime, until: datetime) -> int:
    return count_between(entry, now, until) if entry.enabled else 0


def _ticks(entry: Entry, now: datetime, until: datetime) -> set[datetime]:
    return set(ticks_between(entry, now, until)) if entry.enabled else set()
