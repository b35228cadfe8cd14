"""Which ticks will find an entry's run before still going, and how many runs go at once. Pure.

Waits in the queue, retries and lateness are not counted: this is what the schedule alone asks for. What runs of a group
do to one another is found by following them one by one.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Final, NamedTuple

from scheduler.entry import Entry, Overlap
from scheduler.foresight.followed_runs import Stretch, Told, followed
from scheduler.foresight.run_times import RunTime
from scheduler.foresight.tick_series import SECOND_MS, Series, Span

_MS: Final = timedelta(milliseconds=1)
_SECOND: Final = timedelta(seconds=1)
_DIGITS: Final = (
    2  # a run time is rounded up to so many digits, so that thousands of entries share few of them
)


@dataclass(frozen=True, slots=True)
class Overlaps:
    """Of `ticks` of `entry`, `usual` find a run still going where runs take their p50, and `often` at their p95."""

    entry: Entry
    run_time: RunTime
    ticks: int
    shortest_gap: timedelta
    usual: int
    often: int


@dataclass(frozen=True, slots=True)
class AtOnce:
    """The most runs of a queue that go at once where runs take their p95, first at `at`; `entries` are counted."""

    queue: str
    runs: int
    at: datetime
    entries: int


@dataclass(frozen=True, slots=True)
class Grouped:
    """The runs of entries with a group, if they take their p50, and their p95."""

    usual: Sequence[Told] = ()
    often: Sequence[Told] = ()


_NO_GROUPS: Final = Grouped()


def grouped(series: Iterable[Series], times: Mapping[str, RunTime], stretch: Stretch) -> Grouped:
    """What becomes of the ticks in `stretch` of entries that share a limit."""
    some = [
        Series(entries, each.ticks)
        for each in series
        if (entries := tuple(entry for entry in each.entries if entry.group is not None))
    ]
    if not some:
        return Grouped()
    usual = followed(some, {name: time.p50 for name, time in times.items()}, stretch)
    often = followed(some, {name: time.p95 for name, time in times.items()}, stretch)
    return Grouped(usual.told, often.told)


def overlaps(
    series: Iterable[Series], times: Mapping[str, RunTime], groups: Grouped = _NO_GROUPS
) -> list[Overlaps]:
    """The entries some of whose ticks find a run still going, of their own or their group's; the most first."""
    series = list(series)
    found = [each for one in series for each in _of_series(one, times)]
    gaps = {entry.name: _gap(one.ticks) for one in series for entry in one.entries if entry.group is not None}
    found += [
        Overlaps(one.entry, times[one.entry.name], one.ticks, gaps[one.entry.name] * _MS, one.met, other.met)
        for one, other in zip(groups.usual, groups.often, strict=True)
        if other.met
    ]
    return sorted(found, key=lambda each: (-each.usual, -each.often, each.entry.name))


def _of_series(series: Series, times: Mapping[str, RunTime]) -> Iterator[Overlaps]:
    ticks = series.ticks
    if len(ticks) < 2:  # noqa: PLR2004 - one tick meets no other
        return
    gap = _gap(ticks)
    done: dict[tuple[int, Overlap, int], int] = {}

    def met(entry: Entry, duration: timedelta) -> int:
        key = (-(-duration // _MS), entry.overlap, entry.most_active or 1)
        if key not in done:
            done[key] = _still_going(ticks, *key)
        return done[key]

    for entry in series.entries:
        time = None if entry.group is not None else times.get(entry.name)
        if time is not None and time.p95 > gap * _MS and (often := met(entry, time.p95)):
            yield Overlaps(entry, time, len(ticks), gap * _MS, met(entry, time.p50), often)


def _gap(ticks: Sequence[int]) -> int:
    """The least time between two ticks; 0 where there is one."""
    return ticks.step if isinstance(ticks, range) else min(map(int.__sub__, ticks[1:], ticks), default=0)


def _still_going(ticks: Sequence[int], duration: int, overlap: Overlap, most: int) -> int:
    """How many ticks find as many runs going as there may be; runs take `duration`."""
    if isinstance(ticks, range):
        return _evenly(len(ticks), -(-duration // ticks.step), overlap, most)
    if overlap in ("allow", "replace"):
        return sum(after - before < duration for before, after in pairwise(ticks))
    ends: deque[int] = deque()
    met = 0
    for tick in ticks:
        while ends and ends[0] <= tick:
            ends.popleft()
        if len(ends) < most:
            ends.append(tick + duration)
        else:
            met += 1
            if overlap == "queue":
                ends.append(ends[-most] + duration)
    return met


def _evenly(ticks: int, length: int, overlap: Overlap, most: int) -> int:
    """The same where a run takes `length` gaps of one size."""
    if length <= 1:
        return 0
    if overlap in ("allow", "replace"):
        return ticks - 1
    if length <= most:
        return 0
    if overlap == "queue":
        return ticks - min(ticks, most)
    return ticks - (ticks // length * most + min(ticks % length, most))


def most_at_once(
    series: Iterable[Series], times: Mapping[str, RunTime], span: Span, groups: Grouped = _NO_GROUPS
) -> list[AtOnce]:
    """For each queue the most runs at once, the largest first: to the second, run times rounded up to two digits."""
    by_queue: dict[str, list[_Alike]] = {}
    for each in series:
        for kind, number in _kinds(each, times).items():
            by_queue.setdefault(kind.queue, []).append(_Alike(kind, each.ticks, number))
    found = []
    for queue in by_queue.keys() | {told.entry.queue for told in groups.often}:
        changes = [0] * (span.milliseconds // SECOND_MS + 1)
        sharing = [told for told in groups.often if told.entry.queue == queue]
        for alike in by_queue.get(queue, ()):
            _add(alike, changes)
        for told in sharing:
            _add_told(told, times[told.entry.name].p95, changes)
        levels = list(accumulate(changes[:-1]))
        runs = max(levels)
        at = span.moment(levels.index(runs) * SECOND_MS)
        entries = sum(alike.number for alike in by_queue.get(queue, ())) + len(sharing)
        found.append(AtOnce(queue, runs, at, entries))
    return sorted(found, key=lambda each: (-each.runs, each.queue))


@dataclass(frozen=True, slots=True)
class _Kind:
    """What decides how long the runs of a tick go on. `most` None: without a limit."""

    queue: str
    seconds: int
    most: int | None


class _Alike(NamedTuple):
    kind: _Kind
    ticks: Sequence[int]
    number: int


def _kinds(series: Series, times: Mapping[str, RunTime]) -> dict[_Kind, int]:
    """How many of its entries are of each kind."""
    numbers: dict[_Kind, int] = {}
    for entry in series.entries:
        if entry.group is None and (time := times.get(entry.name)) is not None:
            kind = _Kind(entry.queue, _rounded(time.p95 / _SECOND), entry.most_active)
            numbers[kind] = numbers.get(kind, 0) + 1
    return numbers


@lru_cache(maxsize=65_536)
def _rounded(seconds: float) -> int:
    whole = max(1, math.ceil(seconds))
    unit = 10 ** max(0, len(str(whole)) - _DIGITS)
    return int(-(-whole // unit) * unit)


def _add(alike: _Alike, changes: list[int]) -> None:
    """Add what runs of like entries change, second by second. With a limit one ends where its place is taken."""
    kind, ticks, number = alike
    last = len(changes) - 1
    if isinstance(ticks, range) and ticks.step < SECOND_MS:
        runs = -(-kind.seconds * SECOND_MS // ticks.step)
        runs = number * (runs if kind.most is None else min(runs, kind.most))
        changes[ticks[0] // SECOND_MS] += runs
        changes[min(ticks[-1] // SECOND_MS + kind.seconds, last)] -= runs
        return
    starts = [tick // SECOND_MS for tick in ticks]
    for start in starts:
        changes[start] += number
    if kind.most is None:
        ends = [start + kind.seconds for start in starts]
    else:
        taken = [*starts[kind.most :], *([last] * min(kind.most, len(starts)))]
        ends = [min(start + kind.seconds, end) for start, end in zip(starts, taken, strict=True)]
    for end in ends:
        changes[min(end, last)] -= number


def _add_told(told: Told, lasts: timedelta, changes: list[int]) -> None:
    last = len(changes) - 1
    for _, start in told.runs:
        changes[min(start // SECOND_MS, last)] += 1
        changes[min(start // SECOND_MS + -(-lasts // _SECOND), last)] -= 1
