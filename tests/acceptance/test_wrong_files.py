"""A tour of wrong schedules files: what `onbeat check` says of each, to the letter, with exit code 3."""

import json
import re
import sys
import textwrap
from pathlib import Path

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


# Each: `=== title`, the file, `--- says`, what is said of it.
TOUR = re.findall(
    r"^=== (.+?)\n(.+?\n)--- says\n(.+?\n)(?=\n===|\Z)",
    (Path(__file__).parents[1] / "data" / "wrong_files.txt").read_text(encoding="utf-8"),
    re.MULTILINE | re.DOTALL,
)


@pytest.fixture
def project(serverless_project: Project) -> Project:
    serverless_project.jobs(JOBS)
    return serverless_project


def words(text: str) -> str:
    return textwrap.dedent(text).lstrip("\n")


# The command for one file after the other, in one process: 24 starts would take longer than all else.
EACH = """
import contextlib, io, json, sys
from pathlib import Path
from scheduler.cli import main

for text in json.load(sys.stdin):
    Path("schedules.toml").write_text(text)
    out, code = io.StringIO(), 0
    with contextlib.redirect_stdout(out):
        try:
            main.main(["check"], prog_name="onbeat")
        except SystemExit as end:
            code = end.code
    print(json.dumps([out.getvalue(), code]))
"""


def test_check_explains_each_file_of_the_tour(project: Project) -> None:
    files = json.dumps([words(file) for _, file, _ in TOUR]).encode()
    done = finished(
        directory=project.directory,
        environ=project.environ,
        program=(sys.executable, "-c", EACH),
        stdin=files,
    )
    assert (done.code, done.err) == (0, "")
    found = [json.loads(line) for line in done.out.splitlines()]
    assert {title: out for (title, _, _), (out, _) in zip(TOUR, found, strict=True)} == {
        title: said for title, _, said in TOUR
    }
    assert {code for _, code in found} == {3}
    assert len(found) == 27


def test_check_explains_one_file(project: Project) -> None:
    _, file, said = TOUR[0]
    project.schedules(file)
    done = project.run("check")
    assert (done.code, done.out, done.err) == (3, said, "")


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
