"""Lints: what each finds, where it is shown, and how an entry allows it."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scheduler.lints.lint import ALLOWABLE, LINTS
from scheduler.problem import Problem
from scheduler.reading.schedule_file import ScheduleFile
from tests.support.schedule_files import read_in

NOW = datetime(2026, 11, 21, tzinfo=UTC)
HEAD = '[schedules.a]\njob = "jobs.tidy"\n'
Read = Callable[[str], ScheduleFile]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read_with_calendar(text: str) -> ScheduleFile:
        calendar = "\n[calendars.de]\ncountry = 'DE'\n" if "exclude = 'de'" in text else ""
        return read_in(tmp_path, text + calendar, lint_at=NOW)

    return read_with_calendar


def found(file: ScheduleFile, *, but: frozenset[str] = frozenset({"no-timeout"})) -> list[Problem]:
    return [problem for problem in (*file.problems, *file.notices) if problem.code not in but]


def timed(crontab: str, **keys: str) -> str:
    return "\n".join([f'crontab = "{crontab}"', *(f"{key} = {value}" for key, value in keys.items())])


ONE_OF_EACH = {
    "never-fires": [
        ('at = "2020-01-01T00:00:00Z"', "1:12+1 the entry 'a' never fires again"),
        ('interval = "1h"\nends_at = 2026-01-01T00:00:00Z', "1:12+1 the entry 'a' never fires again"),
        (
            "interval = '1h'\nexclude = '0 * * * *'",
            "4:1+7 exclude: takes out every tick that is to come; the next one is excluded by crontab 0 * * * *",
        ),
    ],
    "unknown-holidays": [
        ("at = 9000-12-25T09:00:00Z\nexclude = 'de'", "3:1+2 at: calendar de is known up to "),
    ],
    "both-days": [("crontab = '0 9 1 * MON'", "3:16+7 crontab: day of month and day of week are both given")],
    "missing-days": [
        (
            "crontab = '0 0 31 * *'",
            "3:16+2 crontab: Feb, Apr, Jun, Sep, Nov have no day 31; L is the last day of each",
        ),
        ("crontab = '0 0 1,29 2 *'", "3:18+2 crontab: Feb has no day 29 in most years"),
        ("crontab = ['@daily', '0 0 30 * *']", "3:27+2 crontab: Feb has no day 30; L is the last day of each"),
    ],
    "uneven-step": [
        (
            "crontab = '*/7 * * * *'",
            "3:12+3 crontab: */7 starts anew every hour, so its last step is 4 minutes; an interval is even",
        ),
        ("crontab = '*/7 0 * * * *'\nseconds = true", "3:12+3 crontab: */7 starts anew every minute"),
        ("crontab = '0 */5 * * *'", "3:14+3 crontab: */5 starts anew every day, so its last step is 4 hours"),
    ],
    "step-too-large": [("crontab = '*/90 * * * *'", "3:12+4 crontab: */90 is once every hour, not every 90 minutes")],
    "every-minute": [("crontab = '* 2 * * *'", "3:12+1 crontab: runs every minute of its hours; for once an hour")],
    "every-second": [("crontab = '* 30 2 * * *'\nseconds = true", "3:12+1 crontab: runs every second of its minutes")],
    "dst-without-effect": [
        ("crontab = '*/15 * * * *'\ndst_fold = 'both'", "4:1+8 dst_fold: has no effect: the crontab repeats within")
    ],
    "many-at-once": [
        (
            "interval = '1m'\noverlap = 'allow'\ntimeout = '10m'",
            "4:1+7 overlap: timeout is 10m, longer than the 1m between ticks: up to 10 runs at once",
        )
    ],
    "catchup-flood": [
        (
            "interval = '1m'\ncatchup = 'all'",
            "4:1+7 catchup: catchup = all: up to 1440 runs begin at once after a downtime of the catchup_window, 1d",
        )
    ],
    "lonely-group": [("interval = '1m'\ngroup = 'db'", "4:1+5 group: no other entry is in 'db'")],
    "clock-change": [
        (
            timed("30 2 * * *", timezone="'Europe/Berlin'", dst_fold="'both'"),
            "3:11+12 crontab: on 2027-03-28 a time of 30 2 * * * is jumped over in Europe/Berlin; dst_gap = ",
        ),
        (
            timed("45 1 * * *", timezone="'Australia/Lord_Howe'", dst_gap="'skip'"),
            "3:11+12 crontab: on 2027-04-04 a time of 45 1 * * * comes twice in Australia/Lord_Howe",
        ),
        (
            "rrule = 'FREQ=DAILY;BYHOUR=2;BYMINUTE=30'\ntimezone = 'Europe/Berlin'\ndst_fold = 'first'",
            "3:9+33 rrule: on 2027-03-28 a time of FREQ=DAILY;BYHOUR=2;BYMINUTE=30 is jumped over in Europe/Berlin",
        ),
        (
            timed("30 2 * * *", timezone="'Europe/Berlin'", jitter="'50m'", ends_at="2027-04-01T00:00:00Z"),
            "3:11+12 crontab: on 2027-03-28 a time of 30 2 * * * is jumped over in Europe/Berlin",
        ),
    ],
    "retries-outlast-tick": [
        (
            "interval = '1m'\ntimeout = '30s'\nretry = { max_attempts = 3, initial = '10s' }",
            "5:1+5 retry: all attempts with their waits take up to 2m, longer than the 1m between ticks",
        )
    ],
    "no-timeout": [("interval = '1m'", "1:12+1 the entry 'a' has no timeout: a run that hangs")],
}  # fmt: skip
CASES = [(lint, keys, expected) for lint, cases in ONE_OF_EACH.items() for keys, expected in cases]


@pytest.mark.parametrize(("lint", "keys", "expected"), CASES)
def test_each_lint_finds_what_it_is_for_at_its_place(read: Read, lint: str, keys: str, expected: str) -> None:
    but = frozenset() if lint == "no-timeout" else frozenset({"no-timeout"})
    file = read(HEAD + keys)
    (problem,) = found(file, but=but)
    place = f"{problem.line}:{problem.column}+{problem.length}"
    assert f"{place} {problem.message}".startswith(expected)
    assert (problem.code, problem.severity, problem.entry) == (lint, LINTS[lint], "a")
    assert problem in (file.problems if problem.severity == "warning" else file.notices)
    assert list(file.entries) == ["a"]


@pytest.mark.parametrize(("lint", "keys"), [(lint, keys) for lint, keys, _ in CASES])
def test_an_entry_may_allow_each_with_a_reason(read: Read, lint: str, keys: str) -> None:
    reasons = f"{lint} = 'it is meant', " + (
        "" if lint == "no-timeout" or "\ntimeout" in keys else "no-timeout = 'x'"
    )
    file = read(f"{HEAD}{keys}\nallow = {{ {reasons.rstrip(', ')} }}")
    assert (file.problems, file.notices) == ((), ())


def test_every_lint_has_a_case() -> None:
    assert {*ONE_OF_EACH, "crowded-minute"} == set(ALLOWABLE)


@pytest.mark.parametrize(
    "keys",
    [
        "crontab = '*/15 * * * *'",
        "crontab = '0 */6 * * *'",
        "crontab = '0 9 * * MON'",
        "crontab = '0 9 1 * *'",
        "crontab = '0 0 31 1,3,5 *'",
        "crontab = '0 0 28-31 * *'",
        "crontab = '0 0 L * *'",
        "crontab = '@daily'",
        "crontab = '* * * * *'",
        "crontab = 'H/15 2 L * *'",
        timed("30 2 * * *", timezone="'Asia/Seoul'"),
        timed("30 4 * * *", timezone="'Europe/Berlin'"),
        timed("30 2 * * *", timezone="'Europe/Berlin'", dst_gap="'shift'", dst_fold="'first'"),
        timed("*/20 * * * *", timezone="'Europe/Berlin'"),
        timed("30 2 * * *", timezone="'Europe/Berlin'", exclude="'* * * * SUN'"),
        timed("30 2 * * *", timezone="'Europe/Berlin'", ends_at="2027-03-28T00:59:59Z"),
        timed("30 2 * * *", timezone="'Europe/Berlin'", exclude="'* * * * SUN'", jitter="'30m'"),
        "rrule = 'FREQ=DAILY;BYHOUR=4'\ntimezone = 'Europe/Berlin'",
        "rrule = 'FREQ=WEEKLY;BYDAY=MO;BYHOUR=2;BYMINUTE=30'\ntimezone = 'Europe/Berlin'",
        "rrule = 'FREQ=HOURLY'\ntimezone = 'Europe/Berlin'",
        "interval = '1d'\ntimezone = 'Europe/Berlin'\nanchor = 2026-11-21T01:30:00Z",
        "at = '2027-03-28T02:30:00+01:00'\ntimezone = 'Europe/Berlin'",
        "solar = { event = 'dawn', latitude = 52.5, longitude = 13.4 }\ntimezone = 'Europe/Berlin'",
        "interval = '1m'\noverlap = 'allow'\ntimeout = '1m'",
        "interval = '1m'\noverlap = 'allow'\ntimeout = '2m'\nmax_active = 5",
        "interval = '1h'\ncatchup = 'all'",
        "interval = '1m'\ncatchup = 'all'\ncatchup_spread = '2h'",
        "interval = '1h'\nretry = { max_attempts = 5 }",
        "interval = '1m'\ntimeout = '5m'\nretry = { max_attempts = 3, initial = '10s' }",
        "at = '2020-01-01T00:00:00Z'\nenabled = false",
        "",
    ],
)
def test_what_is_common_is_none(read: Read, keys: str) -> None:
    assert found(read(HEAD + keys)) == []


def crowded(number: int, more: str = "") -> str:
    entries = "\n".join(f"[schedules.e{index}]\n{more if index == 0 else ''}" for index in range(number))
    return f"[defaults]\njob = 'jobs.tidy'\ntimeout = '1m'\ncrontab = '@hourly'\n{entries}"


def test_ten_entries_at_minute_0_are_a_crowd(read: Read) -> None:
    (problem,) = found(read(crowded(10)))
    assert (problem.code, problem.severity, problem.line) == ("crowded-minute", "notice", 4)
    assert problem.message.startswith(
        "crontab: 10 entries start at minute 0, this one and e1, e2, e3 among them; H as"
    )
    assert found(read(crowded(9))) == []
    assert found(read(crowded(10, "jitter = '5m'"))) == []
    assert found(read(crowded(10, "allow = { crowded-minute = 'it is quick' }"))) == []


def test_a_group_of_two_is_none_of_one_and_a_mistyped_name_is_guessed(read: Read) -> None:
    both = f"{HEAD}group = 'db'\n[schedules.b]\njob = 'jobs.tidy'\n"
    assert found(read(f"{both}group = 'db'")) == []
    (problem,) = found(read(f"{both}group = 'db'\n[schedules.c]\njob = 'jobs.tidy'\ngroup = 'dbs'"))
    assert problem.entry == "c"
    assert problem.message == "group: no other entry is in 'dbs'; did you mean 'db'?"


def test_what_needs_no_clock_is_found_without_one(tmp_path: Path) -> None:
    text = f"{HEAD}crontab = '*/7 * * * *'\nends_at = 2020-01-01T00:00:00Z"
    assert [problem.code for problem in found(read_in(tmp_path, text))] == ["uneven-step"]


def test_what_the_defaults_allow_holds_for_all_and_is_needed_once(read: Read) -> None:
    text = (
        "[defaults]\njob = 'jobs.tidy'\nallow = { no-timeout = 'short', uneven-step = 'fine' }\n"
        "[schedules.a]\ncrontab = '*/7 * * * *'\n"
        "[schedules.b]\nallow = { both-days = 'yes' }\ncrontab = '0 9 1 * MON'\n"
    )
    file = read(text)
    assert (file.problems, file.notices) == ((), ())


def test_an_allowance_that_allows_nothing_is_a_warning_where_it_stands(read: Read) -> None:
    (problem,) = found(read(f"{HEAD}interval = '1h'\ntimeout = '1m'\nallow = {{ no-timeout = 'x' }}"))
    assert (problem.code, problem.severity) == ("unused-allowance", "warning")
    assert (problem.line, problem.column) == (5, 11)
    assert problem.message == "allow: nothing here is 'no-timeout'; take it out"


def test_an_entry_with_an_error_may_need_what_it_allows(read: Read) -> None:
    (problem,) = found(read(f"{HEAD}interval = 'x'\nallow = {{ no-timeout = 'x' }}"))
    assert problem.severity == "error"


@pytest.mark.parametrize(
    ("allow", "expected"),
    [
        ("{ no-timout = 'x' }", "3:11+9 allow: there is no lint 'no-timout'; did you mean 'no-timeout'?"),
        (
            "{ unused-allowance = 'x' }",
            "3:11+16 allow: there is no lint 'unused-allowance'; there are never-fires, ",
        ),
        ("{ no-timeout = ' ' }", "3:24+3 allow: no-timeout = ' ' gives no reason; write one in quotes"),
        ("{ no-timeout = true }", "3:24+4 allow: no-timeout = true gives no reason; write one in quotes"),
        ("['no-timeout']", '3:9+14 allow: a list is not a table, such as { no-timeout = "the reason" }'),
    ],
)
def test_an_allowance_that_is_none_is_an_error(read: Read, allow: str, expected: str) -> None:
    problem = found(read(f"{HEAD}allow = {allow}"))[0]
    assert f"{problem.line}:{problem.column}+{problem.length} {problem.message}".startswith(expected)
    assert problem.severity == "error"
