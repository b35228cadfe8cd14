"""Moments that somebody wrote down, each of them once. Pure; every time is UTC."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from scheduler.cadences.wall_clock import utc

_MICROSECONDS: Final = 1_000  # of a millisecond


@dataclass(frozen=True, slots=True)
class Moments:
    """At these moments and never again; kept in their order, each once.

    Raises ValueError where there is none, one has no zone, or one is finer than a millisecond.
    """

    moments: tuple[datetime, ...]

    def __post_init__(self) -> None:
        if not self.moments:
            raise ValueError("a list of moments has at least one")
        if any(moment.microsecond % _MICROSECONDS for moment in self.moments):
            raise ValueError("a moment is a whole number of milliseconds")
        object.__setattr__(self, "moments", tuple(sorted({utc(moment) for moment in self.moments})))

    def next_after(self, moment: datetime) -> datetime | None:
        """The first tick later than `moment`; None where there is none any more."""
        place = bisect_right(self.moments, utc(moment))
        return self.moments[place] if place < len(self.moments) else None

    def ticks_between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """The ticks later than `after` and not later than `until`, in order."""
        return iter(
            self.moments[bisect_right(self.moments, utc(after)) : bisect_right(self.moments, utc(until))]
        )

    def count_between(self, after: datetime, until: datetime) -> int:
        """How many ticks `ticks_between` would give."""
        return max(0, bisect_right(self.moments, utc(until)) - bisect_right(self.moments, utc(after)))

    def latest_between(self, after: datetime, until: datetime) -> datetime | None:
        """The last tick that `ticks_between` would give, or None."""
        return max(self.ticks_between(after, until), default=None)

    def describe(self) -> str:
        """In few words: "at 2026-12-24T12:00:00+00:00", "at 3 moments up to 2026-12-24T12:00:00+00:00"."""
        last = self.moments[-1].isoformat()
        return f"at {last}" if len(self.moments) == 1 else f"at {len(self.moments)} moments up to {last}"

    def to_json(self) -> dict[str, Any]:
        """This schedule for `schedule_from_json`."""
        return {"at": [moment.isoformat() for moment in self.moments]}
