"""The ticks of thousands of entries over a span: those of one schedule are worked out once, an interval's never. Pure.

A tick here is a whole number of milliseconds since the span's start.
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from scheduler.cadences.crontab import Crontab
from scheduler.cadences.interval import Interval
from scheduler.cadences.later import Later
from scheduler.cadences.moved import Moved
from scheduler.cadences.wall_clock import utc
from scheduler.cadences.within import Within
from scheduler.entry import Entry
from scheduler.exclusion import Exclusion
from scheduler.schedule import Cadence, Schedule

SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60 * SECOND_MS

_MS: Final = timedelta(milliseconds=1)
_LEAST: Final = timedelta(microseconds=1)  # the least by which one time is later than another
_NOT_AT_ALL: Final = timedelta(0)


@dataclass(frozen=True, slots=True)
class Span:
    """The time from `start_at` (with it) up to `until` (without it), both whole minutes.

    Raises ValueError where it is empty, or an end has no zone or is no whole minute.
    """

    start_at: datetime
    until: datetime

    def __post_init__(self) -> None:
        for name in ("start_at", "until"):
            moment = utc(getattr(self, name))
            if moment.second or moment.microsecond:
                raise ValueError(f"{moment.isoformat()} is no whole minute")
            object.__setattr__(self, name, moment)
        if self.start_at >= self.until:
            raise ValueError("the span ends before it begins")

    @property
    def milliseconds(self) -> int:
        """How long it is."""
        return (self.until - self.start_at) // _MS

    @property
    def minutes(self) -> int:
        """How long it is."""
        return self.milliseconds // MINUTE_MS

    def moment(self, milliseconds: int) -> datetime:
        """The moment so long after the start."""
        return self.start_at + milliseconds * _MS


@dataclass(frozen=True, slots=True)
class Series:
    """The ticks of each of `entries`, in order; a range where they are evenly apart."""

    entries: tuple[Entry, ...]
    ticks: Sequence[int]

    def between(self, start: int, end: int) -> int:
        """How many ticks of one entry come from `start` (with it) up to `end` (without it)."""
        return bisect_left(self.ticks, end) - bisect_left(self.ticks, start)


class _Parts(NamedTuple):
    """What decides an entry's ticks. Entries with the same parts share them."""

    cadence: Hashable
    by: timedelta
    starts_at: datetime | None
    ends_at: datetime | None
    exclusion: Exclusion | None
    most: int | None


def all_series(
    entries: Iterable[Entry], span: Span, advance: Callable[[int], None] = lambda _: None
) -> list[Series]:
    """The ticks of the enabled ones of `entries` within `span`; `advance` is told of each number of entries done.

    Ticks that an exclusion takes out are not among them; `max_runs` is counted from the span's start. Entries without a
    tick have no series.
    """
    shared: dict[_Parts, list[Entry]] = {}
    cadences: dict[Hashable, Cadence | Moved] = {}
    longest: dict[Hashable, timedelta] = {}
    for entry in entries:
        if entry.schedule is None or not entry.enabled:
            advance(1)
            continue
        cadence, parts = _taken_apart(entry.schedule, entry)
        shared.setdefault(parts, []).append(entry)
        cadences.setdefault(parts.cadence, cadence)
        longest[parts.cadence] = max(longest.get(parts.cadence, _NOT_AT_ALL), parts.by)
    found = []
    walked: dict[Hashable, Sequence[int]] = {}
    for parts, members in shared.items():
        if parts.cadence not in walked:
            walked[parts.cadence] = _ticks(cadences[parts.cadence], span, longest[parts.cadence])
        if ticks := _of_parts(walked[parts.cadence], parts, span)[: parts.most]:
            found.append(Series(tuple(members), ticks))
        advance(len(members))
    return found


def _taken_apart(schedule: Schedule, entry: Entry) -> tuple[Cadence | Moved, _Parts]:
    within = schedule if isinstance(schedule, Within) else None
    unbounded = schedule.cadence if isinstance(schedule, Within) else schedule
    later = unbounded if isinstance(unbounded, Later) else None
    cadence = unbounded.cadence if isinstance(unbounded, Later) else unbounded
    parts = _Parts(
        _likeness(cadence),
        later.by if later else _NOT_AT_ALL,
        within.starts_at if within else None,
        within.ends_at if within else None,
        entry.exclusion,
        entry.max_runs,
    )
    return cadence, parts


def _likeness(cadence: Cadence | Moved) -> Hashable:
    """The same for cadences with the same ticks: `H` may stand for one number in the names of many entries."""
    if not isinstance(cadence, Crontab) or not cadence.entry:
        return cadence
    times = cadence.wall_times()
    fields = (
        tuple(times.seconds),
        tuple(times.minutes),
        tuple(times.hours),
        frozenset(times.months),
        times.days,
    )
    return (*fields, times.follows_real_time, cadence.timezone, cadence.dst_gap, cadence.dst_fold)


def _ticks(cadence: Cadence | Moved, span: Span, before: timedelta) -> Sequence[int]:
    """The ticks in the span and in the time `before` it, from where jitter may move them in."""
    if isinstance(cadence, Interval):
        every = cadence.every // _MS
        first = (cadence.anchor - span.start_at) // _MS % every
        return range(first - -(-(before // _MS) // every) * every, span.milliseconds, every)
    ticks = cadence.ticks_between(span.start_at - before - _LEAST, span.until - _LEAST)
    return array("q", [(tick - span.start_at) // _MS for tick in ticks])


def _of_parts(walked: Sequence[int], parts: _Parts, span: Span) -> Sequence[int]:
    by = parts.by // _MS
    low, high = 0, span.milliseconds
    if parts.starts_at is not None:
        low = max(low, -((span.start_at - parts.starts_at) // _MS))
    if parts.ends_at is not None:
        high = min(high, (parts.ends_at - span.start_at) // _MS + 1)
    ticks = walked[bisect_left(walked, low - by) : max(0, bisect_left(walked, high - by))]
    if by and isinstance(ticks, range):
        ticks = range(ticks.start + by, ticks.stop + by, ticks.step)
    elif by:
        ticks = array("q", [tick + by for tick in ticks])
    if parts.exclusion is None:
        return ticks
    kept = list(_kept(ticks, parts.exclusion, span))
    return (
        ticks if sum(map(len, kept)) == len(ticks) else array("q", [tick for part in kept for tick in part])
    )


def _kept(ticks: Sequence[int], exclusion: Exclusion, span: Span) -> Iterator[Sequence[int]]:
    at = 0
    for excluded in exclusion.spans_between(span.start_at - _LEAST, span.until - _LEAST):
        # The moments later than `after` and not later than `until`, both a microsecond short of a whole second.
        start, end = ((moment + _LEAST - span.start_at) // _MS for moment in (excluded.after, excluded.until))
        yield ticks[at : bisect_left(ticks, start)]
        at = bisect_left(ticks, end)
    yield ticks[at:]
