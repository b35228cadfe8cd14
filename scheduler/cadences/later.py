"""The ticks of a cadence, all of them later by the same amount: jitter. Pure; every time is UTC."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from scheduler.cadences.cadence import Cadence
from scheduler.cadences.crontab_hash import hashed
from scheduler.cadences.wall_clock import LAST_YEAR, utc
from scheduler.durations import FINEST, format_duration

_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Later:
    """The ticks of `cadence`, all of them later by the same: up to `jitter`, a hash of the entry's name.

    Raises ValueError where there is no name, or the jitter is not a whole number of milliseconds.
    """

    cadence: Cadence
    jitter: timedelta
    entry: str

    def __post_init__(self) -> None:
        if not self.entry:
            raise ValueError("jitter is a hash of an entry's name, and here is none")
        if self.jitter < FINEST or self.jitter % FINEST:
            raise ValueError("jitter is a whole number of milliseconds, at least one")

    @property
    def by(self) -> timedelta:
        """How much later: whole seconds where the jitter is a second or more."""
        return _later_by(self.entry, self.jitter)

    def next_after(self, moment: datetime) -> datetime | None:
        """The first tick later than `moment`; None where none comes before the end of the calendar."""
        tick = self.cadence.next_after(utc(moment) - self.by)
        return None if tick is None or tick.year > LAST_YEAR else tick + self.by

    def ticks_between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """The ticks later than `after` and not later than `until`, in order."""
        return (
            tick + self.by for tick in self.cadence.ticks_between(utc(after) - self.by, utc(until) - self.by)
        )

    def count_between(self, after: datetime, until: datetime) -> int:
        """How many ticks `ticks_between` would give."""
        return self.cadence.count_between(utc(after) - self.by, utc(until) - self.by)

    def latest_between(self, after: datetime, until: datetime) -> datetime | None:
        """The last tick that `ticks_between` would give, or None."""
        latest = self.cadence.latest_between(utc(after) - self.by, utc(until) - self.by)
        return None if latest is None else latest + self.by

    def describe(self) -> str:
        """In few words: "@daily UTC, 12m7s later"."""
        return f"{self.cadence.describe()}, {format_duration(self.by)} later"

    def to_json(self) -> dict[str, Any]:
        """This schedule for `schedule_from_json`."""
        return {"later": self.cadence.to_json(), "jitter": self.jitter.total_seconds(), "entry": self.entry}


@functools.lru_cache(maxsize=65_536)
def _later_by(entry: str, jitter: timedelta) -> timedelta:
    unit = _SECOND if jitter >= _SECOND else FINEST
    return unit * hashed(entry, "jitter", jitter // unit + 1)
