"""A minute of the hour in which fewer entries start, for those that start in a crowded one. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from scheduler.cadences.crontab import Crontab
from scheduler.cadences.crontab_fields import checked_words
from scheduler.cadences.within import Within
from scheduler.entry import Entry
from scheduler.foresight.tick_series import MINUTE_MS, Series, Span

CROWD: Final = 4  # so many entries in one minute are worth a word

_HOUR: Final = 60
_ALWAYS: Final = 0.9  # what ticks in so many of all minutes can't be evaded
_TRIES: Final = 10  # entries looked at for each move wanted


@dataclass(frozen=True, slots=True)
class Move:
    """From minute `before` of the hour to `after`: `now` other entries start at the one, `then` at the other.

    Both are counted where they are most. `crontab` is how it is written then, and `hashed` how it is written to leave
    the minute to the entry's name.
    """

    entry: Entry
    before: int
    after: int
    now: int
    then: int
    crontab: str
    hashed: str


def moves(series: Sequence[Series], span: Span, *, most: int) -> list[Move]:
    """The moves that ease the largest crowds, at most `most`, each counted with those before it done.

    Moved are entries that a crontab starts at one minute of the hour, without jitter. Not counted are entries that
    tick all the time.
    """
    load = _load(series, span)
    found: list[Move] = []
    for entry, places in islice(_crowded(series, load), most * _TRIES):
        if len(found) == most:
            break
        now = max(load[place] for place in places) - 1
        minute = _minute(entry) or 0
        after, then = _freest(load, places, minute)
        if now < CROWD - 1 or then * 2 > now:
            continue
        for place in places:
            load[place] -= 1
            if 0 <= place + after - minute < len(load):
                load[place + after - minute] += 1
        hashed = _written(entry, "H")
        found.append(Move(entry, minute, after, now, then, _written(entry, str(after)), hashed))
    return found


def _load(series: Sequence[Series], span: Span) -> list[int]:
    """How many entries start in each minute."""
    load = [0] * span.minutes
    for each in series:
        if len(each.ticks) < _ALWAYS * span.minutes:
            for place in dict.fromkeys([tick // MINUTE_MS for tick in each.ticks]):
                load[place] += len(each.entries)
    return load


def _crowded(series: Sequence[Series], load: Sequence[int]) -> Iterator[tuple[Entry, list[int]]]:
    """The entries that can be moved, those in the largest crowd first, with the minutes in which they start."""
    found = []
    for each in series:
        if _minute(each.entries[0]) is not None:
            places = [tick // MINUTE_MS for tick in each.ticks]
            crowd = max(load[place] for place in places)
            found += [(-crowd, entry.name, entry, places) for entry in each.entries if crowd >= CROWD]
    found.sort(key=lambda each: each[:2])
    return ((entry, places) for _, _, entry, places in found)


def _minute(entry: Entry) -> int | None:
    """The one minute of the hour at which its crontab starts it; None where there is none."""
    if (crontab := _crontab(entry)) is None:
        return None
    text = checked_words(crontab.expression)[1].text
    return int(text) if text.isdecimal() else None


def _crontab(entry: Entry) -> Crontab | None:
    schedule = entry.schedule.cadence if isinstance(entry.schedule, Within) else entry.schedule
    return schedule if isinstance(schedule, Crontab) else None


def _freest(load: Sequence[int], places: Sequence[int], minute: int) -> tuple[int, int]:
    """The minute with the smallest crowd at its worst, and how many that is; of several the next one after `minute`."""

    def crowd(candidate: int) -> tuple[int, int, int]:
        shift = candidate - minute
        there = [load[place + shift] for place in places if 0 <= place + shift < len(load)]
        return max(there, default=0), sum(there), shift % _HOUR

    best = min((candidate for candidate in range(_HOUR) if candidate != minute), key=crowd)
    return best, crowd(best)[0]


def _written(entry: Entry, minute: str) -> str:
    """The entry's crontab with another minute; an alias written out."""
    crontab = _crontab(entry)
    if crontab is None:
        return ""
    words = checked_words(crontab.expression)
    shown = words if len(crontab.expression.split()) == len(words) else words[1:]
    return " ".join(minute if word is words[1] else word.text for word in shown)
