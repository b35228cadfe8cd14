"""Every minute of a year in a zone, and what the rules of docs/time.md make of a crontab in it.

A set of minutes is a number with a bit for each. Which minutes show an hour, a minute or a date is found by looking at
the clock once a minute; what a crontab asks for is then put together from these sets.
"""

import functools
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from scheduler.schedule import Crontab
from tests.support.crontab_words import Cron

MINUTE = timedelta(minutes=1)
SOME = 100
DAY = timedelta(days=1)

Minutes = int


class YearWalk:
    """The minutes of a year, from midnight UTC on, as a clock on the wall of the zone shows them."""

    def __init__(self, zone: str, year: int) -> None:
        self.zone, self.start = zone, datetime(year, 1, 1, tzinfo=UTC)
        self.size = (datetime(year + 1, 1, 1, tzinfo=UTC) - self.start) // MINUTE
        self._hours = [bytearray(self.size // 8 + 1) for _ in range(24)]
        self._minutes = [bytearray(self.size // 8 + 1) for _ in range(60)]
        self._dates: dict[date, bytearray] = {}
        self._repeated = bytearray(self.size // 8 + 1)
        self._jumps: list[tuple[int, list[datetime]]] = []
        self._walk()
        self.hours, self.minutes = _sets(self._hours), _sets(self._minutes)
        self.dates = dict(zip(self._dates, _sets(self._dates.values()), strict=True))
        self.repeated = int.from_bytes(self._repeated, "little")

    def _walk(self) -> None:
        place = ZoneInfo(self.zone)
        latest = (self.start - DAY).astimezone(place).replace(tzinfo=None)
        for index in range(-24 * 60 + 1, self.size):
            wall = (self.start + index * MINUTE).astimezone(place).replace(tzinfo=None)
            if index >= 0:
                byte, bit = index >> 3, 1 << (index & 7)
                self._hours[wall.hour][byte] |= bit
                self._minutes[wall.minute][byte] |= bit
                self._dates.setdefault(wall.date(), bytearray(self.size // 8 + 1))[byte] |= bit
                if wall <= latest:
                    self._repeated[byte] |= bit
                elif wall > latest + MINUTE:
                    missing = (wall - latest) // MINUTE - 1
                    self._jumps.append((index, [latest + MINUTE * each for each in range(1, missing + 1)]))
            latest = max(latest, wall)

    def expected(self, cron: Cron) -> Minutes:
        """Real time: each minute that matches. Times of day: the first time, and those that are missing at the jump."""
        hours = _union(self.hours[hour] for hour in range(24) if cron.hour.means(hour))
        minutes = _union(self.minutes[minute] for minute in range(60) if cron.minute.means(minute))
        found = hours & minutes & _union(minutes for day, minutes in self.dates.items() if cron.on(day))
        if cron.follows_real_time:
            return found
        found &= ~self.repeated
        for index, missing in self._jumps:
            if any(cron.matches(wall) for wall in missing):
                found |= 1 << index
        return found

    def minutes_of(self, ticks: list[datetime]) -> Minutes:
        """The ticks as a set of minutes; each of them is a whole one."""
        found = bytearray(self.size // 8 + 1)
        for tick in ticks:
            index = (tick - self.start) // MINUTE
            found[index >> 3] |= 1 << (index & 7)
        assert not any(tick.second or tick.microsecond for tick in ticks)
        return int.from_bytes(found, "little")

    def assert_same(self, cron: Cron, schedule: Crontab) -> None:
        """The ticks are those that are expected; so are their number, the last, and what comes after each of some."""
        before, until = self.start - MINUTE / 2, self.start + self.size * MINUTE - MINUTE / 2
        ticks = list(schedule.ticks_between(before, until))
        expected, found = self.expected(cron), self.minutes_of(ticks)
        if expected != found:
            first = ((expected ^ found) & -(expected ^ found)).bit_length() - 1
            moment = self.start + first * MINUTE
            which = "is missing" if expected >> first & 1 else "is none"
            raise AssertionError(
                f"{cron.text}, {self.zone}: {moment.astimezone(ZoneInfo(self.zone)).isoformat()} {which}"
            )
        assert schedule.count_between(before, until) == len(ticks)
        assert schedule.latest_between(before, until) == (ticks[-1] if ticks else None)
        for tick, after in list(pairwise(ticks))[:: max(1, len(ticks) // SOME)]:
            assert schedule.next_after(tick) == after


@functools.cache
def year_walk(zone: str, year: int) -> YearWalk:
    """The walk through a year; taken once."""
    return YearWalk(zone, year)


def _sets(minutes: Iterable[bytearray]) -> list[Minutes]:
    return [int.from_bytes(each, "little") for each in minutes]


def _union(sets: Iterable[Minutes]) -> Minutes:
    return functools.reduce(int.__or__, sets, 0)
