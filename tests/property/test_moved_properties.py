"""Ticks that give way to holidays, against a walk from each tick to its day, and of that day's minutes to its time."""

import functools
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from scheduler.cadences.cadence import Cadence
from scheduler.cadences.day_calendar import DayCalendar
from scheduler.cadences.later import Later
from scheduler.cadences.moved import DIRECTIONS
from scheduler.schedule import Crontab, Crontabs, Interval, Moments, Moved, schedule_from_json

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
BEFORE, AFTER = 12, 16  # days around a change of the clock

# The first of three days in whose midst a clock changes.
ZONES = {
    "Europe/Berlin": date(2026, 3, 28),
    "America/New_York": date(2026, 10, 31),
    "Africa/Cairo": date(2026, 4, 23),  # at midnight
    "America/Nuuk": date(2026, 3, 27),  # the last hour of a day is jumped over
    "Pacific/Apia": date(2011, 12, 29),  # a day that never was
    "Asia/Kolkata": date(2026, 6, 1),
}
CADENCES: list[Cadence | Later] = [
    Crontab("30 2 * * *", "Europe/Berlin"),
    Crontab("0 9 1,15,28-30 * *", "America/New_York"),
    Crontab("0 0 * * 5-7", "Africa/Cairo"),
    Crontab("30 23 * * *", "America/Nuuk"),
    Crontabs((Crontab("0 9 * * 1"), Crontab("15 0 * * 6"))),
    Crontab("*/40 * * * 2,6"),
    Interval(timedelta(hours=7)),
    Interval(timedelta(hours=50)),
    Later(Crontab("0 23 * * *", "Asia/Kolkata"), timedelta(hours=3), "one"),
    Moments(tuple(datetime(2026, 3, day, 1, 30, tzinfo=UTC) for day in (27, 28, 29, 30))),
]


@st.composite
def schedules(draw: st.DrawFn) -> Moved:
    zone = draw(st.sampled_from(sorted(ZONES)))
    first = ZONES[zone]
    of_days = draw(st.lists(st.sets(st.integers(-3, 5)), min_size=1, max_size=2))
    weekdays = draw(st.sampled_from([frozenset(), frozenset({5, 6}), frozenset({0, 2, 4})]))
    calendars = tuple(
        DayCalendar.of(
            f"calendar-{index}",
            {first + ahead * DAY: "" for ahead in days},
            weekdays=weekdays if index else frozenset(),
        )
        for index, days in enumerate(of_days)
    )
    return Moved(draw(st.sampled_from(CADENCES)), draw(st.sampled_from(DIRECTIONS)), zone, calendars)


@functools.cache
def minutes_shown(name: str) -> dict[date, list[tuple[datetime, datetime]]]:
    """What the zone's clock shows minute by minute around its change, by day."""
    zone, start = ZoneInfo(name), start_of(name)
    shown: dict[date, list[tuple[datetime, datetime]]] = {}
    for index in range((2 * BEFORE + 2 * AFTER) * DAY // MINUTE):
        moment = start + index * MINUTE
        wall = moment.astimezone(zone).replace(tzinfo=None)
        shown.setdefault(wall.date(), []).append((wall, moment))
    return shown


def start_of(name: str) -> datetime:
    first = ZONES[name]
    return datetime(first.year, first.month, first.day, tzinfo=UTC) - 2 * BEFORE * DAY


def walked(schedule: Moved) -> list[datetime]:
    """All ticks around the change of the clock, each moved by hand."""
    zone, start, shown = (
        ZoneInfo(schedule.timezone),
        start_of(schedule.timezone),
        minutes_shown(schedule.timezone),
    )

    def off(day: date) -> bool:
        return day not in shown or any(day in calendar for calendar in schedule.calendars)

    found = set()
    for tick in schedule.cadence.ticks_between(start + 4 * DAY, start + (2 * BEFORE + 2 * AFTER - 4) * DAY):
        wall = tick.astimezone(zone).replace(tzinfo=None)
        day = wall.date()
        if not off(day):
            found.add(tick)
            continue
        while off(day):
            day += DAY if schedule.to == "next" else -DAY
        wanted = datetime.combine(day, wall.time())
        rest = timedelta(seconds=wall.second)
        minute = wanted - rest
        at = next(((seen, moment) for seen, moment in shown[day] if seen >= minute), None)
        if at is None:  # jumped over at the day's end
            found.add(shown[day][-1][1] + MINUTE - timedelta(seconds=1))
        else:
            found.add(at[1] + rest if at[0] == minute else at[1])
    return sorted(found)


@settings(max_examples=60)
@given(schedules(), st.integers(0, 47))
@example(Moved(CADENCES[3], "next", "America/Nuuk", (DayCalendar.of("x", {date(2026, 3, 27): ""}),)), 0)
def test_ticks_move_to_the_nearest_day_off_the_calendars(schedule: Moved, hours: int) -> None:
    after = start_of(schedule.timezone) + BEFORE * DAY + hours * timedelta(hours=1)
    until = after + (BEFORE + AFTER - 3) * DAY
    wanted = [tick for tick in walked(schedule) if after < tick <= until]
    assert list(schedule.ticks_between(after, until)) == wanted
    assert schedule.count_between(after, until) == len(wanted)
    assert schedule.latest_between(after, until) == (wanted[-1] if wanted else None)
    for index in range(24):
        moment = after + index * (until - after) / 24
        assert schedule.next_after(moment) == next(
            (tick for tick in wanted if tick > moment), schedule.next_after(until)
        )
        before = [tick for tick in wanted if tick <= moment]
        assert schedule.latest_between(after, moment) == (before[-1] if before else None)
        assert schedule.count_between(after, moment) == len(before)
    assert schedule_from_json(schedule.to_json()) == schedule


WEEKEND = DayCalendar.of("weekend", {}, weekdays=frozenset({5, 6}))


def test_the_last_business_day_of_a_month_by_weekend_and_holidays() -> None:
    own = DayCalendar.of("own", {date(2026, 12, 31): "", date(2026, 4, 30): ""})
    schedule = Moved(Crontab("0 18 L * *"), "previous", "UTC", (WEEKEND, own))
    ticks = islice(iter_from(schedule, datetime(2026, 1, 1, tzinfo=UTC)), 12)
    assert [f"{tick:%m-%d}" for tick in ticks] == [
        "01-30", "02-27", "03-31", "04-29", "05-29", "06-30", "07-31", "08-31", "09-30", "10-30", "11-30", "12-30"
    ]  # fmt: skip


def iter_from(schedule: Moved, moment: datetime) -> Iterator[datetime]:
    while (tick := schedule.next_after(moment)) is not None:
        yield tick
        moment = tick


def test_days_without_end_leave_no_tick() -> None:
    always = DayCalendar.of("always", {}, weekdays=frozenset(range(7)))
    for to in DIRECTIONS:
        schedule = Moved(Crontab("@daily"), to, "UTC", (always,))
        now = datetime(2026, 11, 21, tzinfo=UTC)
        assert schedule.next_after(now) is None
        assert schedule.latest_between(now - 30 * DAY, now) is None
        assert schedule.count_between(now - 30 * DAY, now) == 0
