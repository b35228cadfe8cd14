"""One table `[calendars.NAME]`: each of its keys read, and what is wrong reported where it stands."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

from scheduler.cadences.day_words import WrittenDays, weekday_number, written_days
from scheduler.quoting import quoted
from scheduler.reading.ics_lines import IcsProblem
from scheduler.reading.public_holidays import UnknownHolidays, public_holidays
from scheduler.reading.schedule_source import Source
from scheduler.reading.toml_positions import Path as Keys
from scheduler.suggestion import did_you_mean

KEYS: Final = ("dates", "ics", "country", "subdivision", "language", "categories", "weekdays")
OTHER_NAMES: Final = {
    "date": "dates", "days": "dates", "file": "ics", "ical": "ics", "state": "subdivision", "subdiv": "subdivision",
    "region": "subdivision", "province": "subdivision", "weekend": "weekdays",
}  # fmt: skip

_OF_COUNTRY: Final = ("subdivision", "language", "categories")


class CalendarTable:
    """The table at `path` of a file."""

    def __init__(self, source: Source, path: Keys, table: Mapping[str, Any]) -> None:
        self.source = source
        self.path = path
        self._table = table

    def has(self, key: str) -> bool:
        return key in self._table

    def check_keys(self) -> None:
        for key in self._table:
            if key not in KEYS:
                named = OTHER_NAMES.get(key)
                hint = f"; did you mean {named!r}?" if named else did_you_mean(key, KEYS)
                hint = hint or f"; a calendar has {', '.join(KEYS)}"
                self._add(f"unknown key {key!r}{hint}", (key,), "unknown-key")
        for key in _OF_COUNTRY:
            if self.has(key) and not self.has("country"):
                self._add(f"{key}: only a country has one; write country beside it", (key,), "conflict")
        if not self._table:
            message = "has no days; write dates, ics, country or weekdays"
            self._add(f"the calendar {self.path[-1]!r} {message}", (), "missing")

    def dates(self) -> Iterator[WrittenDays]:
        value = self._table.get("dates", [])
        if isinstance(value, dict):  # what each day is called, by the day
            for text, name in value.items():
                for _ in self._each(written_days, text, ("dates", text), at_key=True):
                    yield from self._each(written_days, {"date": text, "name": name}, ("dates", text))
        elif isinstance(value, list):
            for index, item in enumerate(value):
                yield from self._each(written_days, item, ("dates", index))
        else:
            yield from self._each(written_days, value, ("dates",))

    def weekdays(self) -> Iterator[int]:
        value = self._table.get("weekdays", [])
        if isinstance(value, list):
            for index, item in enumerate(value):
                yield from self._each(weekday_number, item, ("weekdays", index))
        else:
            yield from self._each(weekday_number, value, ("weekdays",))

    def ics(self) -> Path | None:
        name = self._text("ics")
        if name is None:
            return None
        if not name.strip() or "\0" in name or "://" in name:
            is_address = "://" in name
            why = (
                "an address is fetched beforehand, by a job" if is_address else "write such as 'holidays.ics'"
            )
            self._add(f"ics: {quoted(name)} is no file; {why}", ("ics",), "value")
            return None
        return self.source.path.parent / name

    def days_of_ics(self, path: Path, years: tuple[int, int]) -> Mapping[date, str]:
        from scheduler.reading.ics_days import ics_days, ics_file  # icalendar is slow to import

        try:
            return ics_days(ics_file(path), years)
        except IcsProblem as problem:
            where = path if problem.line is None else f"{path}:{problem.line}"
            self._add(f"ics: {where}: {problem}", ("ics",), "ics")
            return {}

    def days_of_country(self, years: tuple[int, int]) -> Mapping[date, str]:
        country, subdivision, language = (self._text(key) for key in ("country", "subdivision", "language"))
        categories = self._categories()
        if country is None or categories is None or any(self._is_wrong(key) for key in _OF_COUNTRY):
            return {}
        try:
            return public_holidays(country, subdivision, language, categories, years)
        except UnknownHolidays as problem:
            self._add(f"{problem.key}: {problem}", (problem.key,), "calendar")
            return {}

    def _categories(self) -> tuple[str, ...] | None:
        value = self._table.get("categories", [])
        value = [value] if isinstance(value, str) else value
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self._add(
                f'categories: {quoted(value)} is no list such as ["public", "bank"]',
                ("categories",),
                "value",
            )
            return None
        return tuple(dict.fromkeys(value))

    def _text(self, key: str) -> str | None:
        value = self._table.get(key)
        if value is None or self._is_wrong(key):
            return None
        if not isinstance(value, str):
            self._add(f"{key}: {quoted(value)} is not a text in quotes", (key,), "value")
            return None
        return value

    def _each(
        self, reading: Callable[[object], Any], value: object, keys: Keys, *, at_key: bool = False
    ) -> Iterator[Any]:
        if self.source.report.is_wrong((*self.path, *keys)):
            return
        try:
            yield reading(value)
        except ValueError as problem:
            self._add(f"{keys[0]}: {problem}", keys, "value", at_key=at_key)

    def _is_wrong(self, key: str) -> bool:
        return self.source.report.is_wrong((*self.path, key))

    def _add(self, message: str, keys: Keys, code: str, *, at_key: bool = False) -> None:
        report, path = self.source.report, (*self.path, *keys)
        of_key = at_key or code in ("unknown-key", "conflict", "missing")
        report.add(message, report.key(path) if of_key else report.value(path), code=code, path=path)
