"""Crontabs in a zone. Pure: every time is given, and given back, in UTC.

A crontab names times on the wall. Where the zone's clock jumps forward, a time that it jumps over runs once,
at the jump; where it goes back, a time that comes twice runs the first time. `dst_gap` and `dst_fold` say otherwise.
A crontab that repeats within the hour (its hour field takes every hour, or its minute field begins with `*`) is about
how often, not about a time of day: it follows real time through both. docs/time.md shows what this means in several
zones.
"""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from scheduler.cadences.crontab_fields import CrontabProblem, has_hash
from scheduler.cadences.crontab_union import union_count
from scheduler.cadences.wall_clock import utc, zone_named
from scheduler.cadences.wall_steps import (
    DST_FOLDS,
    DST_GAPS,
    DstFold,
    DstGap,
    latest_tick,
    next_tick,
    tick_count,
    ticks,
)
from scheduler.cadences.wall_times import WallTimes, wall_times

__all__ = ["Crontab", "CrontabProblem", "Crontabs", "crontab_from_json"]


@dataclass(frozen=True, slots=True)
class Crontab:
    """Five crontab fields, six with the seconds first, or an alias such as `@daily`, on the wall clock of an IANA zone.

    `entry` is the name that `H` is a hash of; where no field has `H` it is dropped, so that entries share what was
    worked out; so are the rules for changes of the clock where it follows real time. Raises CrontabProblem (a
    ValueError) for fields that are wrong or never come, ValueError for an unknown zone or rule.
    """

    expression: str
    timezone: str = "UTC"
    entry: str = ""
    dst_gap: DstGap = "shift"
    dst_fold: DstFold = "first"

    def __post_init__(self) -> None:
        if not has_hash(self.expression):
            object.__setattr__(self, "entry", "")
        if self.dst_gap not in DST_GAPS or self.dst_fold not in DST_FOLDS:
            raise ValueError(f"no rules for changes of the clock: {self.dst_gap!r}, {self.dst_fold!r}")
        if self.wall_times().follows_real_time:
            object.__setattr__(self, "dst_gap", "shift")
            object.__setattr__(self, "dst_fold", "first")
        if not self.entry and has_hash(self.expression):
            raise ValueError("H is a hash of an entry's name, and here is none")
        zone_named(self.timezone)
        object.__setattr__(self, "expression", " ".join(self.expression.split()))

    def wall_times(self) -> WallTimes:
        """The times on the wall that it matches."""
        return wall_times(self.expression, self.entry)

    @property
    def follows_real_time(self) -> bool:
        """Whether it is about how often, not about a time of day."""
        return self.wall_times().follows_real_time

    def times(self, _offset: timedelta) -> WallTimes:
        """The same, whatever the zone's offset from UTC is at the time."""
        return wall_times(self.expression, self.entry)

    def next_after(self, moment: datetime) -> datetime | None:
        """The first tick later than `moment`; None where none comes before the end of the calendar."""
        return next_tick(self, utc(moment))

    def ticks_between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """The ticks later than `after` and not later than `until`, in order."""
        return ticks(self, utc(after), utc(until))

    def count_between(self, after: datetime, until: datetime) -> int:
        """How many ticks `ticks_between` would give; days are counted, not ticks."""
        return tick_count(self, utc(after), utc(until))

    def latest_between(self, after: datetime, until: datetime) -> datetime | None:
        """The last tick that `ticks_between` would give, or None."""
        return latest_tick(self, utc(after), utc(until))

    def describe(self) -> str:
        """In few words: "*/5 * * * * Europe/Berlin"."""
        return f"{self.expression} {self.timezone}"

    def to_json(self) -> dict[str, Any]:
        """This schedule for `schedule_from_json`; what is as usual is left out."""
        document = {"crontab": self.expression, "timezone": self.timezone}
        more = {"entry": self.entry, "dst_gap": self.dst_gap, "dst_fold": self.dst_fold}
        usual = {"entry": "", "dst_gap": "shift", "dst_fold": "first"}
        return document | {key: value for key, value in more.items() if value != usual[key]}


@dataclass(frozen=True, slots=True)
class Crontabs:
    """Several crontabs in one zone: their ticks together, a moment that several of them have only once.

    Raises ValueError where there is none, or they are read in different zones.
    """

    members: tuple[Crontab, ...]

    def __post_init__(self) -> None:
        if not self.members:
            raise ValueError("a list of crontabs has at least one")
        if len({member.timezone for member in self.members}) > 1:
            raise ValueError("the crontabs of a list are read in one zone")

    @property
    def expression(self) -> str:
        """The crontabs as they are shown: "0 9 * * 1-5 | 0 12 * * 6"."""
        return " | ".join(member.expression for member in self.members)

    @property
    def timezone(self) -> str:
        """The zone of all of them."""
        return self.members[0].timezone

    def next_after(self, moment: datetime) -> datetime | None:
        """The first tick later than `moment`; None where none comes before the end of the calendar."""
        return min(
            (tick for member in self.members if (tick := member.next_after(moment)) is not None), default=None
        )

    def ticks_between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """The ticks later than `after` and not later than `until`, in order."""
        merged = heapq.merge(*(member.ticks_between(after, until) for member in self.members))
        return (tick for tick, _ in groupby(merged))

    def count_between(self, after: datetime, until: datetime) -> int:
        """How many ticks `ticks_between` would give; days are counted, not ticks."""
        return union_count(self.members, utc(after), utc(until))

    def latest_between(self, after: datetime, until: datetime) -> datetime | None:
        """The last tick that `ticks_between` would give, or None."""
        latest = (member.latest_between(after, until) for member in self.members)
        return max((tick for tick in latest if tick is not None), default=None)

    def describe(self) -> str:
        """In few words: "0 9 * * 1-5 | 0 12 * * 6 Europe/Berlin"."""
        return f"{self.expression} {self.timezone}"

    def to_json(self) -> dict[str, Any]:
        """This schedule for `schedule_from_json`."""
        return {"crontabs": [member.to_json() for member in self.members]}


def crontab_from_json(document: Mapping[str, Any]) -> Crontab | Crontabs:
    """The schedule that `to_json` wrote. Raises KeyError, TypeError or ValueError where it is not one of ours."""
    if "crontabs" in document:
        return Crontabs(tuple(_one_from_json(member) for member in document["crontabs"]))
    return _one_from_json(document)


def _one_from_json(document: Mapping[str, Any]) -> Crontab:
    keys = ("timezone", "entry", "dst_gap", "dst_fold")
    return Crontab(document["crontab"], **{key: document[key] for key in keys if key in document})
