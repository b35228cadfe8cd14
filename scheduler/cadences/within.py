"""The ticks of a cadence from one moment on, up to another. Pure; every time is UTC."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from scheduler.cadences.cadence import Cadence
from scheduler.cadences.later import Later
from scheduler.cadences.moved import Moved
from scheduler.cadences.wall_clock import utc

_LEAST: Final = timedelta(microseconds=1)  # the least by which one time is later than another


@dataclass(frozen=True, slots=True)
class Within:
    """The ticks of `cadence` from `starts_at` on, up to `ends_at`, both with them; None is no bound.

    Raises ValueError where a bound has no zone, or the end is before the start.
    """

    cadence: Cadence | Later | Moved
    starts_at: datetime | None
    ends_at: datetime | None

    def __post_init__(self) -> None:
        for name in ("starts_at", "ends_at"):
            if (moment := getattr(self, name)) is not None:
                object.__setattr__(self, name, utc(moment))
        if self.starts_at is not None and self.ends_at is not None and self.ends_at < self.starts_at:
            raise ValueError("it ends before it starts")

    def next_after(self, moment: datetime) -> datetime | None:
        """The first tick later than `moment`; None where none comes before the end."""
        tick = self.cadence.next_after(self._after(moment))
        return None if tick is None or tick > self._until(tick) else tick

    def ticks_between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """The ticks later than `after` and not later than `until`, in order."""
        return self.cadence.ticks_between(self._after(after), self._until(until))

    def count_between(self, after: datetime, until: datetime) -> int:
        """How many ticks `ticks_between` would give."""
        return self.cadence.count_between(self._after(after), self._until(until))

    def latest_between(self, after: datetime, until: datetime) -> datetime | None:
        """The last tick that `ticks_between` would give, or None."""
        return self.cadence.latest_between(self._after(after), self._until(until))

    def describe(self) -> str:
        """In few words: "every 30s from 2026-01-01T00:00:00+00:00"."""
        bounds = (("from", self.starts_at), ("until", self.ends_at))
        words = [f"{word} {moment.isoformat()}" for word, moment in bounds if moment is not None]
        return " ".join([self.cadence.describe(), *words])

    def to_json(self) -> dict[str, Any]:
        """This schedule for `schedule_from_json`."""
        bounds = [None if moment is None else moment.isoformat() for moment in (self.starts_at, self.ends_at)]
        return {"within": self.cadence.to_json(), "between": bounds}

    def _after(self, moment: datetime) -> datetime:
        moment = utc(moment)
        return moment if self.starts_at is None else max(moment, self.starts_at - _LEAST)

    def _until(self, moment: datetime) -> datetime:
        moment = utc(moment)
        return moment if self.ends_at is None else min(moment, self.ends_at)
