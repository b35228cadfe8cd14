"""The plan: what the file wants minus what the store has."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from scheduler.cadences.day_calendar import DayCalendar
from scheduler.cadences.moved import Direction
from scheduler.entry import Entry
from scheduler.exclusion import Exclusion
from scheduler.plan import plan, rescheduled
from scheduler.retry import RetryPolicy
from scheduler.schedule import Crontab, Interval, Moved, Within

ONE = Entry(name="one", job="jobs.x", schedule=Interval(timedelta(minutes=1)))
TWO = Entry(name="two", job="jobs.x", schedule=Crontab("0 9 * * *", "Europe/Berlin"))


def test_the_plan_of_what_is_there_already_is_empty() -> None:
    changes = plan({"one": ONE, "two": TWO}, {"one": ONE, "two": TWO})
    assert changes.empty
    assert changes.unchanged == ("one", "two")


def test_new_entries_are_added_and_missing_ones_removed() -> None:
    changes = plan({"two": TWO}, {"one": ONE})
    assert changes.added == (TWO,)
    assert changes.removed == ("one",)


def test_an_entry_from_the_api_is_never_removed() -> None:
    foreign = replace(ONE, name="api", source="api")
    changes = plan({"one": ONE}, {"one": ONE, "api": foreign})
    assert changes.empty


def test_a_name_that_the_api_used_before_is_taken_over() -> None:
    foreign = replace(ONE, source="api")
    changes = plan({"one": ONE}, {"one": foreign})
    assert changes.taken == ("one",)
    assert [change.after for change in changes.changed] == [ONE]


def test_another_argument_keeps_the_phase_and_another_cadence_begins_anew() -> None:
    slower = replace(ONE, schedule=Interval(timedelta(hours=1)))
    with_arguments = replace(TWO, kwargs={"limit": 5})
    changes = plan({"one": slower, "two": with_arguments}, {"one": ONE, "two": TWO})
    assert {change.after.name: change.rescheduled for change in changes.changed} == {
        "one": True,
        "two": False,
    }


def test_an_entry_that_is_enabled_again_owes_nothing_of_the_time_it_was_not() -> None:
    changes = plan({"one": ONE}, {"one": replace(ONE, enabled=False)})
    assert changes.changed[0].rescheduled


def test_an_entry_survives_its_way_through_json_whole() -> None:
    full = Entry(
        name="full",
        job="jobs.x",
        schedule=Crontab("*/5 8-17 * * mon-fri", "America/New_York"),
        args=(1, "two"),
        kwargs={"a": [1, 2]},
        queue="reports",
        timeout=timedelta(minutes=5),
        soft_timeout=timedelta(seconds=250),
        retry=RetryPolicy(max_attempts=3, on=("OSError",)),
        enabled=False,
        description="d",
        owner="o",
        tags=("x", "y"),
        runbook="r",
        keep_runs=7,
        keep_for=timedelta(hours=1),
    )
    assert Entry.from_json(full.to_json()) == full
    assert Entry.from_json(ONE.to_json()) == ONE


def test_other_days_in_a_calendar_leave_what_is_owed_and_another_calendar_does_not() -> None:
    one, other = (DayCalendar.of("de", {date(2026, 12, day): ""}) for day in (24, 31))
    fr = DayCalendar.of("fr", {date(2026, 12, 24): ""})
    cadence = Crontab("0 9 * * *")

    def moved(to: Direction, calendar: DayCalendar, ends_at: datetime | None = None) -> Entry:
        schedule = Moved(cadence, to, "UTC", (calendar,))
        return replace(TWO, schedule=Within(schedule, None, ends_at) if ends_at else schedule)

    before, until = moved("next", one), datetime(2027, 1, 1, tzinfo=UTC)
    assert not rescheduled(before, moved("next", other))
    assert not rescheduled(moved("next", one, until), moved("next", other, until))
    for after in (moved("previous", one), moved("next", fr), moved("next", other, until), TWO):
        assert rescheduled(before, after)
    excluding = replace(TWO, exclusion=Exclusion("UTC", (one,)))
    assert not rescheduled(TWO, excluding)
