"""The tables `[calendars.NAME]` of all files: from dates, ICS files, countries and weekdays to days."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from scheduler.cadences.day_calendar import MOST_CHARACTERS, DayCalendar, YearDay, joined_label
from scheduler.entry_calendars import Calendars
from scheduler.entry_values import NAME
from scheduler.quoting import quoted
from scheduler.reading.calendar_table import CalendarTable
from scheduler.reading.file_look import Look, look_at
from scheduler.reading.schedule_source import Source
from scheduler.reading.toml_positions import Path as Keys


class CalendarTables:
    """The calendars of some files for the `years` from the first to the last; what is wrong goes to the reports.

    `files` are the ICS files that they name, there or not, and how they were before they were read.
    """

    def __init__(self, sources: Sequence[Source], years: tuple[int, int]) -> None:
        self.files: dict[Path, Look] = {}
        self._years = years
        self._declared: dict[str, tuple[Source, Keys]] = {}
        self._by_name: dict[str, DayCalendar] = {}
        for source in sources:
            self._read(source)

    @property
    def calendars(self) -> Calendars:
        """What entries choose from."""
        return Calendars(self._by_name, tuple(self._declared))

    def warn_of_unused(self, used: set[str]) -> None:
        """Warn of the calendars that no entry uses."""
        for name, (source, path) in self._declared.items():
            if name in self._by_name and name not in used:
                message = f"the calendar {name!r} is used by no entry; its name stands in exclude or holidays"
                source.report.add(
                    message, source.report.key(path), code="unused-calendar", severity="warning"
                )

    def _read(self, source: Source) -> None:
        tables = source.document.get("calendars", {})
        report = source.report
        if not isinstance(tables, dict):
            message = "'calendars' is a table; write [calendars.NAME] above the keys of each calendar"
            report.add(message, report.key(("calendars",)), code="value", path=("calendars",))
            return
        for name, table in tables.items():
            path: Keys = ("calendars", name)
            if not NAME.fullmatch(name):
                message = f"the calendar's name {quoted(name)} is not 1 to 100 letters, digits and _ . -"
                report.add(message, report.key(path), code="name", path=path)
            if not isinstance(table, dict):
                message = f"{name!r} is {quoted(table)}, and a calendar is a table: [calendars.{name}]"
                report.add(message, report.key(path), code="value", path=path)
            elif name in self._declared:
                first, there = self._declared[name]
                span = first.report.key(there)
                where = f"{first.path}:{span.line}" if span else str(first.path)
                message = (
                    f"the calendar {name!r} is declared in {where} as well; one of the two needs another name"
                )
                report.add(message, report.key(path), code="duplicate", path=path)
                continue
            self._declared[name] = (source, path)
            if isinstance(table, dict):
                self._add(name, CalendarTable(source, path, table))

    def _add(self, name: str, table: CalendarTable) -> None:
        table.check_keys()
        named, yearly = _Days(), _Yearly()
        for written in table.dates():
            named.add(dict.fromkeys(written.days, written.name))
            yearly.update(dict.fromkeys(written.yearly, written.name))
        if (path := table.ics()) is not None:
            self.files[path] = look_at(path)
            named.add(table.days_of_ics(path, self._years))
        named.add(table.days_of_country(self._years))
        weekdays = frozenset(table.weekdays())
        report = table.source.report
        if report.is_wrong(table.path):
            return
        known = self._years if table.has("ics") or table.has("country") else None
        calendar = DayCalendar.of(name, named.joined(), yearly=yearly, weekdays=weekdays, years=known)
        if problem := _problem(calendar):
            report.add(
                f"the calendar {name!r} {problem}", report.key(table.path), code="value", path=table.path
            )
            return
        self._by_name[name] = calendar
        if not (calendar.days or yearly or weekdays):
            within = f" from {known[0]} to {known[1]}" if known else ""
            message = f"the calendar {name!r} has no day{within}"
            report.add(message, report.key(table.path), code="empty", severity="warning")


_Yearly = dict[YearDay, str]


class _Days:
    """The names of days, from several places."""

    def __init__(self) -> None:
        self._names: dict[date, list[str]] = {}

    def add(self, days: Mapping[date, str]) -> None:
        for day, name in days.items():
            self._names.setdefault(day, []).append(name)

    def joined(self) -> dict[date, str]:
        return {day: joined_label(names) for day, names in self._names.items()}


def _problem(calendar: DayCalendar) -> str | None:
    if len(calendar.weekdays) == 7:  # noqa: PLR2004 - a week
        return "has all days of the week: no other day is left"
    if len(calendar.text) > MOST_CHARACTERS:
        size = f"is {len(calendar.text)} characters long, and every entry that uses it carries it along"
        return f"{size}; at most {MOST_CHARACTERS} are kept: leave out days, or shorten their names"
    return None
