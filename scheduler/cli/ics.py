"""Ticks as an iCalendar file (RFC 5545), for the calendar of a team."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final

from icalendar import Calendar, Event

from scheduler.cli.next import Tick
from scheduler.documents import schedule_text, timezone_of
from scheduler.entry import Entry
from scheduler.run import tick_run_id

_END: Final = "END:VCALENDAR\r\n"
# What differs between the events of one entry. Neither line is ever folded, and no text has a line of its own.
_OF_TICK: Final = re.compile(r"^(DTSTART|UID):.*\r$", re.MULTILINE)


def calendar_text(ticks: Iterable[Tick], entries: Mapping[str, Entry], now: datetime) -> str:
    """The calendar of `ticks`, made at `now`.

    The UID of an event is made from the id of the tick's run, so a file that is imported again changes events, and adds
    none twice. Times are UTC to the second, as the format has it.
    """
    calendar = Calendar()
    calendar.add("prodid", "-//Onbeat//onbeat next//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", "Onbeat")
    events: dict[str, Callable[[Tick], str]] = {}
    parts = []
    for tick in ticks:
        if tick.entry not in events:
            events[tick.entry] = _events_of(entries[tick.entry], tick, now)
        parts.append(events[tick.entry](tick))
    frame: str = calendar.to_ical().decode()
    return "".join([frame.removesuffix(_END), *parts, _END])


def _events_of(entry: Entry, tick: Tick, now: datetime) -> Callable[[Tick], str]:
    """What makes the events of an entry from its ticks: the library writes one, two lines of it differ."""
    event = Event()
    event.add("uid", _uid(tick))
    event.add("dtstamp", now.replace(microsecond=0))
    event.add("dtstart", tick.scheduled_at.replace(microsecond=0))
    event.add("summary", entry.name)
    event.add("description", _description(entry))
    event.add("transp", "TRANSPARENT")  # nobody is busy then
    if entry.tags:
        event.add("categories", list(entry.tags))
    text: str = event.to_ical().decode()

    def event_of(tick: Tick) -> str:
        lines = {"DTSTART": f"{tick.scheduled_at:%Y%m%dT%H%M%SZ}", "UID": _uid(tick)}
        return _OF_TICK.sub(lambda found: f"{found[1]}:{lines[found[1]]}\r", text)

    return event_of


def _uid(tick: Tick) -> str:
    return f"{tick_run_id(tick.entry, tick.scheduled_at)}@onbeat"


def _description(entry: Entry) -> str:
    zone = timezone_of(entry)
    lines = [entry.description, f"job: {entry.job}"]
    lines += [f"schedule: {schedule_text(entry)}" + (f" {zone}" if zone else "")]
    lines += [
        f"{name}: {value}" for name, value in (("owner", entry.owner), ("runbook", entry.runbook)) if value
    ]
    return "\n".join(line for line in lines if line)
