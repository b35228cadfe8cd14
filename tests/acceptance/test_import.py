"""`onbeat import` as a user types it: the file on stdout, what was not carried over on stderr."""

import pytest

from tests.support.imports import EXAMPLES
from tests.support.project import Project


@pytest.fixture
def project(serverless_project: Project) -> Project:
    return serverless_project


def test_a_crontab_from_a_pipe_becomes_a_file_that_check_lets_pass(project: Project) -> None:
    crontab = (EXAMPLES / "user.crontab").read_bytes()
    done = project.run("import", "-", "--timezone", "Europe/Berlin", "-o", "new.toml", stdin=crontab).expect()
    assert done.out == ""
    assert "stdin:19: warning: warm-cache: its schedule can't be carried over" in done.err
    assert "stdin: 6 entries written to new.toml" in done.err
    assert project.run("check", "new.toml").expect().out.startswith("new.toml: 6 entries")
    assert len(project.run("next", "report", "--json", ONBEAT_SCHEDULES="new.toml").expect().json()) > 1


def test_cron_jobs_of_a_cluster_become_a_file_that_check_lets_pass(project: Project) -> None:
    done = project.run("import", str(EXAMPLES / "cronjobs.yaml")).expect()
    project.write("schedules.toml", done.out)
    project.run("check").expect()


def test_a_file_that_is_there_is_never_overwritten(project: Project) -> None:
    project.write("new.toml", "mine\n")
    done = project.run("import", str(EXAMPLES / "user.crontab"), "-o", "new.toml").expect(2)
    assert "new.toml exists already" in done.err
    assert (project.directory / "new.toml").read_text() == "mine\n"


def test_a_file_of_no_known_kind_is_refused_with_its_place(project: Project) -> None:
    project.write("diary", "Dear diary: what\na: day: it was\n")
    done = project.run("import", "diary").expect(3)
    assert "diary:2:7: it is none of: a user's crontab" in done.err
    assert "hint: say what it is: --format" in done.err
    assert done.out == ""


def test_a_celery_module_is_imported_and_what_it_prints_stays_out_of_the_file(project: Project) -> None:
    project.write(
        "beat.py", "print('hello')\nbeat_schedule = {'a': {'task': 'jobs.hello', 'schedule': 60}}\n"
    )
    done = project.run("import", "beat.py", "-o", "new.toml").expect()
    assert "hello" in done.err
    project.run("check", "new.toml").expect()


def test_what_is_no_text_is_refused_with_its_place(project: Project) -> None:
    (project.directory / "latin").write_bytes(b"0 1 * * * a\n# caf\xe9\n")
    assert "latin:2:6: it is no text in UTF-8" in project.run("import", "latin").expect(3).err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-", "--timezone", "Mars/Base"), "unknown time zone 'Mars/Base'"),
        (("-", "--format", "celery"), "a Celery schedule is imported from its file"),
        (("-", "--format", "kubernetes", "--system"), "--system is for crontabs"),
        (("-", "--format", "cron"), "is not one of"),
    ],
)
def test_wrong_options_are_said(project: Project, arguments: tuple[str, ...], message: str) -> None:
    assert message in project.run("import", *arguments).expect(2).err


def test_a_file_that_is_not_there_is_said(project: Project) -> None:
    assert "nowhere: no such file or directory" in project.run("import", "nowhere").expect(2).err
