"""What a plan means in firing times: the ticks that are gained, lost or moved in a span of time. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from math import gcd
from typing import Any, Final

from scheduler.cadences.day_calendar import DayCalendar, day_changes
from scheduler.entry import Entry
from scheduler.entry_ticks import count_between, ticks_between
from scheduler.foresight.tick_series import Span, all_series
from scheduler.plan import Plan
from scheduler.schedule import EPOCH, Interval, cadence_of, calendars_of

SPAN: Final = timedelta(days=7)
MOST_MOVES: Final = 10

_MINUTE: Final = timedelta(minutes=1)
_MS: Final = timedelta(milliseconds=1)
_LOOKED_AT: Final = 10_000
_NEVER: Final[Sequence[int]] = ()


@dataclass(frozen=True, slots=True)
class TickChange:
    """Ticks that come only after the change, that came only before it, and those that took another time.

    `moves` are the first of those that moved: from when to when.
    """

    gained: int = 0
    lost: int = 0
    moved: int = 0
    moves: tuple[tuple[datetime, datetime], ...] = field(default=(), compare=False)

    def __add__(self, other: "TickChange") -> "TickChange":
        return TickChange(self.gained + other.gained, self.lost + other.lost, self.moved + other.moved)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The changes of a plan by entry, in firing times, and all of them together."""

    by_entry: dict[str, TickChange]

    @property
    def total(self) -> TickChange:
        """Over all entries."""
        return sum(self.by_entry.values(), TickChange())


def comparison(plan: Plan, stored: dict[str, Entry], *, now: datetime, span: timedelta = SPAN) -> Comparison:
    """The ticks that `plan` gains, loses and moves in (now, now + span]. `stored` are the entries before it."""
    until = now + span
    changes = {entry.name: TickChange(gained=_count(entry, now, until)) for entry in plan.added}
    differing = [each for each in plan.changed if _when(each.before) != _when(each.after)]
    was = _all_ticks((each.before for each in differing), now, until)
    will = _all_ticks((each.after for each in differing), now, until)
    for each in plan.changed:
        name = each.after.name
        changes[name] = _difference(was.get(name, _NEVER), will.get(name, _NEVER), now)
    changes |= {name: TickChange(lost=_count(stored[name], now, until)) for name in plan.removed}
    return Comparison(changes)


def tick_change(before: Entry, after: Entry, *, now: datetime, until: datetime) -> TickChange:
    """What changes between two versions of an entry. Of ticks at other times as many are moved as there are pairs."""
    if _when(before) == _when(after):
        return TickChange()
    was, will = (_all_ticks([each], now, until).get(each.name, _NEVER) for each in (before, after))
    return _difference(was, will, now)


def changed_fields(before: Entry, after: Entry) -> dict[str, tuple[Any, Any]]:
    """The fields in which two versions of an entry differ, with both values, as people read them."""
    was, will = before.to_json(), after.to_json()
    fields = {
        name: (was.get(name), will.get(name)) for name in (*was, *will) if was.get(name) != will.get(name)
    }
    if "schedule" in fields:
        fields["schedule"] = (_words(before), _words(after))
    if fields.pop("exclusion", None) is not None:
        fields["exclude"] = (_excluded(before), _excluded(after))
    if days := day_changes(_calendars(before), _calendars(after)):
        fields = {name: (was, will) for name, (was, will) in fields.items() if was != will}
        fields["days"] = (None, days)
    return fields


def _when(entry: Entry) -> tuple[Any, ...]:
    return entry.schedule, entry.exclusion, entry.enabled, entry.max_runs


def _words(entry: Entry) -> str:
    if entry.schedule is None:
        return "by hand"
    cadence = cadence_of(entry.schedule)
    words = entry.schedule.describe()
    if isinstance(cadence, Interval) and cadence.anchor != EPOCH:
        words += f", anchored at {cadence.anchor.isoformat()}"
    return words


def _excluded(entry: Entry) -> str | None:
    return None if entry.exclusion is None else entry.exclusion.describe()


def _calendars(entry: Entry) -> tuple[DayCalendar, ...]:
    moving = calendars_of(entry.schedule)
    return (*moving, *(() if entry.exclusion is None else entry.exclusion.calendars))


def _count(entry: Entry, now: datetime, until: datetime) -> int:
    return count_between(entry, now, until) if entry.enabled else 0


def _all_ticks(entries: Iterable[Entry], now: datetime, until: datetime) -> dict[str, Sequence[int]]:
    """The ticks of each that has any, in milliseconds since the minute of `now`; a range where they are even."""
    start = _start(now)
    counted, limited = [], {}
    for entry in entries:
        if entry.max_runs is None:
            counted.append(entry)
        elif entry.enabled:
            limited[entry.name] = [(tick - start) // _MS for tick in ticks_between(entry, now, until)]
    after, last = (now - start) // _MS, (until - start) // _MS
    found = {
        entry.name: series.ticks[bisect_right(series.ticks, after) : bisect_right(series.ticks, last)]
        for series in all_series(counted, Span(start, _start(until) + _MINUTE))
        for entry in series.entries
    }
    return found | limited


def _start(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _difference(was: Sequence[int], will: Sequence[int], now: datetime) -> TickChange:
    kept = _common(was, will)
    lost, gained = len(was) - kept, len(will) - kept
    moved = min(lost, gained)
    start = _start(now)
    pairs: Iterable[tuple[int, int]]
    if lost <= gained:
        pairs = islice(_pairs(was, will), MOST_MOVES)
    else:
        pairs = ((before, after) for after, before in islice(_pairs(will, was), MOST_MOVES))
    moves = tuple((start + before * _MS, start + after * _MS) for before, after in pairs)
    return TickChange(gained - moved, lost - moved, moved, moves)


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many ticks are in both."""
    if isinstance(one, range) and isinstance(other, range):
        return _common_of_ranges(one, other)
    few, many = sorted((one, other), key=len)
    return sum(_has(many, tick) for tick in few)


def _common_of_ranges(one: range, other: range) -> int:
    """The same for two intervals: they meet every least common multiple, from where they first do."""
    if not (one and other) or (one.start - other.start) % gcd(one.step, other.step):
        return 0
    every = one.step * other.step // gcd(one.step, other.step)
    low, high = max(one[0], other[0]), min(one[-1], other[-1])
    rare, often = (one, other) if one.step > other.step else (other, one)
    candidates = rare[bisect_left(rare, low) :][: every // rare.step]
    first = next((tick for tick in candidates if (tick - often.start) % often.step == 0), None)
    return 0 if first is None or first > high else (high - first) // every + 1


def _pairs(few: Sequence[int], many: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Each of `few` that is not among `many`, with the nearest of `many` that is not among `few` and still free."""
    free = 0
    for tick in few[:_LOOKED_AT]:
        if _has(many, tick):
            continue
        place = max(free, bisect_left(many, tick))
        near = [
            each
            for each in range(max(free, place - 1), min(place + 2, len(many)))
            if not _has(few, many[each])
        ]
        if near:
            nearest = min(near, key=lambda each: abs(many[each] - tick))
            free = nearest + 1
            yield tick, many[nearest]


def _has(ticks: Sequence[int], tick: int) -> bool:
    if isinstance(ticks, range):
        return tick in ticks
    place = bisect_left(ticks, tick)
    return place < len(ticks) and ticks[place] == tick
