"""Ticks that follow the sun at a place. Pure; every time is UTC."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from scheduler.cadences.sun import SUN_EVENTS, SunEvent, sun_event
from scheduler.cadences.wall_clock import LAST_YEAR, utc, zone_named
from scheduler.durations import format_duration

MOST_OFFSET: Final = timedelta(days=1)
_DAY: Final = timedelta(days=1)
_NO_TIME: Final = timedelta(0)
_LONGEST_NIGHT: Final = 370  # days: a year has each event on some day, wherever the place is
_FIRST_YEAR: Final = 2


@dataclass(frozen=True, slots=True)
class Solar:
    """At sunrise, sunset or another event, `offset` later; where a day has none there is no tick.

    Latitude and longitude are degrees, north and east positive; `timezone` is only for showing its times. Raises
    ValueError for an event that there is not, a place that is not on the globe, an offset of more than a day or an
    unknown zone.
    """

    event: SunEvent
    latitude: float
    longitude: float
    offset: timedelta = _NO_TIME
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        if self.event not in SUN_EVENTS:
            raise ValueError(f"the sun has no {self.event!r}; it has {', '.join(SUN_EVENTS)}")
        if not (abs(self.latitude) <= 90 and abs(self.longitude) <= 180):  # noqa: PLR2004 - degrees of the globe
            raise ValueError("a latitude is from -90 to 90 degrees, a longitude from -180 to 180")
        if abs(self.offset) > MOST_OFFSET:
            raise ValueError("an offset is at most a day")
        zone_named(self.timezone)

    def next_after(self, moment: datetime) -> datetime | None:
        """The first tick later than `moment`; None where none comes before the end of the calendar."""
        moment = utc(moment)
        first = self._day(moment) - 1
        days = range(first, first + _LONGEST_NIGHT)
        return next((tick for day in days if (tick := self._tick(day)) is not None and tick > moment), None)

    def ticks_between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """The ticks later than `after` and not later than `until`, in order."""
        after, until = utc(after), utc(until)
        for day in range(self._day(after) - 1, self._day(until) + 2):
            tick = self._tick(day)
            if tick is not None and after < tick <= until:
                yield tick

    def count_between(self, after: datetime, until: datetime) -> int:
        """How many ticks `ticks_between` would give."""
        return sum(1 for _ in self.ticks_between(after, until))

    def latest_between(self, after: datetime, until: datetime) -> datetime | None:
        """The last tick that `ticks_between` would give, or None."""
        after, until = utc(after), utc(until)
        last = self._day(until) + 1
        for day in range(last, max(self._day(after) - 2, last - _LONGEST_NIGHT), -1):
            tick = self._tick(day)
            if tick is not None and tick <= until:
                return tick if tick > after else None
        return None

    def describe(self) -> str:
        """In few words: "sunset at 52.5, 13.4", "30m before sunset at 52.5, 13.4"."""
        return f"{self.when} at {self.latitude:g}, {self.longitude:g}"

    @property
    def when(self) -> str:
        """The event and the offset: "30m before sunset"."""
        if not self.offset:
            return self.event
        side = "before" if self.offset < _NO_TIME else "after"
        return f"{format_duration(abs(self.offset))} {side} {self.event}"

    def to_json(self) -> dict[str, Any]:
        """This schedule for `schedule_from_json`."""
        document: dict[str, Any] = {
            "solar": self.event, "latitude": self.latitude, "longitude": self.longitude,
        }  # fmt: skip
        more: dict[str, Any] = {"offset": self.offset.total_seconds()} if self.offset else {}
        return document | more | ({"timezone": self.timezone} if self.timezone != "UTC" else {})

    def _day(self, moment: datetime) -> int:
        """The day at the place, as an ordinal, on which an event of this moment falls, or the one beside it."""
        return (moment.replace(tzinfo=None) - self.offset + _DAY * (self.longitude / 360)).toordinal()

    def _tick(self, day: int) -> datetime | None:
        if not _FIRST_DAY <= day <= _LAST_DAY:
            return None
        tick = sun_event(self.event, self.latitude, self.longitude, day)
        return None if tick is None else tick + self.offset


_FIRST_DAY: Final = datetime(_FIRST_YEAR, 1, 1).toordinal()  # noqa: DTZ001 - a day
_LAST_DAY: Final = datetime(LAST_YEAR, 12, 31).toordinal()  # noqa: DTZ001 - a day


def solar_from_json(document: Mapping[str, Any]) -> Solar:
    """The schedule that `to_json` wrote. Raises KeyError, TypeError or ValueError where it is not one of ours."""
    offset = timedelta(seconds=document.get("offset", 0))
    zone = document.get("timezone", "UTC")
    return Solar(document["solar"], document["latitude"], document["longitude"], offset, zone)
