"""Files that are no schedules at all: no TOML, no UTF-8, no file; or with other tables than they may have."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from scheduler.reading.schedule_file import ScheduleFile, read_schedules
from tests.support.schedule_files import problems_of, read_in


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., ScheduleFile]:
    return partial(read_in, tmp_path)


WHOLE_FILES = {
    "": ["None:None+1 no entry: nothing is scheduled; an entry is a table [schedules.NAME]"],
    "schedules = 5": ["1:1+9 'schedules' is a table; write [schedules] above its keys"],
    "[schedules]\na = 5": ["2:1+1 'a' is 5, and an entry is a table: [schedules.a]"],
    '[schedules.""]\njob = "jobs.tidy"': ["1:12+2 the name '' has 0 characters; it may have 1 to 100"],
    "[schedules.a]": ["1:12+1 the entry 'a' has no job"],
    '[schedules.team.report]\njob = "jobs.tidy"': [
        "1:17+6 unknown key 'report'; a name with a dot stands in quotes, as in [schedules.\"team.report\"]"
    ],
    '[schedules.a]\njob = "jobs.nightly"': ["2:7+14 jobs.nightly: the job needs the argument 'region'"],
    '[schedules.a]\njob = "jobs.nightly"\nkwargs = { limit = 1 }': [
        "3:10+13 jobs.nightly: the job needs the argument 'region'"
    ],
    '[schedules.a]\njob = "jobs.nightly"\nargs = ["eu"]\nsoft_timeout = "10m"': [
        "4:16+5 soft_timeout: soft_timeout is 10m and timeout 5m, by @job; the soft one comes first"
    ],
    '[schedules.a]\njob = "jobs.nightli"': [
        "2:7+14 job: no job 'jobs.nightli'; did you mean 'jobs.nightly'?"
    ],
    '[schedules.a]\njob = ""': [
        "2:7+2 job: '' is not the dotted name of a job, such as 'jobs.reports.nightly'"
    ],
    '[defaults]\nowner = 5\nqeue = 1\n[schedules.a]\njob = "jobs.tidy"': [
        "2:9+1 owner: 5 is not a text in quotes",
        "3:1+4 unknown key 'qeue'; did you mean 'queue'?",
    ],
    '[calendars.x]\n[schedules.a]\njob = "jobs.tidy"': [
        "1:12+1 the calendar 'x' has no days; write dates, ics, country or weekdays",
    ],
    '[default]\n[schedules.a]\njob = "jobs.tidy"': ["1:2+7 unknown key 'default'; did you mean 'defaults'?"],
    'x = 1\n[schedules.a]\njob = "jobs.tidy"': ["1:1+1 unknown key 'x'; entries are [schedules.NAME]"],
}


@pytest.mark.parametrize(("text", "expected"), WHOLE_FILES.items())
def test_a_wrong_file_is_explained(read: Callable[..., ScheduleFile], text: str, expected: list[str]) -> None:
    assert problems_of(read(text)) == expected


TOML_ERRORS = {
    "x = */5": "1:5+1 this is no value; text stands in quotes",
    "[schedules.a": "1:12+1 the file ends: expected ']' at the end of a table declaration",
    'x = "abc\ny = 1': "1:9+1 the text has no closing quote in its line",
    "x = [1,": "1:7+1 the value has no end",
    "x = 'abc": '1:8+1 the file ends: expected "\'"',
    'x = "\\q"': "1:8+1 a backslash in quotes is written twice, or the text stands in single quotes",
    "x = 1 y = 2": "1:7+1 one key and its value fill a line; this is too much",
    "[a]\n[a]": "2:2+1 the key 'a' is set twice; the first is in line 1",
    "[schedules.a]\n[schedules.a]": "2:12+1 the entry 'a' is declared twice; the first is in line 1",
    "[schedules.a]\nx = 1\nx = 2": "3:1+1 the key 'x' is set twice; the first is in line 2",
    "[defaults]\n[defaults]": "2:2+8 the table [defaults] is declared twice; the first is in line 1",
    "[schedules.ä]": "1:12+1 a name with other characters than A-Z a-z 0-9 _ - stands in quotes",
    "x = " + "9" * 5_000: "1:5+1 the number is too long for any computer",
    "x = " + "[" * 5_000: (
        "1:65+1 the file is nested too deeply: more than 60 tables or lists, one in the other"
    ),
    f"a.{'b.' * 70}c = 1": (
        "1:121+1 the file is nested too deeply: more than 60 tables or lists, one in the other"
    ),
}


@pytest.mark.parametrize(("text", "expected"), TOML_ERRORS.items(), ids=lambda value: value[:30])
def test_what_is_no_toml_is_explained(read: Callable[..., ScheduleFile], text: str, expected: str) -> None:
    assert problems_of(read(text)) == [expected]


def test_what_is_no_utf8_is_shown_at_the_byte(read: Callable[..., ScheduleFile]) -> None:
    file = read('[schedules.a]\nowner = "Jürgen"'.encode("latin-1"))
    assert problems_of(file) == [
        "2:11+1 is not UTF-8: the byte 0xfc stands for nothing there; save the file as UTF-8"
    ]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "none.toml",
            "none.toml: no such file; `onbeat init` writes a first one, ONBEAT_SCHEDULES names another",
        ),
        (".", ".: is a directory, not a file"),
        ("a\0b", "a\0b: can't be read: embedded null byte"),
    ],
)
def test_a_file_that_can_not_be_read_is_a_problem_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    file = read_schedules(path, catalogue=None, environ={})
    assert [problem.text() for problem in file.problems] == [message]
