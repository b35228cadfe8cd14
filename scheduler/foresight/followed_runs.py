"""Runs followed one by one: which ticks become runs, for what they wait, and how long. Pure.

What an entry's overlap, its group and its start_deadline say is acted out as the store and the workers do it. Retries,
rate limits and late beats are not: each run is one attempt that takes its entry's run time.
"""

import heapq
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from scheduler.entry import Entry
from scheduler.foresight.tick_series import Series

_MS: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Pool:
    """So many slots of workers that take from these queues; None: from all."""

    slots: int
    queues: frozenset[str] | None = None

    def takes(self, queue: str) -> bool:
        """Whether its workers take from the queue."""
        return self.queues is None or queue in self.queues


@dataclass(frozen=True, slots=True)
class Stretch:
    """The part of a span in which runs are followed: its ticks from `start` (with it) to `end` (without it), in ms."""

    start: int
    end: int


@dataclass(slots=True)
class Told:
    """What became of an entry's ticks: `met` found as many runs active as may be.

    `runs` are those that started, each with the ms from its tick to its start, and when it started.
    """

    entry: Entry
    ticks: int = 0
    met: int = 0
    skipped: int = 0
    expired: int = 0
    runs: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Followed:
    """What became of each entry's ticks, and how many ms the slots of each pool were taken within the stretch."""

    told: Sequence[Told]
    taken: Sequence[int]


class _Run:
    """One run on its way. `end_at`: when it ends, once it has started; it is in one of the places below until then."""

    __slots__ = ("end_at", "number", "over", "pool", "tick")

    def __init__(self, number: int, tick: int) -> None:
        self.number, self.tick = number, tick
        self.end_at: int | None = None
        self.pool: int | None = None
        self.over = False


class _Lane:
    """What limits how many runs are active: an entry's own limit, or its group's."""

    __slots__ = ("active", "waiting")

    def __init__(self) -> None:
        self.active: dict[_Run, None] = {}  # the oldest first
        self.waiting: dict[int, _Run] = {}  # by entry


def followed(
    series: Sequence[Series],
    takes: Mapping[str, timedelta],
    stretch: Stretch,
    pools: Sequence[Pool] | None = None,
) -> Followed:
    """What becomes of the ticks in `stretch` of each entry that `takes` knows the run time of.

    `pools` None: there is always a free slot.
    """
    found = [(entry, each.ticks) for each in series for entry in each.entries if entry.name in takes]
    entries = sorted(found, key=lambda each: each[0].name)  # as the store has those of one moment
    following = _Following([entry for entry, _ in entries], takes, pools, stretch.end)
    following.follow(_in_order([ticks for _, ticks in entries], stretch))
    return Followed(following.told, following.taken)


def _in_order(ticks: Sequence[Sequence[int]], stretch: Stretch) -> Iterator[tuple[int, int]]:
    """Each tick of the stretch with the number of its entry, the earliest first."""
    count = len(ticks)
    coded: list[int] = []
    numbers: dict[int, tuple[Sequence[int], list[int]]] = {}
    for number, each in enumerate(ticks):
        numbers.setdefault(id(each), (each, []))[1].append(number)
    for shared, members in numbers.values():
        for tick in shared[bisect_left(shared, stretch.start) : bisect_left(shared, stretch.end)]:
            coded += [tick * count + number for number in members]
    coded.sort()
    for code in coded:
        yield divmod(code, count)


class _Following:
    def __init__(
        self,
        entries: Sequence[Entry],
        takes: Mapping[str, timedelta],
        pools: Sequence[Pool] | None,
        end: int,
    ) -> None:
        self.told = [Told(entry) for entry in entries]
        self.taken = [0] * len(pools or ())
        self._end = end
        self._lasts = [max(1, -(-takes[entry.name] // _MS)) for entry in entries]
        self._most = [entry.most_active for entry in entries]
        lanes: dict[tuple[str, str], _Lane] = {}
        self._lanes = [lanes.setdefault(_lane_of(entry), _Lane()) for entry in entries]
        self._deadlines = [
            None if entry.start_deadline is None else entry.start_deadline // _MS for entry in entries
        ]
        self._free = None if pools is None else [pool.slots for pool in pools]
        queues = {entry.queue for entry in entries}
        takers = {queue: [at for at, pool in enumerate(pools or ()) if pool.takes(queue)] for queue in queues}
        self._takers = [takers[entry.queue] for entry in entries]
        self._served = [sorted(queue for queue in queues if pool.takes(queue)) for pool in pools or ()]
        self._queued: dict[str, list[tuple[int, int, _Run]]] = {queue: [] for queue in queues}
        self._events: list[tuple[int, int, _Run]] = []
        self._count = 0

    def follow(self, ticks: Iterator[tuple[int, int]]) -> None:
        """Everything up to the last tick, and the ends of all that goes on then."""
        for now, number in ticks:
            while self._events and self._events[0][0] <= now:
                self._next_event()
            self._tick(number, now)
        while self._events:
            self._next_event()

    def _next_event(self) -> None:
        """The end of a run, or the moment by which one must have started."""
        now, _, run = heapq.heappop(self._events)
        if run.over:
            return
        if run.end_at is None:
            self.told[run.number].expired += 1
            self._gone(run, now)
        elif run.end_at == now:
            self._gone(run, now)

    def _tick(self, number: int, now: int) -> None:
        told, lane, most = self.told[number], self._lanes[number], self._most[number]
        told.ticks += 1
        overlap = told.entry.overlap
        run = _Run(number, now)
        if most is None:
            if told.entry.group is not None:
                lane.active[run] = None  # it takes a place of those in the group that have a limit
            self._publish(run, now)
            return
        full = len(lane.active) >= most
        told.met += full
        if full and overlap == "replace":
            self._make_room(lane, number, most, now)
            full = len(lane.active) >= most
        if not full:
            lane.active[run] = None
            self._publish(run, now)
        elif overlap in ("queue", "replace") and number not in lane.waiting:
            lane.waiting[number] = run
            self._watch(run)
        else:
            told.skipped += 1

    def _make_room(self, lane: _Lane, number: int, most: int, now: int) -> None:
        """Older runs of the entry give way, as many as are in its way."""
        if (waits := lane.waiting.get(number)) is not None:
            self._gone(waits, now)
        for other in [run for run in lane.active if run.number == number]:
            if len(lane.active) >= most:
                self._gone(other, now)

    def _publish(self, run: _Run, now: int) -> None:
        if self._free is None:
            self._start(run, None, now)
            return
        for pool in self._takers[run.number]:
            if self._free[pool]:
                self._start(run, pool, now)
                return
        entry = self.told[run.number].entry
        self._count += 1
        heapq.heappush(self._queued[entry.queue], (-entry.priority, self._count, run))
        self._watch(run)

    def _start(self, run: _Run, pool: int | None, now: int) -> None:
        run.pool, run.end_at = pool, now + self._lasts[run.number]
        if pool is not None and self._free is not None:
            self._free[pool] -= 1
            self.taken[pool] += max(0, min(run.end_at, self._end) - now)
        self.told[run.number].runs.append((now - run.tick, now))
        self._count += 1
        heapq.heappush(self._events, (run.end_at, self._count, run))

    def _watch(self, run: _Run) -> None:
        if (deadline := self._deadlines[run.number]) is not None:
            self._count += 1
            heapq.heappush(self._events, (run.tick + deadline, self._count, run))

    def _gone(self, run: _Run, now: int) -> None:
        """The run is over: its slot and its place in the lane go to others."""
        run.over = True
        lane = self._lanes[run.number]
        if lane.waiting.get(run.number) is run:
            del lane.waiting[run.number]
            return
        if run.pool is not None and self._free is not None:
            self._free[run.pool] += 1
            self._take_next(run.pool, now)
        if lane.active.pop(run, self) is None:
            self._release(lane, now)

    def _take_next(self, pool: int, now: int) -> None:
        """The free slot takes what comes first of its queues: by priority, then by age."""
        waiting = []
        for queue in self._served[pool]:
            heap = self._queued[queue]
            while heap and heap[0][2].over:
                heapq.heappop(heap)
            if heap:
                waiting.append((heap[0][:2], queue))
        if waiting:
            _, queue = min(waiting)
            self._start(heapq.heappop(self._queued[queue])[2], pool, now)

    def _release(self, lane: _Lane, now: int) -> None:
        """Those that wait in the lane and have a place now, the one that waits longest first."""
        for number, run in list(lane.waiting.items()):
            if len(lane.active) < (self._most[number] or 0):
                del lane.waiting[number]
                lane.active[run] = None
                self._publish(run, now)


def _lane_of(entry: Entry) -> tuple[str, str]:
    return ("group", entry.group) if entry.group is not None else ("entry", entry.name)


def busiest_stretch(by_minute: Sequence[int], around: int, most: int, minute_ms: int) -> Stretch:
    """The minutes about the minute `around` that have no more than `most` ticks: a quarter of them before it.

    All of them, where they have no more.
    """
    if sum(by_minute) <= most:
        return Stretch(0, len(by_minute) * minute_ms)
    first, before = around, 0
    while first > 0 and before + by_minute[first - 1] <= most // 4:
        first -= 1
        before += by_minute[first]
    last, within = around + 1, before + by_minute[around]
    while last < len(by_minute) and within + by_minute[last] <= most:
        within += by_minute[last]
        last += 1
    return Stretch(first * minute_ms, last * minute_ms)
