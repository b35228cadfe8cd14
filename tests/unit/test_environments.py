"""`[env.NAME]`: what an environment lays over a file's entries."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from scheduler.job_catalogue import JobCatalogue
from scheduler.reading.schedule_file import ScheduleFile, read_schedules
from scheduler.schedule import Crontab, Interval
from tests.support.schedule_files import JOBS, problems_of

Read = Callable[..., ScheduleFile]

FILE = """
[defaults]
owner = "data"
[schedules.report]
job = "jobs.nightly"
crontab = "30 2 * * *"
dst_gap = "skip"
kwargs = { region = "eu", limit = 5 }
retry = { max_attempts = 5, backoff = "fixed" }
[schedules.tidy]
job = "jobs.tidy"
[env.production.defaults]
owner = "ops"
queue = "slow"
[env.production.schedules.report]
interval = "5m"
kwargs = { limit = 9 }
retry = { max_attempts = 2 }
[env.production.schedules.only]
job = "jobs.tidy"
[env.test.schedules.report]
enabled = false
"""


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def written(text: str, env: str | None = None, *, check: bool = False, **environ: str) -> ScheduleFile:
        path = tmp_path / "s.toml"
        path.write_text(text)
        return read_schedules(
            path, catalogue=JobCatalogue(JOBS), environ=environ, env=env, every_environment=check
        )

    return written


def test_without_an_environment_its_tables_say_nothing(read: Read) -> None:
    file = read(FILE)
    assert file.problems == ()
    assert list(file.entries) == ["report", "tidy"]
    assert file.entries["report"].schedule == Crontab("30 2 * * *", dst_gap="skip")
    assert file.env is None


def test_an_environment_is_laid_over_key_by_key_and_another_kind_replaces_the_kind(read: Read) -> None:
    file = read(FILE, "production")
    assert file.problems == ()
    report = file.entries["report"]
    assert report.schedule == Interval(timedelta(minutes=5))
    assert report.kwargs == {"region": "eu", "limit": 9}
    assert (report.retry.max_attempts, report.retry.backoff) == (2, "fixed")
    assert {entry.owner for entry in file.entries.values()} == {"ops"}
    assert file.entries["tidy"].queue == "slow"
    assert list(file.entries) == ["report", "tidy", "only"]
    assert file.env == "production"


def test_an_environment_without_a_name_is_none_that_is_meant(read: Read) -> None:
    (problem,) = problems_of(read('[schedules.a]\njob = "jobs.tidy"\n[env."".schedules.b]\nenabled = true'))
    assert problem.startswith("3:6+2 the environment's name '' is not 1 to 100 letters")


def test_an_environment_may_disable_an_entry(read: Read) -> None:
    entries = read(FILE, "test").entries
    assert [entry.enabled for entry in entries.values()] == [False, True]


def test_the_digest_tells_environments_apart(read: Read) -> None:
    assert len({read(FILE, env).digest for env in (None, "production", "test")}) == 3


def test_an_unknown_environment_is_an_error_where_the_file_has_any(read: Read) -> None:
    assert problems_of(read(FILE, "prodution")) == [
        (
            "12:2+3 there is no environment 'prodution'; did you mean 'production'?"
            " (one without anything of its own is declared too: [env.prodution])"
        )
    ]
    assert problems_of(read(FILE, "zzz"))[0].startswith(
        "12:2+3 there is no environment 'zzz'; there are: production, test"
    )
    assert read('[schedules.a]\njob = "jobs.tidy"', "anything").problems == ()


def test_check_finds_what_is_wrong_in_any_environment_and_a_beat_only_in_its_own(read: Read) -> None:
    text = """
        [schedules.report]
        job = "jobs.nightly"
        kwargs = { region = "eu" }
        soft_timeout = "4m"
        [env.one.schedules.report]
        timeout = "1m"
        [env.two.schedules.report]
        crontab = "75 * * * *"
        [env.two.schedules.raport]
        enabled = false
        [env.three.defaults]
        soft_timeout = "2h"
        kwargs = { limit = "x" }
        """
    one = "7:19+4 timeout: soft_timeout is 4m and timeout 1m; the soft one comes first"
    two = [
        "9:20+2 crontab: minute 75 is out of range 0-59",
        (
            "10:28+6 the entry 'raport' has no job: it stands in no [schedules], only in the environment two;"
            " did you mean 'report'?"
        ),
    ]
    three = "14:28+3 jobs.nightly: argument 'limit': input should be a valid integer, not \"x\""
    assert problems_of(read(text, check=True)) == [one, *two, three]
    assert problems_of(read(text, "one")) == [one]
    assert problems_of(read(text, "two")) == two
    assert problems_of(read(text, "three")) == [three]
    assert problems_of(read(text)) == []


def test_a_mistake_of_the_entry_itself_is_said_once(read: Read) -> None:
    text = FILE.replace("[schedules.tidy]", 'soft_timeout = "9m"\n[schedules.tidy]')
    problems = problems_of(read(text, "production", check=True))
    assert problems == problems_of(read(text)) != []


def test_a_mistake_that_shows_only_in_an_environment_names_it(read: Read) -> None:
    text = """
        [schedules.report]
        job = "jobs.nightly"
        args = ["eu"]
        [env.one.defaults]
        kwargs = { region = "us" }
        """
    (problem,) = problems_of(read(text, check=True))
    assert problem.startswith("6:29+4 jobs.nightly: argument 'region' is given twice")


def test_variables_have_to_be_set_only_for_the_chosen_environment(read: Read) -> None:
    text = '[schedules.a]\njob = "jobs.tidy"\n[env.one.schedules.a]\nqueue = "${QUEUE}"\n'
    assert read(text, check=True).problems == ()
    assert problems_of(read(text, "one", check=True)) == [
        "4:10+8 the variable QUEUE is not set; set it, or give a default: ${QUEUE:-…}"
    ]
    assert read(text, "one", QUEUE="q").entries["a"].queue == "q"
    assert problems_of(read(text.replace("${QUEUE}", "${QUEUE"), check=True))[0].startswith(
        "4:10+7 '${QUEUE'"
    )


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ("env = 5", "1:1+3 'env' is a table of environments; write [env.production.schedules.NAME]"),
        ("env.a = 5", "1:5+1 'a' is 5, and an environment has the tables [env.a.schedules.NAME]"),
        ('env."a b".schedules = {}', "1:5+5 the environment's name 'a b' is not"),
        ("env.a.schedule.x.enabled = false", "1:7+8 unknown key 'schedule'; did you mean 'schedules'?"),
        ("env.a.zzz = 1", "1:7+3 unknown key 'zzz'; its entries are [env.a.schedules.NAME]"),
        ("env.a.defaults = 5", "1:7+8 'defaults' is a table; write [env.a.defaults] above its keys"),
        ("env.a.schedules.b = 5", "1:17+1 'b' is 5, and an entry is a table: [env.a.schedules.b]"),
        ("env.a.schedules.b.job = 5", "1:25+1 job: 5 is not a text in quotes"),
    ],
)
def test_what_is_no_environment_is_explained(read: Read, env: str, message: str) -> None:
    (problem,) = problems_of(read(f'{env}\n[schedules.b]\njob = "jobs.tidy"', check=True))
    assert problem.startswith(message)


def test_an_overlay_may_stand_in_another_file_than_its_entry(read: Read, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(
        '[schedules.a]\njob = "jobs.tidy"\n[env.one.defaults]\nowner = "near"\n[env.one.schedules.b]\n'
    )
    text = 'include = ["a.toml"]\n[env.one.schedules.a]\nqueue = "q"\n[env.one.defaults]\nowner = "far"\n'
    file = read(text, "one")
    assert (file.entries["a"].queue, file.entries["a"].owner) == ("q", "near")
    (tmp_path / "b.toml").write_text('[env.one.schedules.a]\nqueue = "r"')
    again = read(text.replace('"a.toml"', '"a.toml", "b.toml"'), "one")
    assert [problem.headline().split(": ", 1)[1] for problem in again.problems if problem.entry == "a"] == [
        f"the entry 'a' is declared in {tmp_path / 's.toml'}:2 as well; one of the two needs another name"
    ]
