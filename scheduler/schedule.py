"""When an entry is due: crontabs in a zone, intervals, and what bounds them. Pure: every time is given, and given back,
in UTC.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from scheduler.crontab import Crontab, CrontabProblem, Crontabs, crontab_from_json
from scheduler.durations import FINEST, format_duration
from scheduler.wall_clock import utc

__all__ = [
    "Cadence",
    "Crontab",
    "CrontabProblem",
    "Crontabs",
    "Interval",
    "Schedule",
    "Within",
    "cadence_of",
    "schedule_from_json",
]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_LEAST: Final = timedelta(microseconds=1)  # the least by which one time is later than another


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


Cadence = Crontab | Crontabs | Interval


@dataclass(frozen=True, slots=True)
class Within:
    """The ticks of `cadence` from `starts_at` on, up to `ends_at`, both with them; None is no bound.

    Raises ValueError where a bound has no zone, or the end is before the start.
    """

    cadence: Cadence
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


Schedule = Cadence | Within


def cadence_of(schedule: Schedule) -> Cadence:
    """The crontab, the crontabs or the interval, without the bounds around it."""
    return schedule.cadence if isinstance(schedule, Within) else schedule


def schedule_from_json(document: Mapping[str, Any]) -> Schedule:
    """The schedule that `to_json` wrote. Raises KeyError, TypeError or ValueError where it is not one of
    ours.
    """
    if "within" in document:
        starts_at, ends_at = (
            None if text is None else datetime.fromisoformat(text) for text in document["between"]
        )
        return Within(_cadence_from_json(document["within"]), starts_at, ends_at)
    return _cadence_from_json(document)


def _cadence_from_json(document: Mapping[str, Any]) -> Cadence:
    if "crontab" in document or "crontabs" in document:
        return crontab_from_json(document)
    every = timedelta(seconds=document["interval"])
    if "anchor" in document:
        return Interval(every, datetime.fromisoformat(document["anchor"]))
    return Interval(every)
