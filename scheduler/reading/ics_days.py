"""The days of an iCalendar file's events, by icalendar and recurring-ical-events: each day that an event touches.

Rules may be endless and calendars come from anywhere, so what would take long is refused.
"""

import functools
import time
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from scheduler.cadences.day_calendar import joined_label
from scheduler.reading.ics_lines import IcsProblem, event_lines

MOST_BYTES: Final = 4_000_000
MOST_EVENTS: Final = 10_000
LONGEST_S: Final = 5.0

Component = Any  # icalendar types what an event holds so widely that each use would need a cast

_DAY: Final = timedelta(days=1)
_LEAST: Final = timedelta(microseconds=1)
_EARLIEST: Final = 1900
_OF_DAYS: Final = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_WITHIN_A_DAY: Final = ("BYHOUR", "BYMINUTE", "BYSECOND")
_WHEN: Final = ("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID")
# What the two libraries raise for values that nobody foresaw.
_UNREADABLE: Final = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


@functools.lru_cache(maxsize=16)
def ics_days(content: bytes, years: tuple[int, int]) -> Mapping[date, str]:
    """The days of the events in the `years` from the first to the last, and what they are called.

    An event of whole days is those days, one with times the days that it touches on its own clock; one that is
    cancelled is none. Raises IcsProblem, with the line, for what can't be read or would take too long.
    """
    text = _text(content)
    lines = event_lines(text)
    if len(lines) > MOST_EVENTS:
        raise IcsProblem(f"has {len(lines)} events; a calendar of days has at most {MOST_EVENTS}")
    found: dict[date, set[str]] = {}
    deadline = time.monotonic() + LONGEST_S
    for line, events, zones in _by_uid(text, lines):
        if time.monotonic() > deadline:
            raise IcsProblem(f"its events take more than {LONGEST_S:g} s to work out, up to this one", line)
        for event in _occurrences(line, events, zones, years):
            if str(event.get("STATUS", "")).upper() != "CANCELLED":
                for day in _days_of(event, years):
                    found.setdefault(day, set()).add(" ".join(str(event.get("SUMMARY", "")).split()))
    return {day: joined_label(labels) for day, labels in found.items()}


def ics_file(path: Path) -> bytes:
    """The content of the file. Raises IcsProblem where it can't be read, or is too large."""
    try:
        if not path.is_file():
            raise IcsProblem(
                "is no file"
                if path.exists()
                else "no such file; it is looked for beside the file that names it"
            )
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise IcsProblem(f"can't be read: {error.strerror or error}") from error


def _text(content: bytes) -> str:
    if len(content) > MOST_BYTES:
        raise IcsProblem(f"has more than {MOST_BYTES} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise IcsProblem(
            f"is not UTF-8: the byte 0x{content[error.start]:02x} stands for nothing", line
        ) from error


def _by_uid(text: str, lines: list[int]) -> Iterator[tuple[int, list[Component], list[Component]]]:
    """The events that belong together, with the line of the first and the file's own zones."""
    from icalendar import Calendar

    try:
        calendars = Calendar.from_ical(text, multiple=True)
        events = [event for calendar in calendars for event in calendar.walk("VEVENT")]
        zones = [zone for calendar in calendars for zone in calendar.walk("VTIMEZONE")]
    except _UNREADABLE as error:
        raise IcsProblem(f"can't be read: {_said(error)}") from error
    if len(events) != len(lines):
        raise IcsProblem(f"has {len(lines)} events, of which only {len(events)} can be read")
    groups: dict[str, tuple[int, list[Component]]] = {}
    for line, event in zip(lines, events, strict=True):
        _check(line, event)
        uid = str(event.get("UID") or f"line {line}")
        groups.setdefault(uid, (line, []))[1].append(event)
    yield from ((line, together, zones) for line, together in groups.values())


def _check(line: int, event: Component) -> None:
    """Raises IcsProblem where an event has no time, or a rule that is not about days."""
    for name, problem in event.errors:
        if name in _WHEN:
            raise IcsProblem(f"the event's {name} can't be read: {problem}", line)
    if "DTSTART" not in event:
        raise IcsProblem("the event has no DTSTART: on which day is it?", line)
    for name in ("DTSTART", "DTEND"):
        if isinstance(event.get(name), list):
            raise IcsProblem(f"the event has more than one {name}", line)
    start = event["DTSTART"].dt
    if not isinstance(start, date) or start.year < _EARLIEST:
        raise IcsProblem(f"the event's DTSTART is no day from {_EARLIEST} on", line)
    if "DTEND" in event and _date(event["DTEND"].dt) < _date(start):
        raise IcsProblem(
            f"the event ends on {_date(event['DTEND'].dt)}, before it starts on {_date(start)}", line
        )
    _check_rules(line, event.get("RRULE", []))


def _check_rules(line: int, rules: Component | list[Component]) -> None:
    for rule in rules if isinstance(rules, list) else [rules]:
        if rule.get("FREQ", [""])[0] not in _OF_DAYS or any(key in rule for key in _WITHIN_A_DAY):
            raise IcsProblem(
                "the event's RRULE repeats it within a day; here are rules of days, weeks, months or years",
                line,
            )
        if any(not isinstance(step, int) or step < 1 for step in rule.get("INTERVAL", [1])):
            raise IcsProblem("the event's RRULE has an INTERVAL that never moves on", line)


def _occurrences(
    line: int, events: list[Component], zones: list[Component], years: tuple[int, int]
) -> list[Component]:
    import recurring_ical_events
    from icalendar import Calendar

    together: Component = Calendar()
    for component in (*zones, *events):
        together.add_component(component)
    try:
        of_these = recurring_ical_events.of(together)
        return list(of_these.between(date(years[0], 1, 1), date(years[1] + 1, 1, 1)))
    except _UNREADABLE as error:
        raise IcsProblem(f"the event can't be worked out: {_said(error)}", line) from error


def _days_of(event: Component, years: tuple[int, int]) -> Iterator[date]:
    first, end = event["DTSTART"].dt, event["DTEND"].dt
    last = (end - _LEAST if isinstance(end, datetime) else end - _DAY) if end > first else first
    day, last = max(_date(first), date(years[0], 1, 1)), min(_date(last), date(years[1], 12, 31))
    while day <= last:
        yield day
        day += _DAY


def _date(value: date) -> date:
    return value.date() if isinstance(value, datetime) else value


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
