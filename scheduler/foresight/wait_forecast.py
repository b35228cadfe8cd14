"""How long runs will wait for a slot, for their group and for one another, where so many slots there are. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from scheduler.entry import Entry
from scheduler.foresight.followed_runs import Followed, Pool, Stretch, Told, busiest_stretch, followed
from scheduler.foresight.run_times import RunTime
from scheduler.foresight.tick_series import MINUTE_MS, Series, Span

_MS: Final = timedelta(milliseconds=1)
_PERCENT: Final = 95
MOST_TICKS: Final = 200_000  # some microseconds for each


@dataclass(frozen=True, slots=True)
class Wait:
    """Of `runs` that start, `waited` do later than at their tick; 95 of 100 wait no longer than `p95`.

    `longest` is the longest wait, of the run of the tick at `at`. `busy`: the share of the slots' time that is taken,
    by this queue and by others that share the slots.
    """

    runs: int
    waited: int
    p95: timedelta
    longest: timedelta
    at: datetime | None
    busy: float


@dataclass(frozen=True, slots=True)
class QueueWaits:
    """A queue with its slots: how its runs wait if they take their p50 (`usual`), and their p95 (`often`)."""

    queue: str
    slots: int
    entries: int
    usual: Wait
    often: Wait


@dataclass(frozen=True, slots=True)
class Met:
    """What becomes of an entry's ticks: the longest wait of those that start, and how many never do."""

    longest: timedelta
    waited: int
    skipped: int
    expired: int


@dataclass(frozen=True, slots=True)
class EntryWaits:
    """An entry some of whose ticks wait, are skipped or expire."""

    entry: Entry
    ticks: int
    usual: Met
    often: Met


@dataclass(frozen=True, slots=True)
class Waits:
    """The forecast for the part of a span from `start_at` (with it) to `until`, in which each run was followed."""

    start_at: datetime
    until: datetime
    queues: tuple[QueueWaits, ...]
    entries: tuple[EntryWaits, ...]


def waits(
    series: Sequence[Series],
    times: Mapping[str, RunTime],
    span: Span,
    stretch: Stretch,
    pools: Sequence[Pool],
) -> Waits:
    """How runs wait where `pools` are there for them. The queues and entries with the longest waits come first."""
    usual = followed(series, {name: time.p50 for name, time in times.items()}, stretch, pools)
    often = followed(series, {name: time.p95 for name, time in times.items()}, stretch, pools)
    entries = [
        EntryWaits(one.entry, one.ticks, _met(one), _met(other))
        for one, other in zip(usual.told, often.told, strict=True)
    ]
    troubled = [each for each in entries if any(_troubles(each.usual)) or any(_troubles(each.often))]
    return Waits(
        start_at=span.moment(stretch.start),
        until=span.moment(stretch.end),
        queues=tuple(
            sorted(
                _queues(usual, often, span, stretch, pools),
                key=lambda each: (-each.often.longest, each.queue),
            )
        ),
        entries=tuple(sorted(troubled, key=_worst_first)),
    )


def followed_stretch(by_minute: Sequence[int]) -> Stretch:
    """The part of a span with these ticks in its minutes in which runs are followed: all, or its busiest time."""
    around = max(range(len(by_minute)), key=by_minute.__getitem__)
    return busiest_stretch(by_minute, around, MOST_TICKS, MINUTE_MS)


def _troubles(met: Met) -> tuple[int, int, int]:
    return met.waited, met.skipped, met.expired


def _worst_first(each: EntryWaits) -> tuple[timedelta, int, str]:
    return -each.often.longest, -each.often.skipped - each.often.expired, each.entry.name


def _met(told: Told) -> Met:
    longest = max((wait for wait, _ in told.runs), default=0)
    return Met(longest * _MS, sum(wait > 0 for wait, _ in told.runs), told.skipped, told.expired)


def _queues(
    usual: Followed, often: Followed, span: Span, stretch: Stretch, pools: Sequence[Pool]
) -> Iterator[QueueWaits]:
    for queue in {each.entry.queue for each in usual.told}:
        serving = [number for number, pool in enumerate(pools) if pool.takes(queue)]
        slots = sum(pools[number].slots for number in serving)
        room = slots * (stretch.end - stretch.start)
        found = []
        for one in (usual, often):
            busy = sum(one.taken[number] for number in serving) / room if room else 0.0
            found.append(_wait([each for each in one.told if each.entry.queue == queue], span, busy))
        entries = sum(each.entry.queue == queue for each in usual.told)
        yield QueueWaits(queue, slots, entries, *found)


def _wait(told: Sequence[Told], span: Span, busy: float) -> Wait:
    if not (all_waits := sorted(wait for each in told for wait, _ in each.runs)):
        return Wait(0, 0, timedelta(0), timedelta(0), None, busy)
    longest = all_waits[-1]
    tick = min(start - wait for each in told for wait, start in each.runs if wait == longest)
    return Wait(
        runs=len(all_waits),
        waited=sum(wait > 0 for wait in all_waits),
        p95=all_waits[-(-len(all_waits) * _PERCENT // 100) - 1] * _MS,
        longest=longest * _MS,
        at=span.moment(tick) if longest else None,
        busy=busy,
    )
