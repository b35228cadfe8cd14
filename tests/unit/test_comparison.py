"""A plan in firing times: what is gained, lost and moved."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from scheduler.comparison import TickChange, changed_fields, comparison, tick_change
from scheduler.entry import Entry
from scheduler.plan import plan
from scheduler.schedule import Crontab, Interval

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
