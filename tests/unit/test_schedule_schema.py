"""The schema against files: the good ones pass, the wrong ones don't, and what it says is valid JSON
Schema.
"""

import tomllib
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from scheduler.entry_keys import CHECKS
from scheduler.job import JobDeclaration
from scheduler.reading.schedule_schema import schema_of
from scheduler.retry import RETRY_KEYS
from tests.support.schedule_files import FULL


class Target(BaseModel):
    host: str


class Opaque:
    pass


def nightly(region: str, limit: int = 100, targets: list[Target] | None = None) -> None:
    """Report on the night.

    At length.
    """


def loose(*numbers: int, **extra: Any) -> None: ...


def strange(thing: Opaque) -> None: ...


def declared(name: str, function: Any) -> JobDeclaration:
    return JobDeclaration(name=name, function=function, module="jobs", doc=(function.__doc__ or "").strip())


JOBS = {
    name: declared(name, function)
    for name, function in {
        "jobs.nightly": nightly,
        "jobs.loose": loose,
        "jobs.strange": strange,
        "jobs.c": max,
    }.items()
}
SCHEMA = schema_of(JOBS)


def is_valid(text: str) -> bool:
    return bool(Draft202012Validator(SCHEMA).is_valid(tomllib.loads(text)))


GOOD = [
    "",
    FULL,
    '[schedules.a]\njob = "jobs.nightly"\ncrontab = "@daily"',
    '[schedules.a]\njob = "jobs.nightly"\nkwargs = { region = "eu", targets = [{ host = "x" }] }',
    '[schedules.a]\njob = "${JOB}"\ncrontab = "${WHEN:-0 9 * * *}"\ntimeout = "${LIMIT}"\ntimezone = "${TZ}"',
    '[defaults]\njob = "jobs.nightly"\n[schedules.a]\ninterval = "1h30m"\n[schedules.b]\ninterval = 0.25',
    '[schedules.a]\njob = "jobs.loose"\nargs = [1, 2]\nkwargs = { any = "thing" }',
    '[schedules.a]\njob = "jobs.strange"\nkwargs = { thing = 5 }',
    '[schedules.a]\njob = "jobs.c"\nargs = [1]',
    '[schedules.a]\njob = "jobs.nightly"\ncrontab = ["H 2 L * *", "@daily"]',
    '[schedules.a]\njob = "jobs.nightly"\ncrontab = "*/10 * * * * *"\nseconds = true',
    '[schedules.a]\njob = "jobs.nightly"\ncrontab = "@daily"\ndst_gap = "skip"\nends_at = "2027-01-01T00:00:00Z"',
    '[schedules.a]\njob = "jobs.nightly"\nat = ["2027-01-01T00:00:00Z", "2027-01-02T00:00:00Z"]\njitter = "5m"',
    '[schedules.a]\njob = "jobs.nightly"\nrrule = "FREQ=MONTHLY;BYDAY=-1FR"\ndst_gap = "skip"',
    '[schedules.a]\njob = "jobs.nightly"\nrrule = "DTSTART:20260101T090000\\nRRULE:FREQ=DAILY;COUNT=3"',
    '[schedules.a]\njob = "jobs.nightly"\nrrule = "rrule:freq=daily"',
    '[schedules.a]\njob = "jobs.nightly"\nsolar = "dusk"\nlatitude = 52.5\nlongitude = 13',
    '[schedules.a]\njob = "jobs.nightly"\nsolar = { event = "dawn", latitude = 9, longitude = 0, offset = "-5m" }',
    '[schedules."a.b"]\njob = "jobs.nightly"\ninterval = "1d 2h"\nanchor = "2026-01-01T00:00:00Z"',
]

CALENDARS = """
[calendars.de]
country = "DE"
subdivision = "BY"
language = "en_US"
categories = ["public"]
[calendars.own]
dates = ["2026-12-24", "2026-12-24/2026-12-31", "12-24", { date = "2027-01-02", name = "Bridge" }]
weekdays = ["sat", "Sunday"]
[calendars.named]
dates = { "2026-12-24" = "Heiligabend" }
[calendars.variable]
country = "${COUNTRY:-DE}"
weekdays = "sun"
[schedules.a]
job = "jobs.nightly"
crontab = "@daily"
exclude = ["de", "own", "* 2 * * *"]
on_holiday = "next"
holidays = "named"
[schedules.b]
job = "jobs.nightly"
crontab = "@daily"
exclude = "variable"
"""
GOOD.append(CALENDARS)

WRONG = [
    '[calendars.x]\n[schedules.a]\njob = "jobs.nightly"',
    '[calendars.x]\ncountry = "XX"',
    '[calendars.x]\nsubdivision = "BY"',
    '[calendars.x]\ncuntry = "DE"',
    '[calendars.x]\nweekdays = ["caturday"]',
    "[calendars.x]\ndates = [5]",
    '[calendars.x]\ndates = ["soon"]',
    '[calendars.x]\ndates = [{ name = "x" }]',
    "[calendars.x]\nics = 5",
    '[calendars."a b"]\nweekdays = ["sat"]',
    '[schedules.a]\njob = "jobs.nightly"\ncrontab = "@daily"\nexclude = [5]',
    '[schedules.a]\njob = "jobs.nightly"\ncrontab = "@daily"\non_holiday = "tomorrow"',
    '[schedules.a]\njob = "jobs.nightly"\ncrontab = "@daily"\nholidays = 5',
    "other = 1",
    "[schedules.a]",
    '[schedules.a]\njob = "jobs.nightli"',
    '[schedules."a b"]\njob = "jobs.nightly"',
    '[schedules.a]\njob = "jobs.nightly"\nzzz = 1',
    '[schedules.a]\njob = "jobs.nightly"\nrrule = "x"',
    '[schedules.a]\njob = "jobs.nightly"\ncrontab = "* * *"',
    '[schedules.a]\njob = "jobs.nightly"\ncrontab = "@daily"\ninterval = 5',
    '[schedules.a]\njob = "jobs.nightly"\ncrontab = []',
    '[schedules.a]\njob = "jobs.nightly"\ncrontab = ["@daily", 5]',
    '[schedules.a]\njob = "jobs.nightly"\ninterval = 5\nseconds = true',
    '[schedules.a]\njob = "jobs.nightly"\nrrule = "FREQ=DAILY"\nseconds = true',
    '[schedules.a]\njob = "jobs.nightly"\nsolar = "moonrise"',
    '[schedules.a]\njob = "jobs.nightly"\nsolar = { event = "dawn", latitude = 91, longitude = 0 }',
    '[schedules.a]\njob = "jobs.nightly"\nsolar = { event = "dawn", lat = 9, longitude = 0 }',
    '[schedules.a]\njob = "jobs.nightly"\nsolar = { latitude = 9, longitude = 0 }',
    '[schedules.a]\njob = "jobs.nightly"\nrrule = "FREQ=DAILY"\ncrontab = "@daily"',
    '[schedules.a]\njob = "jobs.nightly"\ninterval = 5\nat = "2027-01-01T00:00:00Z"',
    '[schedules.a]\njob = "jobs.nightly"\nat = "2027-01-01T00:00:00Z"\ndst_gap = "skip"',
    '[schedules.a]\njob = "jobs.nightly"\nat = []',
    '[schedules.a]\njob = "jobs.nightly"\ninterval = 5\njitter = true',
    '[schedules.a]\njob = "jobs.nightly"\ninterval = 5\ndst_fold = "both"',
    '[schedules.a]\njob = "jobs.nightly"\ncrontab = "@daily"\ndst_fold = "third"',
    '[schedules.a]\njob = "jobs.nightly"\nanchor = "2026-01-01T00:00:00Z"',
    '[schedules.a]\njob = "jobs.nightly"\ninterval = "5 minutes"',
    '[schedules.a]\njob = "jobs.nightly"\ninterval = ""',
    '[schedules.a]\njob = "jobs.nightly"\ninterval = -1',
    '[schedules.a]\njob = "jobs.nightly"\ntimezone = "Europe/Berlim"',
    '[schedules.a]\njob = "jobs.nightly"\nretry = { max_attempts = 0 }',
    '[schedules.a]\njob = "jobs.nightly"\nretry = { attempts = 2 }',
    '[schedules.a]\njob = "jobs.nightly"\noverlap = "wait"',
    '[schedules.a]\njob = "jobs.nightly"\nenabled = "yes"',
    '[schedules.a]\njob = "jobs.nightly"\nkwargs = { limit = "x" }',
    '[schedules.a]\njob = "jobs.nightly"\nkwargs = { limt = 1 }',
    '[schedules.a]\njob = "jobs.nightly"\nkwargs = { targets = [{ hst = "x" }] }',
    '[schedules.a]\njob = "jobs.nightly"\nargs = [1]',
    '[schedules.a]\njob = "jobs.nightly"\nargs = ["eu", 1, [], 4]',
    '[schedules.a]\njob = "jobs.loose"\nargs = ["x"]',
    "[defaults]\nzzz = 1",
]


def test_the_schema_is_valid_itself() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("text", GOOD)
def test_a_good_file_is_valid(text: str) -> None:
    assert is_valid(text)


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_file_is_not(text: str) -> None:
    assert not is_valid(text)


def test_the_schema_has_the_keys_that_the_file_may_have() -> None:
    keys = SCHEMA["$defs"]["keys"]["properties"]
    assert set(keys) == set(CHECKS)
    assert set(SCHEMA["$defs"]["retry"]["properties"]) == set(RETRY_KEYS)
    assert all(schema["description"] for schema in keys.values())


def test_editors_can_show_what_each_job_does() -> None:
    job = SCHEMA["$defs"]["keys"]["properties"]["job"]["anyOf"][0]
    assert job["enum"][0] == "jobs.nightly"
    assert job["x-taplo"]["docs"]["enumValues"][0] == "Report on the night."
