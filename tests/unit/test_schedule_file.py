"""schedules.toml: what entries it makes, and every problem at its place."""

import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from scheduler.reading.schedule_file import ScheduleFile, read_schedules
from scheduler.retry import RetryPolicy
from scheduler.schedule import Crontab, Interval
from tests.support.schedule_files import FULL, problems_of, read_in


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., ScheduleFile]:
    return partial(read_in, tmp_path)


def test_every_key_reaches_its_entry(read: Callable[..., ScheduleFile]) -> None:
    file = read(FULL)
    assert file.problems == ()
    entry = file.entries["report"]
    assert entry.schedule == Crontab("30 2 * * *", "Europe/Berlin")
    assert (entry.args, entry.kwargs, entry.queue) == (("eu",), {"limit": 5}, "slow")
    assert (entry.timeout, entry.soft_timeout) == (timedelta(hours=1), timedelta(minutes=50))
    assert entry.retry == RetryPolicy(
        max_attempts=5,
        backoff="linear",
        initial=timedelta(seconds=5),
        maximum=timedelta(minutes=1),
        jitter=0.5,
        on=("OSError",),
    )
    assert (entry.enabled, entry.overlap, entry.max_active) == (False, "allow", 2)
    assert (entry.catchup, entry.catchup_window) == ("latest", timedelta(days=2))
    assert (entry.description, entry.owner, entry.tags) == ("The nightly report", "data", ("night", "report"))
    assert (entry.runbook, entry.keep_runs, entry.keep_for) == ("https://wiki/report", 10, timedelta(days=7))
    assert entry.source == "file"


def test_an_entry_may_be_run_by_hand_only(read: Callable[..., ScheduleFile]) -> None:
    assert read('[schedules.a]\njob = "jobs.tidy"').entries["a"].schedule is None


def test_the_nearer_default_wins_key_by_key_in_retry_and_kwargs(read: Callable[..., ScheduleFile]) -> None:
    """An entry's own keys, then [defaults], then its job's, then the built-in ones."""
    file = read(
        """
        [defaults]
        queue = "all"
        interval = "5m"
        retry = { backoff = "fixed", max_attempts = 4 }
        kwargs = { limit = 3, region = "us" }
        timeout = "10m"
        [schedules.near]
        job = "jobs.nightly"
        queue = "own"
        retry = { max_attempts = 9 }
        kwargs = { region = "eu" }
        crontab = "@daily"
        [schedules.far]
        job = "jobs.nightly"
        """
    )
    assert file.problems == ()
    near, far = file.entries["near"], file.entries["far"]
    assert (near.queue, far.queue) == ("own", "all")
    assert near.retry == RetryPolicy(max_attempts=9, backoff="fixed", initial=timedelta(seconds=1))
    assert far.retry == RetryPolicy(max_attempts=4, backoff="fixed", initial=timedelta(seconds=1))
    assert near.kwargs == {"limit": 3, "region": "eu"}
    assert (near.schedule, far.schedule) == (Crontab("@daily"), Interval(timedelta(minutes=5)))
    assert far.timeout == timedelta(minutes=10)


def test_a_jobs_own_defaults_hold_where_the_file_says_nothing(read: Callable[..., ScheduleFile]) -> None:
    entry = read('[schedules.a]\njob = "jobs.nightly"\nargs = ["eu"]').entries["a"]
    assert (entry.timeout, entry.queue, entry.retry.max_attempts) == (timedelta(minutes=5), "reports", 3)


def test_variables_are_replaced_everywhere_in_strings(read: Callable[..., ScheduleFile]) -> None:
    text = """
        [schedules.a]
        job = "jobs.${JOB}"
        crontab = "${WHEN:-0 9 * * *}"
        kwargs = { region = "${REGION}-1" }
        tags = ["${REGION}", "$${REGION}"]
        """
    entry = read(text, {"JOB": "nightly", "REGION": "eu"}).entries["a"]
    assert entry.schedule == Crontab("0 9 * * *")
    assert entry.kwargs == {"region": "eu-1"}
    assert entry.tags == ("eu", "${REGION}")


def test_dates_in_arguments_are_kept_as_json_keeps_them(read: Callable[..., ScheduleFile]) -> None:
    text = '[schedules.a]\njob = "x"\nargs = [2026-01-02, 07:32:00]\nkwargs = { at = 2026-01-02T03:04:05Z }'
    entry = read(text, jobs=False).entries["a"]
    assert json.loads(json.dumps(entry.to_json()))["args"] == ["2026-01-02", "07:32:00"]
    assert entry.kwargs == {"at": "2026-01-02T03:04:05+00:00"}


def test_a_byte_order_mark_and_windows_line_ends_are_no_problem(read: Callable[..., ScheduleFile]) -> None:
    file = read(b'\xef\xbb\xbf[schedules.a]\r\njob = "jobs.tidy"\r\n')
    assert file.problems == ()
    assert list(file.entries) == ["a"]


def test_the_digest_is_of_what_the_file_means(read: Callable[..., ScheduleFile]) -> None:
    first = read('[schedules.a]\njob = "jobs.tidy"\ninterval = "60s"\n[schedules.b]\njob = "jobs.tidy"')
    same = read('# other words\n[schedules]\nb.job = "jobs.tidy"\na = { interval = "1m", job = "jobs.tidy" }')
    other = read('[schedules.a]\njob = "jobs.tidy"\ninterval = "61s"\n[schedules.b]\njob = "jobs.tidy"')
    assert first.digest == same.digest != other.digest
    assert len(first.digest) == 12


def test_an_entry_with_an_error_is_left_out_and_the_others_are_read(
    read: Callable[..., ScheduleFile],
) -> None:
    file = read('[schedules.a]\njob = "jobs.tidy"\n[schedules.b]\njob = "jobs.tidy"\nowner = 5')
    assert list(file.entries) == ["a"]
    assert [problem.entry for problem in file.errors] == ["b"]


HEAD = '[schedules.a]\njob = "jobs.tidy"\n'
WRONG = {
    "crontab = 5": "3:11+1 crontab: 5 is not a text in quotes",
    "crontab = []": "3:11+2 crontab: the list is empty; write a crontab, or leave the key out",
    'crontab = ["@daily", 5]': "3:22+1 crontab: 5 is not a text in quotes",
    'crontab = ["@daily", "0 24 * * *"]': "3:25+2 crontab: hour 24 is out of range 0-23",
    'crontab = "0 0 9 * * *"': (
        "3:11+13 crontab: 6 fields; with seconds = true the first is for seconds, without it there are 5"
    ),
    'seconds = true\ncrontab = ["@daily", "0 9 * * *"]': (
        "4:22+11 crontab: 5 fields; with seconds = true there are 6, the seconds first"
    ),
    'interval = 5\ndst_fold = "both"': "4:1+8 dst_fold: only a crontab or rrule reads a clock that changes",
    'crontab = "@daily"\ndst_gap = "jump"': "4:11+6 dst_gap: 'jump' is not one of shift, skip",
    "ends_at = 2026-01-01T00:00:00Z": ("3:1+7 ends_at: the entry has no schedule, and so no ticks"),
    "at = []": "3:6+2 at: the list is empty; write a moment, or leave the key out",
    "at = 9999-12-31T23:59:59-05:00": (
        "3:6+25 at: 9999-12-31T23:59:59-05:00 is out of reach; write a year from 1900 to 9998"
    ),
    "interval = 5\nstarts_at = 0001-01-01T00:00:00+05:00": (
        "4:13+25 starts_at: 0001-01-01T00:00:00+05:00 is out of reach; write a year from 1900 to 9998"
    ),
    "at = 2026-01-01": "3:6+10 at: 2026-01-01 is not a moment such as 2026-01-01T00:00:00Z",
    "at = [2026-01-01T00:00:00Z, 2026-01-01T00:00:00]": (
        "3:29+19 at: 2026-01-01T00:00:00 has no zone; end it with Z or +01:00"
    ),
    "at = 2026-01-01T00:00:00.0005Z": "3:6+25 at: a moment is a whole number of milliseconds",
    "interval = 5\nat = 2026-01-01T00:00:00Z": "4:1+2 interval and at are two schedules; keep one",
    'at = 2026-01-01T00:00:00Z\ninterval = 5\ncrontab = "@daily"': (
        "5:1+7 crontab, interval and at are three schedules; keep one"
    ),
    "at = 2026-01-01T00:00:00Z\nseconds = true": "4:1+7 seconds: only a crontab has a field for them",
    'crontab = "@daily"\njitter = 0': "4:10+1 jitter: 0 is no time at all; leave the key out for no limit",
    "interval = 5\njitter = 0.0015": "4:10+6 jitter: 0.0015 is finer than a millisecond",
    'jitter = "5m"': "3:1+6 jitter: the entry has no schedule, and so no ticks",
    "interval = 5\nstarts_at = 2026-01-01": (
        "4:13+10 starts_at: 2026-01-01 is not a moment such as 2026-01-01T00:00:00Z"
    ),
    "interval = 5\nstarts_at = 2027-01-01T00:00:00Z\nends_at = 2026-01-01T00:00:00Z": (
        "5:1+7 ends_at: is before starts_at"
    ),
    "seconds = 1": "3:11+1 seconds: 1 is not true or false",
    "interval = 5\nseconds = true": "4:1+7 seconds: only a crontab has a field for them",
    'crontab = "H H H(30-31) 2 *"': (
        "3:11+18 crontab: for this entry's H it never comes: no month of '2' has a day H(30-31)"
    ),
    'crontab = "61 * * * *"': "3:12+2 crontab: minute 61 is out of range 0-59",
    'crontab = """61 * * * *"""': "3:14+2 crontab: minute 61 is out of range 0-59",
    'crontab = "\\u0036\\u0031 * * * *"': "3:11+22 crontab: minute 61 is out of range 0-59",
    "interval = true": '3:12+4 interval: true is not a duration; write "90s", "1h30m", "2d" or "250ms"',
    "interval = 0": "3:12+1 interval: 0 never moves on; the shortest interval is 1ms",
    'interval = "-5s"': "3:12+5 interval: '-5s' is negative; a duration is not",
    'crontab = "@daily"\ninterval = 5': "4:1+8 crontab and interval are two schedules; keep one",
    'anchor = "2026-01-01T00:00:00Z"': "3:1+6 anchor: only an interval has one",
    'interval = 5\nanchor = "2026-01-01"': "4:10+12 anchor: '2026-01-01' has no zone; end it with Z or +01:00",
    'interval = 5\nanchor = "noon"': "4:10+6 anchor: 'noon' is not a moment such as 2026-01-01T00:00:00Z",
    'timezone = "Europe/Berln"': (
        "3:12+14 timezone: unknown time zone 'Europe/Berln'; did you mean 'Europe/Berlin'?"
    ),
    'args = "x"': "3:8+3 args: 'x' is not a list",
    "kwargs = [1]": '3:10+3 kwargs: a list is not a table, such as { region = "eu" }',
    "args = [1, nan]": "3:12+3 args: nan can't be kept as JSON",
    "kwargs = { a = { b = [inf] } }": "3:23+3 kwargs: inf can't be kept as JSON",
    'queue = "a b"': "3:9+5 queue: 'a b' can't name a queue; use letters, digits and _ . : -, at most 100",
    "timeout = 0": "3:11+1 timeout: 0 is no time at all; leave the key out for no limit",
    'timeout = "1m"\nsoft_timeout = "1m"': (
        "4:16+4 soft_timeout: soft_timeout is 1m and timeout 1m; the soft one comes first"
    ),
    "retry = 3": "3:9+1 retry: 3 is not a table, such as { max_attempts = 3 }",
    "retry.max_attempts = 0": "3:22+1 retry: max_attempts: 0 attempts would never run; 1 means no retry",
    'retry.initial = "1h"': (
        "3:17+4 retry: initial is 1h and max is 10m; the first wait can't be longer than the longest"
    ),
    'retry = { on = ["a b"] }': (
        "3:16+7 retry: on: 'a b' is not the name of an exception, such as \"httpx.HTTPError\""
    ),
    "enabled = 1": "3:11+1 enabled: 1 is not true or false",
    'overlap = "skp"': (
        "3:11+5 overlap: 'skp' is not one of skip, queue, allow, replace; did you mean 'skip'?"
    ),
    'group = "a b"': "3:9+5 group: 'a b' is no name: 1 to 100 letters, digits and _ . -",
    'catchup = "al"': "3:11+4 catchup: 'al' is not one of none, latest, all; did you mean 'all'?",
    'catchup_spread = "0s"': "3:18+4 catchup_spread: '0s' is no time at all; leave the key out for no limit",
    "start_deadline = 0": "3:18+1 start_deadline: 0 is no time at all; leave the key out for no limit",
    "max_runs = 0": "3:12+1 max_runs: 0 is not between 1 and 1000000",
    "max_runs = 3": "3:1+8 max_runs: the entry has no schedule, and so no ticks",
    "max_active = 0": "3:14+1 max_active: 0 is not between 1 and 1000000",
    "keep_runs = 1.5": "3:13+3 keep_runs: 1.5 is not a whole number",
    "tags = [1]": "3:9+1 tags: 1 is not a text in quotes",
    'tags = "x"': "3:8+3 tags: 'x' is not a list, such as [\"nightly\"]",
    "owner = 2026-01-01": "3:9+10 owner: 2026-01-01 is not a text in quotes",
    "rrule = 1": "3:9+1 rrule: 1 is not a text in quotes",
    'rrule = "FREQ=DAILY;BYHOUR=24"': "3:28+2 rrule: BYHOUR 24 is out of range 0 to 23",
    'rrule = "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"': (
        "3:22+23 rrule: never comes: no year has a day with BYMONTH=2 and BYMONTHDAY=30"
    ),
    "retries = 3": "3:1+7 unknown key 'retries'; did you mean 'retry'?",
    "descripton = 3": "3:1+10 unknown key 'descripton'; did you mean 'description'?",
    "zzz = 3": "3:1+3 unknown key 'zzz'",
    'description = "${A}"': "3:16+4 the variable A is not set; set it, or give a default: ${A:-…}",
    'kwargs = { region = "eu" }': "3:12+6 jobs.tidy: the job has no argument 'region'; it takes none",
    "args = [1]": "3:9+1 jobs.tidy: args has 1, and the job takes no arguments by position",
}


@pytest.mark.parametrize(("keys", "expected"), WRONG.items())
def test_a_wrong_key_is_shown_at_its_place(
    read: Callable[..., ScheduleFile], keys: str, expected: str
) -> None:
    file = read(HEAD + keys)
    assert problems_of(file) == [expected]
    assert file.entries == {}


@pytest.mark.parametrize(
    ("crontab", "expected"),
    [
        ("* 2 * * *", "3:12+1 crontab: runs every minute of its hours; for once an hour write 0 2"),
        (
            "*/7 * * * *",
            "3:12+3 crontab: */7 starts anew every hour, so its last step is 4 minutes; an interval is even",
        ),
        (
            "*/90 * * * *",
            "3:12+4 crontab: */90 is once every hour, not every 90 minutes; an interval does that",
        ),
        (
            "0 */5 * * *",
            "3:14+3 crontab: */5 starts anew every day, so its last step is 4 hours; an interval is even",
        ),
        (
            "0 0 9 1 * MON",
            "3:18+7 crontab: day of month and day of week are both given: it runs when either matches, as in cron",
        ),
        ("* 30 2 * * *", "3:12+1 crontab: runs every second of its minutes; for once a minute write 0 first"),
        (
            "*/7 0 * * * *",
            "3:12+3 crontab: */7 starts anew every minute, so its last step is 4 seconds; an interval is even",
        ),
        (
            "0 9 1 * MON",
            "3:16+7 crontab: day of month and day of week are both given: it runs when either matches, as in cron",
        ),
    ],
)
def test_a_schedule_that_is_probably_not_meant_is_a_warning(
    read: Callable[..., ScheduleFile], crontab: str, expected: str
) -> None:
    seconds = "seconds = true" if len(crontab.split()) > 5 else ""
    file = read(f'{HEAD}crontab = "{crontab}"\n{seconds}')
    assert problems_of(file) == [expected]
    assert file.errors == ()
    assert list(file.entries) == ["a"]


@pytest.mark.parametrize(
    "crontab",
    ["*/15 * * * *", "0 */6 * * *", "0 9 * * MON", "0 9 1 * *", "@daily", "* * * * *", "H/15 2 L * *"],
)
def test_a_common_schedule_is_none(read: Callable[..., ScheduleFile], crontab: str) -> None:
    assert read(f'{HEAD}crontab = "{crontab}"').problems == ()


def test_all_problems_come_at_once_in_the_order_of_the_file(read: Callable[..., ScheduleFile]) -> None:
    file = read('[schedules.b]\njob = "x"\nowner = 5\n[schedules.a]\ninterval = "x"\n[defaults]\nqueue = 1')
    assert [problem.line for problem in file.problems] == [2, 3, 4, 5, 7]


def test_a_list_of_secrets_that_is_none_is_said(tmp_path: Path) -> None:
    path = tmp_path / "schedules.toml"
    path.write_text('secrets = "DATABASE_URL"\n[schedules.x]\njob = "jobs.tidy"\n')
    (problem,) = read_schedules(path, catalogue=None, environ={}).problems
    assert problem.message.startswith("secrets: 'DATABASE_URL' is not a list of names of variables")
    assert problem.line == 1
