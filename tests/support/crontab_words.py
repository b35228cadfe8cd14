"""Crontabs by chance, each with what it means: written from docs/reference/schedules.md alone, not from the code."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256

from hypothesis import strategies as st

DAY = timedelta(days=1)
NAME = "nightly"


@dataclass(frozen=True)
class Item:
    """One field of a crontab as text, and what it means."""

    text: str
    means: Callable[[int], bool]


@dataclass(frozen=True)
class DayItem:
    text: str
    means: Callable[[date], bool]


@dataclass(frozen=True)
class Cron:
    """A crontab's fields; matching is by the meaning of each, one moment on the wall at a time."""

    second: Item | None
    minute: Item
    hour: Item
    day: DayItem
    month: Item
    weekday: DayItem

    @property
    def text(self) -> str:
        fields = (self.second, self.minute, self.hour, self.day, self.month, self.weekday)
        return " ".join(field.text for field in fields if field is not None)

    @property
    def follows_real_time(self) -> bool:
        return self.minute.text.startswith(("*", "H/")) or all(self.hour.means(hour) for hour in range(24))

    def matches(self, wall: datetime) -> bool:
        second = wall.second == 0 if self.second is None else self.second.means(wall.second)
        return (
            second and self.minute.means(wall.minute) and self.hour.means(wall.hour) and self.on(wall.date())
        )

    def on(self, day: date) -> bool:
        if not self.month.means(day.month):
            return False
        by_month, by_week = self.day.means(day), self.weekday.means(day)
        if self.day.text.startswith("*") or self.weekday.text.startswith("*"):
            return by_month and by_week
        return by_month or by_week


def hash_of(field: str, size: int) -> int:
    return int.from_bytes(sha256(f"{NAME} {field}".encode()).digest()[:8], "big") % size


def numbers(values: set[int], text: str) -> Item:
    return Item(text, frozenset(values).__contains__)


def number_field(field: str, low: int, high: int) -> st.SearchStrategy[Item]:
    size = high - low + 1
    one = st.integers(low, high).map(lambda value: numbers({value}, str(value)))
    star = st.just(numbers(set(range(low, high + 1)), "*"))
    step = st.integers(1, size).map(lambda n: numbers(set(range(low, high + 1, n)), f"*/{n}"))
    hashed = st.just(numbers({low + hash_of(field, size)}, "H"))
    hashed_step = st.integers(1, 2 * size).map(
        lambda n: numbers(set(range(low + hash_of(field, min(n, size)), high + 1, n)), f"H/{n}")
    )
    hashed_range = st.tuples(st.integers(low, high), st.integers(low, high)).map(
        lambda ends: numbers(
            {min(ends) + hash_of(field, max(ends) - min(ends) + 1)}, f"h({min(ends)}-{max(ends)})"
        )
    )
    return st.one_of(star, one, step, hashed, hashed_step, hashed_range)


def last_of_month(day: date) -> date:
    while (day + DAY).month == day.month:
        day += DAY
    return day


def near(number: int, day: date) -> bool:
    """Whether `day` is the working day of its month that is nearest to that number, which the month must have."""
    last = last_of_month(day)
    month = [day.replace(day=each) for each in range(1, last.day + 1)]
    working = [each for each in month if each.isoweekday() <= 5]
    return number <= last.day and day == min(working, key=lambda each: abs(each.day - number))


def month_day() -> st.SearchStrategy[DayItem]:
    plain = st.integers(1, 31).map(lambda n: DayItem(str(n), lambda day: day.day == n))
    last = st.just(DayItem("L", lambda day: day == last_of_month(day)))
    back = st.integers(0, 30).map(
        lambda n: DayItem(f"L-{n}", lambda day: day + n * DAY == last_of_month(day))
    )
    nearest = st.integers(1, 31).map(lambda n: DayItem(f"{n}W", lambda day: near(n, day)))
    last_working = st.just(DayItem("lw", lambda day: near(last_of_month(day).day, day)))
    hashed = st.just(DayItem("H", lambda day: day.day == 1 + hash_of("day of month", 28)))
    words = st.one_of(plain, last, back, nearest, last_working, hashed)
    star = st.just(DayItem("*", lambda _: True))
    odd = st.just(DayItem("*/2", lambda day: day.day % 2 == 1))
    return st.one_of(star, odd, words, lists(words))


def week_day() -> st.SearchStrategy[DayItem]:
    day = st.integers(0, 7)
    plain = day.map(lambda n: DayItem(str(n), lambda day: day.isoweekday() % 7 == n % 7))
    nth = st.tuples(day, st.integers(1, 5)).map(
        lambda both: DayItem(
            f"{both[0]}#{both[1]}",
            lambda day: day.isoweekday() % 7 == both[0] % 7 and (day.day + 6) // 7 == both[1],
        )
    )
    last = day.map(
        lambda n: DayItem(
            f"{n}L", lambda day: day.isoweekday() % 7 == n % 7 and (day + 7 * DAY).month != day.month
        )
    )
    named = st.just(DayItem("friL", lambda day: day.isoweekday() == 5 and (day + 7 * DAY).month != day.month))
    hashed = st.just(DayItem("H", lambda day: day.isoweekday() % 7 == hash_of("day of week", 7)))
    words = st.one_of(plain, nth, last, named, hashed)
    return st.one_of(st.just(DayItem("*", lambda _: True)), words, lists(words))


def lists(words: st.SearchStrategy[DayItem]) -> st.SearchStrategy[DayItem]:
    return st.lists(words, min_size=2, max_size=3).map(
        lambda items: DayItem(
            ",".join(item.text for item in items), lambda day: any(item.means(day) for item in items)
        )
    )


months = st.one_of(
    st.just(numbers(set(range(1, 13)), "*")),
    number_field("month", 1, 12),
    st.just(numbers({3, 10}, "mar,10")),
)
small_hours = st.one_of(  # in which most clocks change
    number_field("hour", 0, 23), st.integers(0, 3).map(lambda hour: numbers({hour}, str(hour)))
)
minutely = st.builds(
    Cron,
    second=st.none(),
    minute=number_field("minute", 0, 59),
    hour=small_hours,
    day=month_day(),
    month=months,
    weekday=week_day(),
)
secondly = st.builds(
    Cron,
    second=number_field("second", 0, 59),
    minute=number_field("minute", 0, 59),
    hour=small_hours,
    day=month_day(),
    month=months,
    weekday=week_day(),
)

ALWAYS = DayItem("*", lambda _: True)
ANY_MONTH = numbers(set(range(1, 13)), "*")
