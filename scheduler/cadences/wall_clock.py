"""Zones by name, and the stretches of time between two changes of a zone's offset from UTC."""

import functools
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from scheduler.suggestion import closest

LAST_YEAR: Final = 9998  # one year is left to look ahead into

_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)
_FURTHEST: Final = timedelta(days=2)  # no offset is a day, nor any jump more than one


@dataclass(frozen=True, slots=True)
class Stretch:
    """The time from `start_at` up to `end_at`, through which a zone's offset from UTC is the same."""

    start_at: datetime
    end_at: datetime
    offset: timedelta
    offset_before: timedelta
    offset_after: timedelta


@functools.lru_cache(maxsize=1_024)
def zone_named(name: str) -> ZoneInfo:
    """The zone of this IANA name. Raises ValueError, with a likely name, where none has it."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        # Capitals are how people get them wrong most, and a lower-case list makes every other likeness count
        # too.
        names = {known.lower(): known for known in available_timezones()}
        close = names.get(name.lower()) or names.get(closest(name.lower(), names) or "")
        hint = f"; did you mean {close!r}?" if close else "; names look like 'Europe/Berlin'"
        raise ValueError(f"unknown time zone {name!r}{hint}") from None


def utc(moment: datetime) -> datetime:
    """The same moment in UTC. Raises ValueError where it has no zone."""
    if moment.tzinfo is UTC:
        return moment
    if moment.utcoffset() is None:
        raise ValueError(f"{moment.isoformat()} has no zone: which moment it is can't be known")
    return moment.astimezone(UTC)


def stretch_at(zone: tzinfo, moment: datetime) -> Stretch:
    """The stretch that holds `moment`, an aware UTC time no later than LAST_YEAR.

    Stretches end with the year at the latest: there the offset before and after are the same.
    """
    stretches = _stretches(zone, moment.year)
    return stretches[bisect_right(stretches, moment, key=_start) - 1]


def moment_shown(zone: tzinfo, wall: datetime) -> datetime:
    """The first moment at which the zone's clock shows `wall`, or a later time where it jumps over that one."""
    stretch = stretch_at(zone, wall.replace(tzinfo=UTC) - _FURTHEST)
    while wall >= stretch.end_at.replace(tzinfo=None) + stretch.offset:
        stretch = stretch_at(zone, stretch.end_at)
    return max(stretch.start_at, (wall - stretch.offset).replace(tzinfo=UTC))


def _start(stretch: Stretch) -> datetime:
    return stretch.start_at


@functools.lru_cache(maxsize=4_096)
def _stretches(zone: tzinfo, year: int) -> tuple[Stretch, ...]:
    first, last = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    offset = _offset(zone, first)
    before = _offset(zone, first - _SECOND) if year > 1 else offset
    found, start, day = [], first, first
    while day < last:
        if _offset(zone, day + _DAY) != offset:
            change = _change(zone, day, day + _DAY)
            if change < last:
                after = _offset(zone, change)
                found.append(Stretch(start, change, offset, before, after))
                start, before, offset = change, offset, after
        day += _DAY
    return (*found, Stretch(start, last, offset, before, _offset(zone, last)))


def _change(zone: tzinfo, low: datetime, high: datetime) -> datetime:
    """The first second with another offset than at `low`; offsets change at most once a day."""
    offset = _offset(zone, low)
    while high - low > _SECOND:
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if _offset(zone, middle) == offset:
            low = middle
        else:
            high = middle
    return high


def _offset(zone: tzinfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)
