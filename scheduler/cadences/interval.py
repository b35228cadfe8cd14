"""Every so often, on no clock on a wall: the ticks are counted from an anchor. Pure; every time is UTC."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from scheduler.cadences.wall_clock import utc
from scheduler.durations import FINEST, format_duration

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Interval:
    """Every `every`, counted from `anchor`: every 30 s is :00 and :30, whatever was restarted when.

    Raises ValueError where `every` is not a whole number of milliseconds, at least one, or `anchor` has no
    zone.
    """

    every: timedelta
    anchor: datetime = EPOCH

    def __post_init__(self) -> None:
        if self.every < FINEST:
            raise ValueError("an interval of nothing never moves on; the shortest is 1ms")
        if self.every % FINEST:
            raise ValueError("an interval is a whole number of milliseconds")
        object.__setattr__(self, "anchor", utc(self.anchor))

    def next_after(self, moment: datetime) -> datetime | None:
        """The first tick later than `moment`; None where none comes before the end of the calendar."""
        try:
            return self.anchor + (self._index(utc(moment)) + 1) * self.every
        except OverflowError:
            return None

    def ticks_between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """The ticks later than `after` and not later than `until`, in order."""
        for index in range(self._index(utc(after)) + 1, self._index(utc(until)) + 1):
            yield self.anchor + index * self.every

    def count_between(self, after: datetime, until: datetime) -> int:
        """How many ticks `ticks_between` would give."""
        return max(0, self._index(utc(until)) - self._index(utc(after)))

    def latest_between(self, after: datetime, until: datetime) -> datetime | None:
        """The last tick that `ticks_between` would give, or None."""
        latest = self._index(utc(until))
        return self.anchor + latest * self.every if latest > self._index(utc(after)) else None

    def describe(self) -> str:
        """In few words: "every 30s"."""
        return f"every {format_duration(self.every)}"

    def to_json(self) -> dict[str, Any]:
        """This schedule for `schedule_from_json`."""
        document: dict[str, Any] = {"interval": self.every.total_seconds()}
        if self.anchor != EPOCH:
            document["anchor"] = self.anchor.isoformat()
        return document

    def _index(self, moment: datetime) -> int:
        return (moment - self.anchor) // self.every
