"""Crontabs and intervals against a walk of every minute, written from the rules in docs/time.md alone."""

# ruff: noqa: DTZ001 - times on the wall have no zone, and Hypothesis wants its bounds without one

import functools
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import assume, example, given
from hypothesis import strategies as st

from scheduler.schedule import Crontab, Interval

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)

# A day on which the clock changes (or, at the end, does not), for both directions where there are both.
CHANGES = [
    ("Europe/Berlin", datetime(2026, 3, 29)),
    ("Europe/Berlin", datetime(2026, 10, 25)),
    ("America/New_York", datetime(2026, 3, 8)),
    ("America/New_York", datetime(2026, 11, 1)),
    ("Australia/Lord_Howe", datetime(2026, 10, 4)),  # half an hour
    ("Australia/Lord_Howe", datetime(2026, 4, 5)),
    ("Africa/Casablanca", datetime(2026, 2, 15)),  # back for Ramadan, and forward after it
    ("Africa/Casablanca", datetime(2026, 3, 22)),
    ("Africa/Cairo", datetime(2026, 4, 24)),  # at midnight
    ("Africa/Cairo", datetime(2026, 10, 29)),
    ("America/Sao_Paulo", datetime(2017, 10, 15)),
    ("America/Sao_Paulo", datetime(2018, 2, 17)),
    ("Asia/Beirut", datetime(2027, 3, 28)),
    ("Pacific/Apia", datetime(2011, 12, 30)),  # a whole day that never was
    ("Pacific/Chatham", datetime(2026, 9, 27)),  # 45 minutes off the hour
    ("Asia/Seoul", datetime(2026, 6, 1)),
    ("UTC", datetime(2026, 12, 31)),
]

Field = tuple[str, frozenset[int]]


def field(low: int, high: int, *, top: int) -> st.SearchStrategy[Field]:
    """One crontab field with the numbers that it stands for."""
    number = st.integers(low, high)
    everything = st.just(("*", frozenset(range(low, top + 1))))
    one = number.map(lambda value: (str(value), frozenset({value})))
    step = st.integers(1, high).map(lambda size: (f"*/{size}", frozenset(range(low, top + 1, size))))
    span = st.tuples(number, number, st.integers(1, 4)).map(
        lambda ends: (
            f"{min(ends[:2])}-{max(ends[:2])}/{ends[2]}",
            frozenset(range(min(ends[:2]), max(ends[:2]) + 1, ends[2])),
        )
    )
    several = st.lists(st.one_of(one, span), min_size=2, max_size=3).map(
        lambda items: (",".join(text for text, _ in items), frozenset().union(*(value for _, value in items)))
    )
    return st.one_of(everything, one, step, span, several)


crontabs = st.tuples(
    field(0, 59, top=59),
    st.one_of(field(0, 23, top=23), field(0, 4, top=23)),  # most clocks change in the small hours
    st.one_of(st.just(("*", frozenset(range(1, 32)))), field(1, 28, top=31)),
    st.just(("*", frozenset(range(1, 13)))),
    st.one_of(st.just(("*", frozenset(range(8)))), field(0, 7, top=7)),
)


def matches(fields: tuple[Field, ...], wall: datetime) -> bool:
    (_, minutes), (_, hours), (day_text, days), (_, months), (weekday_text, weekdays) = fields
    if wall.minute not in minutes or wall.hour not in hours or wall.month not in months:
        return False
    by_day = wall.day in days
    by_weekday = wall.isoweekday() in weekdays or wall.isoweekday() % 7 in weekdays
    if day_text.startswith("*") or weekday_text.startswith("*"):
        return by_day and by_weekday
    return by_day or by_weekday


@functools.cache
def minutes_around(zone: str, day: datetime) -> tuple[tuple[datetime, datetime], ...]:
    """Every minute of three days around `day`: the moment, and what a clock on the wall shows."""
    start = (day - DAY).replace(tzinfo=UTC)
    moments = [start + MINUTE * index for index in range(3 * 24 * 60)]
    return tuple((moment, moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)) for moment in moments)


def ticks_by_walking(fields: tuple[Field, ...], zone: str, day: datetime) -> list[datetime]:
    """The rules, a minute at a time. Real time: each minute whose wall time matches. Times of day: each wall
    time the first time that the clock shows it or something later."""
    walk = minutes_around(zone, day)
    if fields[0][0].startswith("*") or fields[1][1] == frozenset(range(24)):
        return [moment for moment, wall in walk if matches(fields, wall)]
    ticks = []
    shown = walk[0][1] - MINUTE
    for moment, wall in walk:
        passed = [shown + MINUTE * index for index in range(1, (wall - shown) // MINUTE + 1)]
        if any(matches(fields, each) for each in passed):
            ticks.append(moment)
        shown = max(shown, wall)
    return ticks


def crontab(fields: tuple[Field, ...], zone: str) -> Crontab:
    return Crontab(" ".join(text for text, _ in fields), zone)


def chain(schedule: Crontab | Interval, after: datetime) -> Iterator[datetime]:
    while (tick := schedule.next_after(after)) is not None:
        yield tick
        after = tick


ALL = ("*", frozenset(range(60)))
DAYS = ("*", frozenset(range(1, 32)))
MONTHS = ("*", frozenset(range(1, 13)))
WEEKDAYS = ("*", frozenset(range(8)))
HALF_PAST_TWO = (("30", frozenset({30})), ("2", frozenset({2})), DAYS, MONTHS, WEEKDAYS)
EVEN_HOURS = (("0", frozenset({0})), ("*/2", frozenset(range(0, 24, 2))), DAYS, MONTHS, WEEKDAYS)
QUARTERS_OF_TWO = (("*/15", frozenset({0, 15, 30, 45})), ("2", frozenset({2})), DAYS, MONTHS, WEEKDAYS)


@given(crontabs, st.sampled_from(CHANGES), st.integers(0, 86_399), st.integers(0, 2 * 86_400))
@example(HALF_PAST_TWO, CHANGES[0], 0, 86_400)
@example(EVEN_HOURS, CHANGES[0], 0, 86_400)
@example(EVEN_HOURS, CHANGES[1], 0, 86_400)
@example(QUARTERS_OF_TWO, CHANGES[0], 0, 86_400)
@example(HALF_PAST_TWO, CHANGES[13], 0, 86_400)
@example(HALF_PAST_TWO, CHANGES[0], 0, 46_800)  # until the very moment of the jump
def test_ticks_are_those_of_a_walk_through_every_minute(
    fields: tuple[Field, ...], change: tuple[str, datetime], first: int, length: int
) -> None:
    zone, day = change
    schedule = crontab(fields, zone)
    after = (day - DAY / 2).replace(tzinfo=UTC) + timedelta(seconds=first)
    until = min(after + timedelta(seconds=length), (day + 2 * DAY).replace(tzinfo=UTC) - MINUTE)
    expected = [tick for tick in ticks_by_walking(fields, zone, day) if after < tick <= until]

    assert list(schedule.ticks_between(after, until)) == expected
    assert schedule.count_between(after, until) == len(expected)
    assert schedule.latest_between(after, until) == (expected[-1] if expected else None)


@pytest.mark.parametrize(("zone", "day"), CHANGES)
@pytest.mark.parametrize(
    "expression", ["30 2 * * *", "*/15 * * * *", "0 * * * *", "0 0 * * *", "0,30 0-3 * * *"]
)
def test_every_minute_of_the_day_of_a_change_has_the_same_next_tick_as_a_walk(
    zone: str, day: datetime, expression: str
) -> None:
    schedule = Crontab(expression, zone)
    start = day.replace(tzinfo=UTC) - DAY / 2
    ticks = list(schedule.ticks_between(start - MINUTE, start + 3 * DAY))
    for index in range(0, 2 * 24 * 60, 7):
        moment = start + MINUTE * index
        assert schedule.next_after(moment) == next(tick for tick in ticks if tick > moment)


@given(crontabs, st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)))
def test_in_utc_ticks_are_cronsims(fields: tuple[Field, ...], start: datetime) -> None:
    schedule = crontab(fields, "UTC")
    assume(not re.search(r"\b(\d+)-\1/", schedule.expression))  # cronsim reads 8-8/2 as 8/2
    after = start.replace(tzinfo=UTC)
    theirs = CronSim(schedule.expression, after)
    assert list(islice(chain(schedule, after), 5)) == list(islice(theirs, 5))


@given(
    crontabs,
    st.sampled_from(["UTC", "Europe/Berlin"]),
    st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)),
)
def test_the_latest_tick_and_the_count_agree_with_each_other_over_weeks(
    fields: tuple[Field, ...], zone: str, start: datetime
) -> None:
    schedule = crontab(fields, zone)
    after = start.replace(tzinfo=UTC)
    until = after + 60 * DAY
    ticks = list(schedule.ticks_between(after, until))
    assert schedule.count_between(after, until) == len(ticks)
    assert schedule.latest_between(after, until) == (ticks[-1] if ticks else None)


intervals = st.builds(
    Interval,
    every=st.integers(1, 10**9).map(lambda count: timedelta(milliseconds=count)),
    anchor=st.datetimes(datetime(1970, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2050, 1, 1), timezones=st.just(UTC))


@given(intervals, moments)
def test_an_interval_is_later_by_at_most_itself_and_in_step_with_its_anchor(
    schedule: Interval, moment: datetime
) -> None:
    tick = schedule.next_after(moment)
    assert tick is not None
    assert timedelta(0) < tick - moment <= schedule.every
    assert not (tick - schedule.anchor) % schedule.every


@given(intervals, moments, st.integers(0, 50), st.integers(0, 999))
def test_an_intervals_count_and_latest_are_those_of_its_ticks(
    schedule: Interval, after: datetime, periods: int, rest: int
) -> None:
    until = after + periods * schedule.every + schedule.every * rest / 1000
    ticks = list(schedule.ticks_between(after, until))
    assert ticks == list(islice(chain(schedule, after), len(ticks)))
    assert schedule.count_between(after, until) == len(ticks)
    assert schedule.latest_between(after, until) == (ticks[-1] if ticks else None)
