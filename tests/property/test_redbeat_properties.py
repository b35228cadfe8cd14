"""What a stock beat makes of a crontab of ours: some of its ticks, and nothing besides."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from celery.schedules import crontab
from celery.schedules import schedule as celery_interval
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from redbeat.decoder import RedBeatJSONDecoder, RedBeatJSONEncoder
from redbeat.schedules import rrule

from scheduler.cadences.day_calendar import DayCalendar
from scheduler.cadences.moved import Moved
from scheduler.cadences.rule_text import RuleProblem
from scheduler.entry import Entry
from scheduler.exclusion import Exclusion
from scheduler.redbeat_crontab import is_plain, redbeat_text
from scheduler.redbeat_entry import definition, edits
from scheduler.redbeat_schedule import celery_schedule
from scheduler.schedule import (
    Crontab,
    CrontabProblem,
    Crontabs,
    Interval,
    Later,
    Moments,
    Rule,
    Schedule,
    Within,
)
from tests.support.crontab_words import DAY, NAME, Cron, minutely, secondly
from tests.support.rule_words import Recurrence, recurrences

FEBRUARY = datetime(2028, 2, 1, tzinfo=UTC)
A_MONTH = timedelta(days=29)


def as_redbeat_reads_it(schedule: Schedule) -> object:
    return json.loads(json.dumps(celery_schedule(schedule), cls=RedBeatJSONEncoder), cls=RedBeatJSONDecoder)


def stock_ticks(schedule: object, start: datetime, length: timedelta) -> Iterator[datetime]:
    """The ticks of a stock beat in UTC; those of a yearly interval are left out."""
    if isinstance(schedule, rrule):
        yield from schedule.rrule.between(start, start + length - timedelta(seconds=1), inc=True)
    if isinstance(schedule, crontab):
        for index in range(length // DAY):
            day = start + DAY * index
            if (
                day.month in schedule.month_of_year
                and day.day in schedule.day_of_month
                and day.isoweekday() % 7 in schedule.day_of_week
            ):
                for hour in sorted(schedule.hour):
                    yield from (day.replace(hour=hour, minute=minute) for minute in sorted(schedule.minute))


def ours(cron: Cron) -> Crontab:
    try:
        return Crontab(cron.text, "UTC", NAME)
    except CrontabProblem:
        assume(False)
        raise


@given(minutely, st.sampled_from([FEBRUARY, FEBRUARY + A_MONTH]))
def test_a_stock_beat_runs_no_tick_that_is_not_ours(cron: Cron, start: datetime) -> None:
    ticks = list(stock_ticks(as_redbeat_reads_it(ours(cron)), start, A_MONTH))
    wrong = [tick for tick in ticks if not cron.matches(tick.replace(tzinfo=None))]
    assert not wrong


@given(minutely, st.integers(1_000, 10**9))
def test_what_is_written_without_celery_is_what_redbeat_would_write(cron: Cron, every_ms: int) -> None:
    for schedule in (ours(cron), Interval(timedelta(milliseconds=every_ms))):
        text, celerys = redbeat_text(schedule), celery_schedule(schedule)
        if text is not None:
            assert text == json.dumps(celerys, cls=RedBeatJSONEncoder)


@given(minutely)
def test_of_a_crontab_of_plain_numbers_a_stock_beat_reads_the_same(cron: Cron) -> None:
    times, theirs = ours(cron).wall_times(), celery_schedule(ours(cron))
    assume(isinstance(theirs, crontab) and is_plain(times.days))
    assert (theirs.minute, theirs.hour) == (set(times.minutes), set(times.hours))
    assert theirs.month_of_year == times.months
    assert (theirs.day_of_month, theirs.day_of_week) == (times.days.numbers, times.days.weekdays)


@given(secondly)
def test_a_stock_beat_runs_no_more_often_than_a_crontab_with_seconds(cron: Cron) -> None:
    schedule = ours(cron)
    ticks = list(stock_ticks(as_redbeat_reads_it(schedule), FEBRUARY, 3 * DAY))
    assert len(ticks) <= schedule.count_between(FEBRUARY - timedelta(seconds=1), FEBRUARY + 3 * DAY)
    minute = timedelta(minutes=1)
    for tick in ticks[:: max(1, len(ticks) // 20)]:
        assert schedule.count_between(tick - timedelta(seconds=1), tick + minute)


@pytest.mark.parametrize(
    "expression",
    [
        "30 6 L * *", "0 6,18 L-3 1-6 *", "0 0 LW * *", "0 9 * * 5#3", "0 9 * * MON#5", "0 0 * * 5L", "15 4 L,L-1 * *",
        "H H * * *", "H/20 3 1-7 * *", "0 0 1,15 * *", "0 12 * 3 2",
    ],
)  # fmt: skip
def test_what_redbeat_can_say_is_said_exactly(expression: str) -> None:
    schedule = Crontab(expression, "UTC", NAME)
    year = 365 * DAY
    ticks = schedule.ticks_between(FEBRUARY - timedelta(seconds=1), FEBRUARY + year - timedelta(seconds=1))
    assert list(stock_ticks(as_redbeat_reads_it(schedule), FEBRUARY, year)) == list(ticks)


def ours_in_a_year(schedule: Rule) -> list[datetime]:
    year = 365 * DAY
    second = timedelta(seconds=1)
    return list(schedule.ticks_between(FEBRUARY - second, FEBRUARY + year - second))


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=DAILY", "FREQ=DAILY;INTERVAL=3;BYHOUR=9,18", "FREQ=WEEKLY", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,FR;WKST=SU",
        "FREQ=MONTHLY", "FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=9", "FREQ=MONTHLY;BYDAY=2TU;INTERVAL=5", "FREQ=YEARLY",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "FREQ=YEARLY;BYWEEKNO=20", "FREQ=YEARLY;BYDAY=20MO",
        "FREQ=YEARLY;BYMONTH=3,10;BYDAY=-1SU", "DTSTART:20280201T093015\nFREQ=DAILY;COUNT=20",
        "FREQ=DAILY;UNTIL=20280301", "FREQ=DAILY;UNTIL=20280301T120000Z", "FREQ=MONTHLY;BYMONTHDAY=-1,1",
    ],
)  # fmt: skip
def test_what_redbeat_can_say_of_a_rule_is_said_exactly(text: str) -> None:
    schedule = Rule(text)
    assert list(stock_ticks(as_redbeat_reads_it(schedule), FEBRUARY, 365 * DAY)) == ours_in_a_year(schedule)


@settings(max_examples=30)
@given(recurrences())
def test_a_stock_beat_runs_no_tick_that_is_not_a_rules(rule: Recurrence) -> None:
    try:
        schedule = Rule(rule.text)
    except RuleProblem:
        assume(False)
        raise
    ticks = set(stock_ticks(as_redbeat_reads_it(schedule), FEBRUARY, 365 * DAY))
    assert ticks <= set(ours_in_a_year(schedule))


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=HOURLY", "FREQ=MINUTELY;INTERVAL=5", "FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=1",
        "DTSTART:20260101T000000\nFREQ=DAILY\nEXDATE:20260102T000000", "FREQ=MONTHLY;BYDAY=MO,1TU",
        "FREQ=DAILY;BYHOUR=1,2,3;BYMINUTE=0,5,10,15,20,25,30,35,40,45,50,55,56,57,58,59",
    ],
)  # fmt: skip
def test_what_redbeat_can_not_say_of_a_rule_is_a_yearly_interval(text: str) -> None:
    assert as_redbeat_reads_it(Rule(text)) == celery_interval(timedelta(days=365))


def test_of_a_list_a_stock_beat_runs_the_first_crontab() -> None:
    both = Crontabs((Crontab("0 9 * * 1-5"), Crontab("0 12 * * 6")))
    assert as_redbeat_reads_it(both) == as_redbeat_reads_it(both.members[0])


def test_a_stock_beat_knows_no_bounds_and_runs_nearly_never() -> None:
    bounded = Within(Crontab("0 9 * * *"), None, FEBRUARY)
    assert as_redbeat_reads_it(bounded) == celery_interval(timedelta(days=365))


def test_a_stock_beat_runs_the_first_of_several_moments_once() -> None:
    eve, new_year = FEBRUARY + 5 * DAY, FEBRUARY + 9 * DAY
    rule = as_redbeat_reads_it(Moments((eve, new_year)))
    assert list(stock_ticks(rule, FEBRUARY, A_MONTH)) == [eve]


def test_a_stock_beat_knows_no_jitter() -> None:
    daily = Crontab("0 9 * * *")
    assert as_redbeat_reads_it(Later(daily, timedelta(hours=1), NAME)) == as_redbeat_reads_it(daily)


@pytest.mark.parametrize("expression", ["0 0 30 2 MON", "0 0 30W 2 1#1", "0 0 30 2 5L"])
def test_a_day_that_celery_refuses_makes_a_yearly_interval(expression: str) -> None:
    assert as_redbeat_reads_it(Crontab(expression)) == celery_interval(timedelta(days=365))


def test_an_entry_that_excludes_ticks_or_moves_them_is_a_yearly_interval_for_a_stock_beat() -> None:
    weekend = DayCalendar.of("weekend", {}, weekdays=frozenset({5, 6}))
    daily = Entry(name="one", job="jobs.x", schedule=Crontab("0 9 * * *"))
    for entry in (
        replace(daily, exclusion=Exclusion("UTC", (weekend,))),
        replace(daily, schedule=Moved(Crontab("0 9 * * *"), "next", "UTC", (weekend,))),
    ):
        text = definition(entry)
        assert json.loads(text, cls=RedBeatJSONDecoder)["schedule"] == celery_interval(timedelta(days=365))
        assert not edits(text, text)
