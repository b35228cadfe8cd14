"""What calendars and excluded times mean for an entry, in plain words. Pure."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from scheduler.cadences.day_calendar import DayCalendar
from scheduler.cadences.moved import Moved
from scheduler.entry import Entry
from scheduler.entry_ticks import zone_of_entry
from scheduler.schedule import calendars_of, part_of

_MOVES: Final = {"previous": "to the nearest day before", "next": "to the nearest day after"}


def calendar_sentences(entry: Entry, now: datetime) -> Iterator[str]:
    """On which days and at which times the entry does not run, and what becomes of its ticks on holidays."""
    today = now.astimezone(zone_of_entry(entry))
    moved = part_of(entry.schedule, Moved)
    excluding = () if entry.exclusion is None else entry.exclusion.calendars
    for calendar in excluding:
        yield f"It does not run on days of calendar {calendar.name}{_next(calendar, today)}."
    for crontab in () if entry.exclusion is None else entry.exclusion.crontabs:
        yield f"It does not run at times that {crontab} matches."
    if moved is not None:
        for calendar in moved.calendars:
            tick = f"A tick on a day of calendar {calendar.name}{_next(calendar, today)}"
            yield f"{tick} moves {_MOVES[moved.to]} that is none, at the same time."
    if excluding or moved is not None:
        yield f"Days are those of {zone_of_entry(entry).key}."
    for calendar in dict.fromkeys((*excluding, *calendars_of(entry.schedule))):
        if calendar.years is not None:
            yield f"The days of calendar {calendar.name} are known up to the end of {calendar.years[1]}."


def _next(calendar: DayCalendar, today: datetime) -> str:
    day, label = next(calendar.coming(today.date()), (None, ""))
    if day is None:
        return " (none is to come)"
    return f" (next: {day:%Y-%m-%d}{f' {label}' if label else ''})"
