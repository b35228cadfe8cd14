"""The schedules of a file: each kind as it is read, and what [defaults] gives to which kind."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from scheduler.reading.schedule_file import ScheduleFile
from scheduler.schedule import Crontab, Crontabs, Interval, Later, Moments, Rule, Schedule, Within
from tests.support.schedule_files import problems_of, read_in


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., ScheduleFile]:
    return partial(read_in, tmp_path)


HEAD = '[schedules.a]\njob = "jobs.tidy"\n'


@pytest.mark.parametrize(
    ("keys", "schedule"),
    [
        ("interval = 90", Interval(timedelta(seconds=90))),
        ("interval = 0.25", Interval(timedelta(milliseconds=250))),
        ('interval = "250ms"', Interval(timedelta(milliseconds=250))),
        (
            'interval = "1h"\nanchor = 2026-01-01T00:07:00Z',
            Interval(timedelta(hours=1), datetime(2026, 1, 1, 0, 7, tzinfo=UTC)),
        ),
        (
            'interval = "1h"\nanchor = "2026-01-01T01:07:00+01:00"',
            Interval(timedelta(hours=1), datetime(2026, 1, 1, 0, 7, tzinfo=UTC)),
        ),
        ('crontab = " 0  9 * * mon-fri "', Crontab("0 9 * * mon-fri")),
        ('crontab = "@daily"\ntimezone = "Asia/Seoul"', Crontab("@daily", "Asia/Seoul")),
        ('crontab = "H 3 L-3 * *"', Crontab("H 3 L-3 * *", entry="a")),
        ('crontab = "*/5 * * * * *"\nseconds = true', Crontab("*/5 * * * * *")),
        ('crontab = "@daily"\nseconds = true', Crontab("@daily")),
        ('crontab = ["@daily", "@daily"]', Crontab("@daily")),
        (
            'crontab = ["30 2 * * *", "@hourly"]\ndst_gap = "skip"\ndst_fold = "both"',
            Crontabs((Crontab("30 2 * * *", dst_gap="skip", dst_fold="both"), Crontab("@hourly"))),
        ),
        ('rrule = "FREQ=MONTHLY;BYDAY=-1FR"', Rule("FREQ=MONTHLY;BYDAY=-1FR")),
        (
            'rrule = "FREQ=DAILY;BYHOUR=2"\ntimezone = "Asia/Seoul"\ndst_gap = "skip"',
            Rule("FREQ=DAILY;BYHOUR=2", "Asia/Seoul", dst_gap="skip"),
        ),
        (
            'rrule = "DTSTART;TZID=Asia/Seoul:20260101T090000\\nFREQ=DAILY"',
            Rule("DTSTART;TZID=Asia/Seoul:20260101T090000\nFREQ=DAILY", "Asia/Seoul"),
        ),
        ("at = 2026-12-24T12:00:00+01:00", Moments((datetime(2026, 12, 24, 11, tzinfo=UTC),))),
        (
            'at = ["2026-12-24T11:00:00Z", 2026-12-25T11:00:00Z]',
            Moments((datetime(2026, 12, 24, 11, tzinfo=UTC), datetime(2026, 12, 25, 11, tzinfo=UTC))),
        ),
        ('crontab = "@daily"\njitter = "30m"', Later(Crontab("@daily"), timedelta(minutes=30), "a")),
        (
            'interval = 60\njitter = "250ms"\nends_at = "2030-01-01T00:00:00Z"',
            Within(
                Later(Interval(timedelta(minutes=1)), timedelta(milliseconds=250), "a"),
                None,
                datetime(2030, 1, 1, tzinfo=UTC),
            ),
        ),
        (
            "interval = 60\nstarts_at = 2026-01-01T00:00:00+01:00",
            Within(Interval(timedelta(minutes=1)), datetime(2025, 12, 31, 23, tzinfo=UTC), None),
        ),
        (
            'crontab = "@daily"\nends_at = "2026-01-01T00:00:00Z"',
            Within(Crontab("@daily"), None, datetime(2026, 1, 1, tzinfo=UTC)),
        ),
        (
            'timezone = "Asia/Seoul"\ncrontab = ["0 9 * * 1-5", "H 12 * * 6"]',
            Crontabs((Crontab("0 9 * * 1-5", "Asia/Seoul"), Crontab("H 12 * * 6", "Asia/Seoul", "a"))),
        ),
    ],
)
def test_schedules_are_read(read: Callable[..., ScheduleFile], keys: str, schedule: Schedule) -> None:
    file = read(f'[schedules.a]\njob = "jobs.tidy"\n{keys}')
    assert file.problems == ()
    assert file.entries["a"].schedule == schedule


def test_bounds_and_rules_of_defaults_hold_for_the_entries_that_they_suit(
    read: Callable[..., ScheduleFile],
) -> None:
    file = read(
        """
        [defaults]
        job = "jobs.tidy"
        dst_fold = "second"
        ends_at = 2030-01-01T00:00:00Z
        [schedules.a]
        crontab = "30 2 * * *"
        [schedules.b]
        interval = "5m"
        [schedules.by-hand]
        """
    )
    end = datetime(2030, 1, 1, tzinfo=UTC)
    assert file.problems == ()
    assert file.entries["a"].schedule == Within(Crontab("30 2 * * *", dst_fold="second"), None, end)
    assert file.entries["b"].schedule == Within(Interval(timedelta(minutes=5)), None, end)
    assert file.entries["by-hand"].schedule is None


def test_bounds_of_defaults_that_contradict_an_entrys_own_are_an_error(
    read: Callable[..., ScheduleFile],
) -> None:
    text = (
        "[defaults]\nends_at = 2026-01-01T00:00:00Z\n[schedules.a]\njob = 'jobs.tidy'\ncrontab = '@daily'\n"
    )
    file = read(text + "starts_at = 2027-01-01T00:00:00Z")
    assert problems_of(file) == ["2:1+7 ends_at: is before starts_at"]


def test_a_rule_for_changes_of_the_clock_without_effect_is_a_warning(
    read: Callable[..., ScheduleFile],
) -> None:
    file = read(f'{HEAD}crontab = "*/15 * * * *"\ndst_fold = "both"')
    assert problems_of(file) == [
        "4:1+8 dst_fold: has no effect: the crontab repeats within the hour, and follows real time"
    ]
    assert file.errors == ()


def test_a_zone_beside_another_tzid_and_a_rule_of_real_time_are_said(
    read: Callable[..., ScheduleFile],
) -> None:
    text = "DTSTART;TZID=Asia/Seoul:20260101T090000\\nFREQ=DAILY"
    file = read(f'{HEAD}rrule = "{text}"\ntimezone = "Europe/Berlin"')
    assert problems_of(file) == [
        f"3:9+{len(text) + 2} rrule: its TZID is Asia/Seoul, and timezone is Europe/Berlin; keep one of them"
    ]
    file = read(f'{HEAD}rrule = "FREQ=HOURLY"\ndst_gap = "skip"')
    assert problems_of(file) == [
        "4:1+7 dst_gap: has no effect: the rule repeats within the hour, and follows real time"
    ]


def test_each_entry_has_its_own_h_of_a_crontab_in_defaults(read: Callable[..., ScheduleFile]) -> None:
    entries = read(
        """
        [defaults]
        job = "jobs.tidy"
        seconds = true
        crontab = "H H 3 * * *"
        [schedules.a]
        [schedules.b]
        [schedules.c]
        interval = "5m"
        """
    ).entries
    assert entries["a"].schedule == Crontab("H H 3 * * *", entry="a")
    assert entries["b"].schedule == Crontab("H H 3 * * *", entry="b")
    assert entries["c"].schedule == Interval(timedelta(minutes=5))


def test_a_wrong_number_of_fields_in_defaults_is_said_once(read: Callable[..., ScheduleFile]) -> None:
    entries = '[schedules.a]\njob = "jobs.tidy"\n[schedules.b]\njob = "jobs.tidy"'
    file = read(f'[defaults]\ncrontab = "0 0 9 * * *"\n{entries}')
    assert [problem.line for problem in file.problems] == [2]
