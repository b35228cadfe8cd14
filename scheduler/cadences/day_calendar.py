"""The days of a calendar: holidays, closures, weekends. Pure: a day is a date on the clock of whoever asks."""

import functools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, Final

WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

LONGEST_LABEL: Final = 200
MOST_CHARACTERS: Final = 65_536  # of a calendar's text

_DAY: Final = timedelta(days=1)
_MOST_SHOWN: Final = 6
_LONGEST_WAIT: Final = 8 * 366  # a 29th of February may be eight years away

YearDay = tuple[int, int]


@dataclass(frozen=True, slots=True)
class DayCalendar:
    """Named days, from the compact JSON text in which an entry carries them: {"name": "de", "days": {…}}.

    `days` has dates by what they are called: `2026-04-03`, `2026-12-24/2026-12-31`, or `12-25` for that day in each of
    the `years` from the first to the last. `yearly` are days of every year, `weekdays` are numbers from 0, Monday.
    Calendars of one text are one object: thousands of entries share it. Raises KeyError, TypeError or ValueError where
    the text is not one of ours.
    """

    text: str
    name: str = field(init=False, compare=False)
    years: tuple[int, int] | None = field(init=False, compare=False, repr=False)
    weekdays: frozenset[int] = field(init=False, compare=False, repr=False)
    days: Mapping[date, str] = field(init=False, compare=False, repr=False)
    _yearly: Mapping[YearDay, str] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        document = json.loads(self.text)
        first, last = document.get("years", (1, 0))
        values = {
            "name": document["name"],
            "years": (first, last) if "years" in document else None,
            "weekdays": frozenset(document.get("weekdays", ())),
            "days": dict(_days_of(document.get("days", {}), range(first, last + 1))),
            "_yearly": {_year_day(text): label for label, text in _each(document.get("yearly", {}))},
        }
        for key, value in values.items():
            object.__setattr__(self, key, value)

    @staticmethod
    def of(
        name: str,
        days: Mapping[date, str],
        *,
        yearly: Mapping[YearDay, str] | None = None,
        weekdays: frozenset[int] = frozenset(),
        years: tuple[int, int] | None = None,
    ) -> "DayCalendar":
        """The calendar of these days; `years` are those for which they are known, where later ones are not."""
        document: dict[str, Any] = {"name": name}
        if years is not None:
            document["years"] = list(years)
        if weekdays:
            document["weekdays"] = sorted(weekdays)
        if yearly:
            document["yearly"] = _by_label({day: _year_text(day) for day in yearly}, yearly)
        if days:
            document["days"] = _compact(days, range(0) if years is None else range(years[0], years[1] + 1))
        return DayCalendar.from_json(document)

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> "DayCalendar":
        """The calendar that `to_json` wrote."""
        return _shared(json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":")))

    def to_json(self) -> dict[str, Any]:
        """This calendar for `from_json`."""
        document: dict[str, Any] = json.loads(self.text)
        return document

    def label(self, day: date) -> str | None:
        """What `day` is called in this calendar, "" where it has no name; None where it is none of its days."""
        label = self.days.get(day)
        if label is None:
            label = self._yearly.get((day.month, day.day))
        return WEEKDAYS[day.weekday()] if label is None and day.weekday() in self.weekdays else label

    def __contains__(self, day: date) -> bool:
        return self.label(day) is not None

    def coming(self, day: date) -> Iterator[tuple[date, str]]:
        """Its days from `day` on, with it, and what they are called, for as far as anyone looks ahead."""
        for ahead in range(min(_LONGEST_WAIT, (date.max - day).days)):
            if (label := self.label(day + ahead * _DAY)) is not None:
                yield day + ahead * _DAY, label

    def said(self, day: date) -> str:
        """Such as "calendar de: Tag der Deutschen Einheit", of a day of it."""
        label = self.label(day)
        return f"calendar {self.name}: {label}" if label else f"calendar {self.name}"


def known_years(now: datetime) -> tuple[int, int]:
    """The first and the last year for which holidays and events are worked out at `now`."""
    return now.year - 1, now.year + 4


def joined_label(labels: Iterable[str]) -> str:
    """One name for a day that has several, short enough to be carried about."""
    return "; ".join(sorted({" ".join(label.split()) for label in labels} - {""}))[:LONGEST_LABEL]


def day_changes(before: Iterable[DayCalendar], after: Iterable[DayCalendar]) -> str:
    """In few words what calendars of one name gain and lose: "de: +2026-12-24, -2026-12-31"; "" where nothing is."""
    was = {each.name: each for each in before}
    changed = (each for each in after if each.name in was and each != was[each.name])
    return "; ".join(f"{each.name}: {', '.join(_changes(was[each.name], each))}" for each in changed)


def _changes(before: DayCalendar, after: DayCalendar) -> Iterator[str]:
    days = [
        *((day, "+") for day in after.days.keys() - before.days.keys()),
        *((day, "-") for day in before.days.keys() - after.days.keys()),
    ]
    yield from (f"{sign}{day}" for day, sign in sorted(days)[:_MOST_SHOWN])
    if len(days) > _MOST_SHOWN:
        yield f"{len(days) - _MOST_SHOWN} days more"
    if not days:
        yield "other names or weekdays"


@functools.lru_cache(maxsize=4_096)
def _shared(text: str) -> DayCalendar:
    return DayCalendar(text)


def _each(by_label: Mapping[str, list[str]]) -> Iterator[tuple[str, str]]:
    return ((label, text) for label, texts in by_label.items() for text in texts)


def _days_of(by_label: Mapping[str, list[str]], years: range) -> Iterator[tuple[date, str]]:
    for label, text in _each(by_label):
        first, _, last = text.partition("/")
        if first.count("-") == 1:
            yield from ((date(year, *_year_day(first)), label) for year in years)
            continue
        day, end = date.fromisoformat(first), date.fromisoformat(last or first)
        while day <= end:
            yield day, label
            day += _DAY


def _year_day(text: str) -> YearDay:
    month, day = text.split("-")
    return int(month), int(day)


def _year_text(day: YearDay) -> str:
    return f"{day[0]:02}-{day[1]:02}"


def _by_label(texts: Mapping[Any, str], labels: Mapping[Any, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for day in sorted(texts):
        found.setdefault(labels[day], []).append(texts[day])
    return found


def _compact(days: Mapping[date, str], years: range) -> dict[str, list[str]]:
    """The days by what they are called: those of each year once, and neighbours as spans."""
    found: dict[str, list[str]] = {}
    by_label: dict[str, set[date]] = {}
    for day, label in days.items():
        by_label.setdefault(label, set()).add(day)
    for label in sorted(by_label):
        each_year = _of_each_year(by_label[label], years)
        others = sorted(day for day in by_label[label] if (day.month, day.day) not in each_year)
        found[label] = [*map(_year_text, sorted(each_year)), *_spans(others)]
    return found


def _of_each_year(days: set[date], years: range) -> set[YearDay]:
    if any(day.year not in years for day in days):
        return set()
    candidates = {(day.month, day.day) for day in days} - {(2, 29)}
    return {
        each for each in candidates if len(years) > 1 and all(date(year, *each) in days for year in years)
    }


def _spans(days: list[date]) -> Iterator[str]:
    """`days`, in their order, with neighbours as one text."""
    starts = [day for before, day in pairwise([date.min, *days]) if day - before > _DAY or day == date.min]
    ends = [day for day, after in pairwise([*days, date.max]) if after - day > _DAY or day == date.max]
    for start, end in zip(starts, ends, strict=True):
        yield f"{start}" if start == end else f"{start}/{end}"
