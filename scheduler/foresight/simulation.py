"""What entries do over a span of time: the ticks of each minute, and which entries fall together. Pure."""

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Final

from scheduler.foresight.tick_series import MINUTE_MS, SECOND_MS, Series, Span

TOP: Final = 10
_BYTES: Final = 6  # of a series' mark: the sum of all of them in one minute fits into 64 bits


@dataclass(frozen=True, slots=True)
class Crowd:
    """Entries that fall into one second or minute together, first at `first_at`, `times` times in the span.

    `entries` are their names with the ticks that each has there.
    """

    first_at: datetime
    times: int
    entries: tuple[tuple[str, int], ...]

    @property
    def ticks(self) -> int:
        """All ticks of one such second or minute."""
        return sum(ticks for _, ticks in self.entries)


@dataclass(frozen=True, slots=True)
class Simulation:
    """The load of a span: `by_minute` has the ticks of each of its minutes; `collided` counts seconds with several.

    `busiest` are minutes by their ticks, `collisions` seconds by their entries, the largest first.
    """

    span: Span
    series: tuple[Series, ...]
    by_minute: Sequence[int]
    busiest: tuple[Crowd, ...]
    collided: int
    collisions: tuple[Crowd, ...]

    @property
    def ticks(self) -> int:
        """All of them."""
        return sum(self.by_minute)


def simulation(
    series: Sequence[Series], span: Span, *, top: int = TOP, advance: Callable[[int], None] = lambda _: None
) -> Simulation:
    """The load that `series` are within `span`; `advance` is told of each number of entries done."""
    minutes, seconds = _Tally(span, MINUTE_MS), _Tally(span, SECOND_MS)
    for index, each in enumerate(series):
        minutes.add_ticks(index, each)
        seconds.add_entries(index, each)
        advance(len(each.entries))
    return Simulation(
        span=span,
        series=tuple(series),
        by_minute=minutes.counts,
        busiest=tuple(_crowds(minutes, series, top, least=1)),
        collided=sum(count > 1 for count in seconds.counts),
        collisions=tuple(_crowds(seconds, series, top, least=2)),
    )


class _Tally:
    """Counts by second or by minute. `marks` are the same for two of them which the same series fall into alike."""

    def __init__(self, span: Span, unit_ms: int) -> None:
        self.span, self.unit_ms = span, unit_ms
        self.counts = array("L", [0]) * (span.milliseconds // unit_ms)
        self.marks = array("Q", [0]) * len(self.counts)

    def add_ticks(self, index: int, series: Series) -> None:
        """Count each tick."""
        counts, marks, unit = self.counts, self.marks, self.unit_ms
        number, mark, ticks = len(series.entries), _mark(index), series.ticks
        if isinstance(ticks, range) and ticks.step < unit:
            for place, times in enumerate(self._times(ticks)):
                counts[place] += number * times
                marks[place] += mark * times
            return
        for tick in ticks:
            counts[tick // unit] += number
            marks[tick // unit] += mark

    def add_entries(self, index: int, series: Series) -> None:
        """Count each entry once where it has a tick."""
        counts, marks, unit = self.counts, self.marks, self.unit_ms
        number, mark, ticks = len(series.entries), _mark(index), series.ticks
        places: Sequence[int] | dict[int, None]
        if isinstance(ticks, range) and ticks.step < unit:
            places = range(ticks[0] // unit, ticks[-1] // unit + 1)
        else:
            places = dict.fromkeys([tick // unit for tick in ticks])
        for place in places:
            counts[place] += number
            marks[place] += mark

    def _times(self, ticks: range) -> Iterator[int]:
        """How many ticks of an interval each unit has."""
        edges = (
            min(max(0, -(-(place * self.unit_ms - ticks.start) // ticks.step)), len(ticks))
            for place in range(len(self.counts) + 1)
        )
        before = next(edges)
        for edge in edges:
            yield edge - before
            before = edge


def _mark(index: int) -> int:
    return int.from_bytes(blake2b(str(index).encode(), digest_size=_BYTES).digest())


def _crowds(tally: _Tally, series: Sequence[Series], top: int, *, least: int) -> Iterator[Crowd]:
    """The largest crowds of at least `least`, each once with how often it comes."""
    alike = Counter(mark for mark, count in zip(tally.marks, tally.counts, strict=True) if count >= least)
    first: dict[int, int] = {}
    for place in range(len(tally.counts) - 1, -1, -1):
        if tally.counts[place] >= least:
            first[tally.marks[place]] = place
    largest = sorted(first.values(), key=lambda place: (-tally.counts[place], place))[:top]
    for place in largest:
        start = place * tally.unit_ms
        entries = [
            (entry.name, ticks)
            for each in series
            if (ticks := each.between(start, start + tally.unit_ms))
            for entry in each.entries
        ]
        yield Crowd(tally.span.moment(start), alike[tally.marks[place]], tuple(sorted(entries)))
