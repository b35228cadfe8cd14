"""A plan in firing times: what is gained, lost and moved."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from scheduler.cadences.day_calendar import DayCalendar
from scheduler.entry import Entry
from scheduler.exclusion import Exclusion
from scheduler.foresight.comparison import TickChange, changed_fields, comparison, tick_change
from scheduler.plan import plan
from scheduler.schedule import Crontab, Interval, Moved

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
WEEK = NOW + timedelta(days=7)
DAILY = Entry(name="daily", job="jobs.x", schedule=Crontab("0 9 * * *"))
HOURLY = Entry(name="hourly", job="jobs.x", schedule=Interval(timedelta(hours=1)))


def changed(before: Entry, after: Entry) -> TickChange:
    return tick_change(before, after, now=NOW, until=WEEK)


def test_the_same_cadence_changes_no_tick_whatever_else_changes() -> None:
    assert changed(DAILY, replace(DAILY, kwargs={"a": 1})) == TickChange()


def test_another_hour_moves_every_tick() -> None:
    assert changed(DAILY, replace(DAILY, schedule=Crontab("0 10 * * *"))) == TickChange(moved=7)


def test_a_tick_that_moved_is_paired_with_the_nearest() -> None:
    twice, once = (
        replace(DAILY, schedule=Crontab("0 2,4 * * *")),
        replace(DAILY, schedule=Crontab("30 1 * * *")),
    )
    change = changed(twice, once)
    assert change == TickChange(lost=7, moved=7)
    assert change.moves[0] == (NOW.replace(day=22, hour=2), NOW.replace(day=22, hour=1, minute=30))
    assert changed(once, twice).moves[0] == change.moves[0][::-1]


def test_millions_of_ticks_are_counted_and_not_walked_through() -> None:
    tenth, quarter = (replace(HOURLY, schedule=Interval(timedelta(milliseconds=each))) for each in (1, 7))
    assert changed(tenth, quarter) == TickChange(lost=604_800_000 - 86_400_000)
    assert changed(quarter, tenth) == TickChange(gained=604_800_000 - 86_400_000)


def test_an_entry_of_few_runs_has_no_more_ticks_than_those() -> None:
    assert changed(replace(HOURLY, max_runs=3), HOURLY) == TickChange(gained=165)


def test_an_interval_that_moved_says_by_its_anchor() -> None:
    moved = replace(HOURLY, schedule=Interval(timedelta(hours=1), NOW + timedelta(seconds=30)))
    assert changed_fields(HOURLY, moved)["schedule"] == (
        "every 1h",
        "every 1h, anchored at 2026-11-21T12:00:30+00:00",
    )


def test_more_often_gains_and_keeps_the_ticks_that_coincide() -> None:
    twice = replace(DAILY, schedule=Crontab("0 9,21 * * *"))
    assert changed(DAILY, twice) == TickChange(gained=7)
    assert changed(twice, DAILY) == TickChange(lost=7)


def test_an_entry_that_is_disabled_loses_all_its_ticks() -> None:
    assert changed(HOURLY, replace(HOURLY, enabled=False)) == TickChange(lost=168)


def test_a_whole_plan_is_summed_up() -> None:
    stored = {"daily": DAILY}
    compared = comparison(plan({"hourly": HOURLY}, stored), stored, now=NOW)
    assert compared.by_entry == {"hourly": TickChange(gained=168), "daily": TickChange(lost=7)}
    assert compared.total == TickChange(gained=168, lost=7)


def test_the_fields_that_differ_are_named_with_both_values() -> None:
    after = replace(DAILY, schedule=Crontab("0 9 * * *", "Asia/Seoul"), owner="ada")
    assert changed_fields(DAILY, after) == {
        "schedule": ("0 9 * * * UTC", "0 9 * * * Asia/Seoul"),
        "owner": (None, "ada"),
    }


WEEKEND = DayCalendar.of("weekend", {}, weekdays=frozenset({5, 6}))
CLOSED = DayCalendar.of("closed", {date(2026, 11, 24): ""})
MORE_CLOSED = DayCalendar.of("closed", {date(2026, 11, 24) + timedelta(days=ahead): "" for ahead in range(9)})


def test_ticks_that_are_excluded_are_lost_and_those_no_more_excluded_are_gained() -> None:
    at_work = replace(DAILY, exclusion=Exclusion("UTC", (WEEKEND,)))
    assert changed(DAILY, at_work) == TickChange(lost=2)
    assert changed(at_work, DAILY) == TickChange(gained=2)
    compared = comparison(plan({"daily": at_work}, {}), {}, now=NOW)
    assert compared.total == TickChange(gained=5)


def test_a_tick_on_a_day_that_becomes_a_holiday_is_moved() -> None:
    weekly = Crontab("0 9 * * 2")
    before, after = (
        replace(DAILY, schedule=Moved(weekly, "next", "UTC", (each,))) for each in (WEEKEND, CLOSED)
    )
    assert changed(before, after) == TickChange(moved=1)


def test_other_days_of_a_calendar_are_said() -> None:
    before, after = (replace(DAILY, exclusion=Exclusion("UTC", (each,))) for each in (CLOSED, MORE_CLOSED))
    days = ", ".join(f"+2026-11-{day}" for day in range(25, 31))
    assert changed_fields(before, after) == {"days": (None, f"closed: {days}, 2 days more")}
    moving = (
        replace(DAILY, schedule=Moved(Crontab("@daily"), "next", "UTC", (each,)))
        for each in (CLOSED, MORE_CLOSED)
    )
    assert changed_fields(*moving) == {"days": (None, f"closed: {days}, 2 days more")}
    assert changed_fields(DAILY, before) == {"exclude": (None, "calendar closed")}
