"""Recurrence rules by chance, each with what it means: written from RFC 5545, not from the code."""

# ruff: noqa: DTZ001 - times on the wall have no zone

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from hypothesis import strategies as st

DAY = timedelta(days=1)
NAMES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
START = datetime(2001, 1, 1)  # what a rule without DTSTART is counted from: a Monday


@dataclass(frozen=True)
class Part:
    """A part of a rule as text, and what it asks of a time on the wall."""

    text: str
    means: Callable[[datetime], bool]


@dataclass(frozen=True)
class Recurrence:
    """A rule's parts; it recurs where all of them hold."""

    frequency: str
    interval: int
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        every = [] if self.interval == 1 else [f"INTERVAL={self.interval}"]
        return ";".join([f"FREQ={self.frequency}", *every, *(part.text for part in self.parts)])

    @property
    def follows_real_time(self) -> bool:
        if self.frequency == "MINUTELY":
            return True
        return (
            self.frequency == "HOURLY"
            and self.interval == 1
            and not any("BYHOUR" in part.text for part in self.parts)
        )

    def matches(self, wall: datetime) -> bool:
        return (
            self._in_period(wall) and all(part.means(wall) for part in self.parts) and self._left_open(wall)
        )

    def _in_period(self, wall: datetime) -> bool:
        since = wall.date() - START.date()
        numbers = {
            "YEARLY": wall.year - START.year,
            "MONTHLY": (wall.year - START.year) * 12 + wall.month - START.month,
            "WEEKLY": since.days // 7,
            "DAILY": since.days,
            "HOURLY": since.days * 24 + wall.hour,
            "MINUTELY": 0,
        }
        return numbers[self.frequency] % self.interval == 0

    def _left_open(self, wall: datetime) -> bool:
        """What the start decides: midnight, Monday, the first, January."""
        given = {part.text.split("=")[0] for part in self.parts}
        rank = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY").index(self.frequency)
        if "BYMINUTE" not in given and rank < 5 and wall.minute:
            return False
        if "BYHOUR" not in given and rank < 4 and wall.hour:
            return False
        if self.frequency == "WEEKLY" and "BYDAY" not in given:
            return wall.isoweekday() == 1
        if self.frequency == "MONTHLY" and not given & {"BYDAY", "BYMONTHDAY"}:
            return wall.day == 1
        if self.frequency == "YEARLY" and not given & {"BYDAY", "BYMONTHDAY", "BYYEARDAY"}:
            if "BYWEEKNO" in given:
                return wall.isoweekday() == 1
            return wall.day == 1 and ("BYMONTH" in given or wall.month == 1)
        return True


def listed(
    name: str, values: st.SearchStrategy[int], means: Callable[[datetime, int], bool]
) -> st.SearchStrategy[Part]:
    return st.lists(values, min_size=1, max_size=3).map(
        lambda found: Part(
            f"{name}={','.join(str(each) for each in found)}",
            lambda wall: any(means(wall, each) for each in found),
        )
    )


def either_end(most: int) -> st.SearchStrategy[int]:
    return st.one_of(st.integers(1, most), st.integers(-most, -1))


def last_of_month(day: date) -> date:
    while (day + DAY).month == day.month:
        day += DAY
    return day


def on_month_day(wall: datetime, number: int) -> bool:
    return number in (wall.day, wall.day - last_of_month(wall.date()).day - 1)


def on_year_day(wall: datetime, number: int) -> bool:
    day = wall.timetuple().tm_yday
    return number in (day, day - date(wall.year, 12, 31).timetuple().tm_yday - 1)


def in_week(wall: datetime, number: int) -> bool:
    year, week, _ = wall.isocalendar()
    return number in (week, week - date(year, 12, 28).isocalendar().week - 1)


def weekdays(*, within: str | None) -> st.SearchStrategy[Part]:
    """BYDAY: plain days, or numbered ones `within` a month or a year."""
    plain = st.tuples(st.just(0), st.integers(0, 6))
    item = plain if within is None else st.one_of(plain, st.tuples(either_end(5), st.integers(0, 6)))

    def holds(wall: datetime, nth: int, day: int) -> bool:
        if wall.weekday() != day or nth == 0:
            return wall.weekday() == day
        first = wall.date().replace(day=1) if within == "month" else date(wall.year, 1, 1)
        last = last_of_month(wall.date()) if within == "month" else date(wall.year, 12, 31)
        forward = [first + DAY * index for index in range((wall.date() - first).days + 1)]
        back = [last - DAY * index for index in range((last - wall.date()).days + 1)]
        days = forward if nth > 0 else back
        return sum(each.weekday() == day for each in days) == abs(nth)

    return st.lists(item, min_size=1, max_size=3).map(
        lambda found: Part(
            "BYDAY=" + ",".join(f"{nth or ''}{NAMES[day]}" for nth, day in found),
            lambda wall: any(holds(wall, nth, day) for nth, day in found),
        )
    )


MONTHS = listed("BYMONTH", st.sampled_from([3, 3, 10, 10, 11, 1, 4]), lambda wall, each: wall.month == each)
HOURS = listed("BYHOUR", st.sampled_from([0, 1, 2, 2, 3, 3, 9, 23]), lambda wall, each: wall.hour == each)
MINUTES = listed("BYMINUTE", st.integers(0, 59), lambda wall, each: wall.minute == each)
MONTH_DAYS = listed("BYMONTHDAY", either_end(31), on_month_day)
YEAR_DAYS = listed("BYYEARDAY", either_end(366), on_year_day)
WEEKS = listed("BYWEEKNO", either_end(53), in_week)


@st.composite
def recurrences(draw: st.DrawFn) -> Recurrence:
    frequency = draw(st.sampled_from(["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY"]))
    interval = 1 if frequency == "MINUTELY" else draw(st.sampled_from([1, 1, 2, 3, 5]))
    some = [MONTHS, HOURS, MINUTES]
    has_months = draw(st.booleans())
    if frequency != "WEEKLY":
        some.append(MONTH_DAYS)
    if frequency in ("YEARLY", "HOURLY"):
        some.append(YEAR_DAYS)
    has_weeks = frequency == "YEARLY" and draw(st.booleans())
    within = "month" if frequency == "MONTHLY" or has_months else "year"
    numbered = frequency in ("YEARLY", "MONTHLY") and not has_weeks
    some.append(weekdays(within=within if numbered else None))
    parts = [] if not has_months else [draw(MONTHS)]
    parts += [draw(WEEKS)] if has_weeks else []
    parts += [draw(each) for each in some[1:] if draw(st.booleans())]
    return Recurrence(frequency, interval, tuple(parts))
