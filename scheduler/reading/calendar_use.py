"""From what an entry's tables say of calendars to what takes its ticks out and what moves them."""

from collections.abc import Mapping
from typing import Any, Final

from scheduler.cadences.crontab_fields import CrontabProblem
from scheduler.entry_calendars import (
    OF_CALENDARS,
    Calendars,
    calendar_conflicts,
    choice_of,
    exclusion_of,
    with_holidays,
)
from scheduler.entry_schedule import OF_THE_CLOCK
from scheduler.exclusion import Exclusion
from scheduler.reading.entry_layers import Layers, Place
from scheduler.schedule import Schedule

_NO_TICKS: Final = "the entry has no ticks that it could be about: it is run by hand"


class CalendarUse:
    """The calendars of all files, in use: `used` are the names of those that any entry has chosen."""

    def __init__(self, calendars: Calendars) -> None:
        self.used: set[str] = set()
        self._calendars = calendars
        self._exclusions: dict[Exclusion, Exclusion] = {}

    def applied(
        self, schedule: Schedule | None, values: Mapping[str, Any], layers: Layers
    ) -> tuple[Schedule | None, Exclusion | None]:
        """The entry's schedule, its ticks moved away from holidays or not, and what takes ticks out of it."""
        if not any(key in values for key in OF_CALENDARS):
            return schedule, None
        if layers.is_wrong(*OF_CALENDARS) or self._is_at_odds(values, layers):
            return schedule, None
        choice = choice_of(values, self._calendars)
        self.used |= {*choice.excluded, *choice.moved, *values.get("holidays", ()), *choice.named}
        if any(name not in self._calendars.by_name for name in (*choice.excluded, *choice.moved)):
            layers.failed = True  # the calendar itself says what is wrong with it
            return schedule, None
        if schedule is None:
            return None, None
        return self._of(schedule, values, layers)

    def _is_at_odds(self, values: Mapping[str, Any], layers: Layers) -> bool:
        given, found = layers.given, False
        for conflict in calendar_conflicts(values, self._calendars, given=given):
            place, found = layers.place(conflict.key), True
            inside = Place(place.report, (*place.path, conflict.element or 0))
            is_element = conflict.element is not None and layers.has(conflict.key, conflict.element)
            span = inside.value if is_element else place.value
            layers.add(f"{conflict.key}: {conflict.message}", place, span, code=conflict.code)
        if not any(kind in values for kind in OF_THE_CLOCK):
            for key in given & {*OF_CALENDARS}:
                place, found = layers.place(key), True
                layers.add(f"{key}: {_NO_TICKS}", place, place.key, code="conflict")
        return found

    def _of(
        self, schedule: Schedule, values: Mapping[str, Any], layers: Layers
    ) -> tuple[Schedule | None, Exclusion | None]:
        try:
            exclusion = self._shared(exclusion_of(layers.name, schedule, values, self._calendars))
        except CrontabProblem as problem:
            place = layers.place("exclude")
            layers.add(f"exclude: for this entry's H it {problem}", place, place.value, code="crontab")
            return schedule, None
        try:
            moved = with_holidays(schedule, values, self._calendars)
        except ValueError as problem:
            place = layers.place("on_holiday")
            layers.add(f"on_holiday: {problem}", place, place.value, code="conflict")
            return schedule, None
        return moved, exclusion

    def _shared(self, exclusion: Exclusion | None) -> Exclusion | None:
        """The same for all entries that exclude the same."""
        return None if exclusion is None else self._exclusions.setdefault(exclusion, exclusion)
