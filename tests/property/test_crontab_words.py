"""Crontabs of all kinds against a walk through every minute or second, written from the docs and not from the code."""

from datetime import UTC, date, datetime

from hypothesis import assume, example, given
from hypothesis import strategies as st

from scheduler.cadences.crontab_fields import CrontabProblem
from scheduler.cadences.wall_steps import DST_FOLDS, DST_GAPS, DstFold, DstGap
from scheduler.schedule import Crontab, Crontabs
from tests.support.crontab_words import (
    ALWAYS,
    ANY_MONTH,
    DAY,
    NAME,
    Cron,
    DayItem,
    Item,
    hash_of,
    minutely,
    month_day,
    months,
    numbers,
    secondly,
    week_day,
)
from tests.support.walks import CHANGES, HOUR, MINUTE, SECOND, steps_around, ticks_by_walking


def crontab(cron: Cron, zone: str, gap: DstGap = "shift", fold: DstFold = "first") -> Crontab:
    """The schedule; where it is refused since it never comes, no day of 28 years may match."""
    try:
        return Crontab(cron.text, zone, NAME, gap, fold)
    except CrontabProblem:
        days = (date(2000, 1, 1) + DAY * index for index in range(28 * 366))
        if any(cron.on(day) for day in days):
            raise
    assume(False)
    raise AssertionError


def assert_ticks(
    schedule: Crontab | Crontabs, after: datetime, until: datetime, expected: list[datetime]
) -> None:
    assert list(schedule.ticks_between(after, until)) == expected
    assert schedule.count_between(after, until) == len(expected)
    assert schedule.latest_between(after, until) == (expected[-1] if expected else None)


LAST_FRIDAY = Cron(
    None,
    numbers({30}, "30"),
    numbers({0}, "0"),
    ALWAYS,
    ANY_MONTH,
    DayItem("5L", lambda day: day.isoweekday() == 5 and (day + 7 * DAY).month != day.month),
)


SOME_QUARTERS = Cron(
    None,
    numbers({hash_of("minute", 15) + quarter for quarter in (0, 15, 30, 45)}, "H/15"),
    numbers({2}, "2"),
    ALWAYS,
    ANY_MONTH,
    ALWAYS,
)


EVERY_MINUTE = Cron(
    None, numbers(set(range(60)), "*"), numbers(set(range(24)), "*"), ALWAYS, ANY_MONTH, ALWAYS
)
HALF_PAST_TWO = Cron(None, numbers({30}, "30"), numbers({2}, "2"), ALWAYS, ANY_MONTH, ALWAYS)


@given(minutely, st.sampled_from(CHANGES), st.integers(0, 4 * 86_400), st.integers(0, 4 * 86_400))
@example(SOME_QUARTERS, CHANGES[0], 0, 4 * 86_400)
@example(SOME_QUARTERS, CHANGES[1], 0, 4 * 86_400)
@example(LAST_FRIDAY, CHANGES[8], 0, 4 * 86_400)
@example(LAST_FRIDAY, CHANGES[10], 0, 4 * 86_400)
def test_ticks_of_words_are_those_of_a_walk_through_every_minute(
    cron: Cron, change: tuple[str, datetime], first: int, length: int
) -> None:
    zone, moment = change
    walk = steps_around(zone, moment, 3 * DAY, MINUTE)
    after = walk[0][0] + DAY + SECOND * first
    until = min(after + SECOND * length, walk[-1][0])
    expected = [tick for tick in ticks_by_walking(cron, walk, MINUTE) if after < tick <= until]
    assert_ticks(crontab(cron, zone), after, until, expected)


@given(
    minutely,
    st.sampled_from(CHANGES),
    st.sampled_from(DST_GAPS),
    st.sampled_from(DST_FOLDS),
    st.integers(0, 4 * 86_400),
    st.integers(0, 4 * 86_400),
)
@example(HALF_PAST_TWO, CHANGES[0], "skip", "first", 0, 4 * 86_400)
@example(HALF_PAST_TWO, CHANGES[0], "shift", "both", 0, 4 * 86_400)
@example(HALF_PAST_TWO, CHANGES[1], "shift", "second", 0, 4 * 86_400)
@example(HALF_PAST_TWO, CHANGES[1], "skip", "both", 0, 4 * 86_400)
@example(HALF_PAST_TWO, CHANGES[10], "skip", "both", 0, 4 * 86_400)
def test_ticks_under_other_rules_for_changes_of_the_clock_are_those_of_a_walk(
    cron: Cron, change: tuple[str, datetime], gap: DstGap, fold: DstFold, first: int, length: int
) -> None:
    zone, moment = change
    walk = steps_around(zone, moment, 3 * DAY, MINUTE)
    after = walk[0][0] + DAY + SECOND * first
    until = min(after + SECOND * length, walk[-1][0])
    expected = [tick for tick in ticks_by_walking(cron, walk, MINUTE, gap, fold) if after < tick <= until]
    assert_ticks(crontab(cron, zone, gap, fold), after, until, expected)


@given(
    secondly, st.sampled_from([*CHANGES[:10], CHANGES[11]]), st.integers(0, 14_000), st.integers(0, 14_000)
)
def test_ticks_with_seconds_are_those_of_a_walk_through_every_second(
    cron: Cron, change: tuple[str, datetime], first: int, length: int
) -> None:
    zone, moment = change
    walk = steps_around(zone, moment, 3 * HOUR, SECOND)
    after = walk[0][0] + HOUR + SECOND * first
    until = min(after + SECOND * length, walk[-1][0])
    expected = [tick for tick in ticks_by_walking(cron, walk, SECOND) if after < tick <= until]
    assert_ticks(crontab(cron, zone), after, until, expected)


@given(
    st.lists(minutely, min_size=2, max_size=3),
    st.sampled_from(CHANGES),
    st.sampled_from(DST_GAPS),
    st.sampled_from(DST_FOLDS),
    st.integers(0, 4 * 86_400),
)
@example([HALF_PAST_TWO, SOME_QUARTERS], CHANGES[0], "shift", "first", 4 * 86_400)
@example([HALF_PAST_TWO, EVERY_MINUTE], CHANGES[0], "shift", "first", 4 * 86_400)
@example([HALF_PAST_TWO, EVERY_MINUTE], CHANGES[1], "shift", "both", 4 * 86_400)
@example([HALF_PAST_TWO, EVERY_MINUTE], CHANGES[1], "shift", "second", 4 * 86_400)
@example([HALF_PAST_TWO, EVERY_MINUTE], CHANGES[10], "shift", "first", 4 * 86_400)
def test_the_ticks_of_a_list_are_those_of_its_crontabs_together(
    crons: list[Cron], change: tuple[str, datetime], gap: DstGap, fold: DstFold, length: int
) -> None:
    zone, moment = change
    walk = steps_around(zone, moment, 3 * DAY, MINUTE)
    after = walk[0][0] + DAY
    until = min(after + SECOND * length, walk[-1][0])
    together = {
        tick
        for cron in crons
        for tick in ticks_by_walking(cron, walk, MINUTE, gap, fold)
        if after < tick <= until
    }
    schedule = Crontabs(tuple(crontab(cron, zone, gap, fold) for cron in crons))
    assert_ticks(schedule, after, until, sorted(together))


@given(month_day(), week_day(), months, st.integers(1990, 2100))
def test_the_days_of_a_year_are_those_of_a_walk_through_every_day(
    day: DayItem, weekday: DayItem, month: Item, year: int
) -> None:
    noon = Cron(None, numbers({0}, "0"), numbers({12}, "12"), day, month, weekday)
    start = datetime(year, 1, 1, tzinfo=UTC)
    days = [start + DAY * index for index in range(365)]
    expected = [each + 12 * HOUR for each in days if noon.on(each.date())]
    assert_ticks(crontab(noon, "UTC"), start, start + 365 * DAY - SECOND, expected)
