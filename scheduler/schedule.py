"""When an entry is due: crontabs in a zone, intervals and moments, and what shifts and bounds them.

Pure: every time is given, and given back, in UTC.
"""

import functools
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from scheduler.crontab import Crontab, CrontabProblem, Crontabs, crontab_from_json
from scheduler.crontab_hash import hashed
from scheduler.durations import FINEST, format_duration
from scheduler.wall_clock import LAST_YEAR, utc

__all__ = [
    "Cadence",
    "Crontab",
    "CrontabProblem",
    "Crontabs",
    "Interval",
    "Later",
    "Moments",
    "Schedule",
    "Within",
    "cadence_of",
    "schedule_from_json",
]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_SECOND: Final = timedelta(seconds=1)
_MICROSECONDS: Final = 1_000  # of a millisecond
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


Cadence = Crontab | Crontabs | Interval | Moments


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


@dataclass(frozen=True, slots=True)
class Within:
    """The ticks of `cadence` from `starts_at` on, up to `ends_at`, both with them; None is no bound.

    Raises ValueError where a bound has no zone, or the end is before the start.
    """

    cadence: Cadence | Later
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


Schedule = Cadence | Later | Within


def cadence_of(schedule: Schedule) -> Cadence:
    """The crontab, the interval or the moments, without bounds and jitter."""
    while isinstance(schedule, Within | Later):
        schedule = schedule.cadence
    return schedule


def schedule_from_json(document: Mapping[str, Any]) -> Schedule:
    """The schedule that `to_json` wrote. Raises KeyError, TypeError or ValueError where it is not one of ours."""
    if "within" not in document:
        return _unbounded_from_json(document)
    bounds = [None if text is None else datetime.fromisoformat(text) for text in document["between"]]
    return Within(_unbounded_from_json(document["within"]), *bounds)


def _unbounded_from_json(document: Mapping[str, Any]) -> Cadence | Later:
    if "later" not in document:
        return _cadence_from_json(document)
    jitter = timedelta(seconds=document["jitter"])
    return Later(_cadence_from_json(document["later"]), jitter, document["entry"])


def _cadence_from_json(document: Mapping[str, Any]) -> Cadence:
    if "crontab" in document or "crontabs" in document:
        return crontab_from_json(document)
    if "at" in document:
        return Moments(tuple(datetime.fromisoformat(text) for text in document["at"]))
    every = timedelta(seconds=document["interval"])
    if "anchor" in document:
        return Interval(every, datetime.fromisoformat(document["anchor"]))
    return Interval(every)
