"""A tour of wrong schedules files: what `onbeat check` says of each, to the letter, with exit code 3."""

import textwrap
from typing import NamedTuple

import pytest

from tests.acceptance.test_wrong_commands import WITHOUT_PRIVILEGE
from tests.support.process import finished
from tests.support.project import Project

JOBS = """
from datetime import date

from scheduler import job


@job(timeout="5m")
def report(region: str, limit: int = 100, since: date | None = None) -> None:
    ...


def helper() -> None:
    ...
"""


class Wrong(NamedTuple):
    """A file and what is said of it."""

    file: str
    said: str


TOUR = {
    "no TOML: text without quotes": Wrong(
        """
        [schedules.report]
        job = "jobs.report"
        crontab = */5 * * * *
        """,
        """
        schedules.toml:3:11: this is no value; text stands in quotes
            3 | crontab = */5 * * * *
              |           ^
        schedules.toml: 1 error
        """,
    ),
    "no TOML: a quote is missing": Wrong(
        """
        [schedules.report]
        job = "jobs.report
        interval = "5m"
        """,
        """
        schedules.toml:2:19: the text has no closing quote in its line
            2 | job = "jobs.report
              |                   ^
        schedules.toml: 1 error
        """,
    ),
    "a key that is mistyped": Wrong(
        """
        [schedules.report]
        job = "jobs.report"
        args = ["eu"]
        timout = "5m"
        """,
        """
        schedules.toml:4:1: unknown key 'timout'; did you mean 'timeout'?
            4 | timout = "5m"
              | ^^^^^^
        schedules.toml: 1 error
        """,
    ),
    "a table that is mistyped": Wrong(
        """
        [schedule.report]
        job = "jobs.report"
        """,
        """
        schedules.toml: warning: no entry: nothing is scheduled; an entry is a table [schedules.NAME]
        schedules.toml:1:2: unknown key 'schedule'; did you mean 'schedules'?
            1 | [schedule.report]
              |  ^^^^^^^^
        schedules.toml: 1 error, 1 warning
        """,
    ),
    "a minute that there is not": Wrong(
        """
        [schedules.report]
        job = "jobs.report"
        args = ["eu"]
        crontab = "75 * * * *"
        """,
        """
        schedules.toml:4:12: crontab: minute 75 is out of range 0-59
            4 | crontab = "75 * * * *"
              |            ^^
        schedules.toml: 1 error
        """,
    ),
    "a day that never comes": Wrong(
        """
        [schedules.report]
        job = "jobs.report"
        args = ["eu"]
        crontab = "0 0 30 2 *"
        """,
        """
        schedules.toml:4:16: crontab: never comes: no month of '2' has a day 30
            4 | crontab = "0 0 30 2 *"
              |                ^^^^
        schedules.toml: 1 error
        """,
    ),
    "a crontab with too few fields": Wrong(
        """
        [schedules.report]
        job = "jobs.report"
        args = ["eu"]
        crontab = "0 9 *"
        """,
        """
        schedules.toml:4:12: crontab: 3 fields, not 5: minute hour day-of-month month day-of-week
            4 | crontab = "0 9 *"
              |            ^^^^^
        schedules.toml: 1 error
        """,
    ),
    "a duration in words": Wrong(
        """
        [schedules.report]
        job = "jobs.report"
        args = ["eu"]
        interval = "5 minutes"
        """,
        """
        schedules.toml:4:12: interval: '5 minutes' is not a duration: 'minutes' is not a unit; write 5m
            4 | interval = "5 minutes"
              |            ^^^^^^^^^^^
        schedules.toml: 1 error
        """,
    ),
    "two schedules": Wrong(
        """
        [schedules.report]
        job = "jobs.report"
        args = ["eu"]
        interval = "5m"
        crontab = "@hourly"
        """,
        """
        schedules.toml:5:1: crontab and interval are two schedules; keep one
            5 | crontab = "@hourly"
              | ^^^^^^^
        schedules.toml: 1 error
        """,
    ),
    "a zone that there is not": Wrong(
        """
        [defaults]
        timezone = "Europe/Berln"

        [schedules.report]
        job = "jobs.report"
        args = ["eu"]
        """,
        """
        schedules.toml:2:12: timezone: unknown time zone 'Europe/Berln'; did you mean 'Europe/Berlin'?
            2 | timezone = "Europe/Berln"
              |            ^^^^^^^^^^^^^^
        schedules.toml: 1 error
        """,
    ),
    "a job that there is not": Wrong(
        """
        [schedules.report]
        job = "jobs.reprot"
        args = ["eu"]
        """,
        """
        schedules.toml:2:7: job: no job 'jobs.reprot'; did you mean 'jobs.report'?
            2 | job = "jobs.reprot"
              |       ^^^^^^^^^^^^^
        schedules.toml: 1 error
        """,
    ),
    "a function that is no job": Wrong(
        """
        [schedules.report]
        job = "jobs.helper"
        """,
        """
        schedules.toml:2:7: job: no job 'jobs.helper': the function is there, but has no @job above it
            2 | job = "jobs.helper"
              |       ^^^^^^^^^^^^^
        schedules.toml: 1 error
        """,
    ),
    "an entry without a job": Wrong(
        """
        [schedules.report]
        interval = "5m"
        """,
        """
        schedules.toml:1:12: the entry 'report' has no job
            1 | [schedules.report]
              |            ^^^^^^
        schedules.toml: 1 error
        """,
    ),
    "an argument that the job has not": Wrong(
        """
        [schedules.report]
        job = "jobs.report"
        kwargs = { region = "eu", limt = 5 }
        """,
        """
        schedules.toml:3:27: jobs.report: the job has no argument 'limt'; did you mean 'limit'?
            3 | kwargs = { region = "eu", limt = 5 }
              |                           ^^^^
        schedules.toml: 1 error
        """,
    ),
    "arguments of wrong types": Wrong(
        """
        [schedules.report]
        job = "jobs.report"

        [schedules.report.kwargs]
        region = "eu"
        limit = "5"
        since = 2026
        """,
        """
        schedules.toml:6:9: jobs.report: argument 'limit': input should be a valid integer, not "5"
            6 | limit = "5"
              |         ^^^
        schedules.toml:7:9: jobs.report: argument 'since': input should be a valid date, not 2026
            7 | since = 2026
              |         ^^^^
        schedules.toml: 2 errors
        """,
    ),
    "an argument that is missing": Wrong(
        """
        [schedules.report]
        job = "jobs.report"
        interval = "5m"
        """,
        """
        schedules.toml:2:7: jobs.report: the job needs the argument 'region'
            2 | job = "jobs.report"
              |       ^^^^^^^^^^^^^
        schedules.toml: 1 error
        """,
    ),
    "one name twice": Wrong(
        """
        [schedules.report]
        job = "jobs.report"
        args = ["eu"]

        [schedules.report]
        job = "jobs.report"
        args = ["us"]
        """,
        """
        schedules.toml:5:12: the entry 'report' is declared twice; the first is in line 1
            5 | [schedules.report]
              |            ^^^^^^
        schedules.toml: 1 error
        """,
    ),
    "one key twice": Wrong(
        """
        [schedules.report]
        job = "jobs.report"
        args = ["eu"]
        job = "jobs.report"
        """,
        """
        schedules.toml:4:1: the key 'job' is set twice; the first is in line 2
            4 | job = "jobs.report"
              | ^^^
        schedules.toml: 1 error
        """,
    ),
    "a name with a space": Wrong(
        """
        [schedules."daily report"]
        job = "jobs.report"
        args = ["eu"]
        """,
        """
        schedules.toml:1:12: the name 'daily report' has other characters than letters, digits and _ . -
            1 | [schedules."daily report"]
              |            ^^^^^^^^^^^^^^
        schedules.toml: 1 error
        """,
    ),
    "a retry that never runs": Wrong(
        """
        [schedules.report]
        job = "jobs.report"
        args = ["eu"]
        retry = { max_attempts = 0, backof = "fixed", on = "OSError" }
        """,
        """
        schedules.toml:4:26: retry: max_attempts: 0 attempts would never run; 1 means no retry
            4 | retry = { max_attempts = 0, backof = "fixed", on = "OSError" }
              |                          ^
        schedules.toml:4:29: retry: unknown key 'backof'; did you mean 'backoff'?
            4 | retry = { max_attempts = 0, backof = "fixed", on = "OSError" }
              |                             ^^^^^^
        schedules.toml:4:52: retry: on: 'OSError' is not a list; write ["OSError"]
            4 | retry = { max_attempts = 0, backof = "fixed", on = "OSError" }
              |                                                    ^^^^^^^^^
        schedules.toml: 3 errors
        """,
    ),
    "a soft time-out after the hard one, which is the job's own": Wrong(
        """
        [schedules.report]
        job = "jobs.report"
        args = ["eu"]
        soft_timeout = "10m"
        """,
        """
        schedules.toml:4:16: soft_timeout: soft_timeout is 10m and timeout 5m, by @job; the soft one comes first
            4 | soft_timeout = "10m"
              |                ^^^^^
        schedules.toml: 1 error
        """,
    ),
    "a variable that is not set": Wrong(
        """
        [schedules.report]
        job = "jobs.report"
        args = ["${REGION}"]
        """,
        """
        schedules.toml:3:10: the variable REGION is not set; set it, or give a default: ${REGION:-…}
            3 | args = ["${REGION}"]
              |          ^^^^^^^^^
        schedules.toml: 1 error
        """,
    ),
    "what a later version will do": Wrong(
        """
        [schedules.report]
        job = "jobs.report"
        args = ["eu"]
        crontab = "0 9 L * *"
        overlap = "queue"
        priority = 5
        """,
        """
        schedules.toml:4:16: crontab: day of month 'L': L is not supported by this version yet
            4 | crontab = "0 9 L * *"
              |                ^
        schedules.toml:5:11: overlap: 'queue' is not supported by this version yet; what is: skip, allow
            5 | overlap = "queue"
              |           ^^^^^^^
        schedules.toml:6:1: 'priority' is not supported by this version yet
            6 | priority = 5
              | ^^^^^^^^
        schedules.toml: 3 errors
        """,
    ),
}


@pytest.fixture
def project(serverless_project: Project) -> Project:
    serverless_project.jobs(JOBS)
    return serverless_project


def words(text: str) -> str:
    return textwrap.dedent(text).lstrip("\n")


@pytest.mark.parametrize("wrong", TOUR.values(), ids=TOUR.keys())
def test_check_explains(project: Project, wrong: Wrong) -> None:
    project.schedules(wrong.file)
    done = project.run("check")
    assert done.out == words(wrong.said)
    assert (done.code, done.err) == (3, "")


def test_check_explains_a_file_that_is_not_there(project: Project) -> None:
    (project.directory / "schedules.toml").unlink()
    done = project.run("check")
    assert done.out == words(
        """
        schedules.toml: no such file; `onbeat init` writes a first one, ONBEAT_SCHEDULES names another
        schedules.toml: 1 error
        """
    )
    assert (done.code, done.err) == (3, "")


def test_check_explains_a_directory(project: Project) -> None:
    done = project.run("check", "jobs")
    assert done.out == "jobs: is a directory, not a file\njobs: 1 error\n"
    assert (done.code, done.err) == (3, "")


def test_check_explains_a_file_that_it_may_not_read(project: Project) -> None:
    (project.directory / "schedules.toml").chmod(0)
    done = finished(
        "check", directory=project.directory, environ=project.environ, program=WITHOUT_PRIVILEGE, within=30
    )
    assert done.out == words(
        """
        schedules.toml: can't be read: permission denied for this user
        schedules.toml: 1 error
        """
    )
    assert (done.code, done.err) == (3, "")


def test_check_explains_a_file_in_another_encoding(project: Project) -> None:
    text = '[schedules.report]\njob = "jobs.report"\nowner = "Jürgen"\n'
    (project.directory / "schedules.toml").write_bytes(text.encode("latin-1"))
    done = project.run("check")
    assert done.out == words(
        """
        schedules.toml:3:11: is not UTF-8: the byte 0xfc stands for nothing there; save the file as UTF-8
            3 | owner = "J\N{REPLACEMENT CHARACTER}rgen"
              |           ^
        schedules.toml: 1 error
        """
    )
    assert (done.code, done.err) == (3, "")
