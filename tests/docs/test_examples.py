"""The examples in the pages are real: they parse, they are checked, they run."""

import re
import tomllib
from pathlib import Path

import pytest

from scheduler.reading.schedule_file import read_schedules
from tests.docs import worked_examples
from tests.docs.pages import DOCS, ROOT, every_page, page
from tests.support.kit import pytest_says
from tests.support.project import Project

FENCE = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


def blocks(text: str, language: str) -> list[str]:
    return [source for found, source in FENCE.findall(text) if found == language]


PYTHON = [(file, source) for file in every_page() for source in blocks(file.read_text(), "python")]
TOML = [
    (file, source)
    for file in every_page()
    for source in blocks(file.read_text(), "toml")
    if file != DOCS / worked_examples.NAME  # which has a test of its own
]


def place(value: object) -> str:
    return str(value.relative_to(ROOT)) if isinstance(value, Path) else ""


@pytest.mark.parametrize(("file", "source"), PYTHON, ids=place)
def test_python_examples_compile(file: Path, source: str) -> None:
    compile(source, str(file), "exec")


@pytest.mark.parametrize(("file", "source"), TOML, ids=place)
def test_schedules_in_the_pages_have_no_problem(file: Path, source: str, tmp_path: Path) -> None:
    """A line of a table alone stands for a part of an entry; files that one names are there, and empty."""
    if not re.search(r"^\[", source, re.MULTILINE):
        source = f'[schedules.example]\njob = "jobs.example"\ninterval = "1m"\n{source}'
    path = tmp_path / "schedules.toml"
    path.write_text(source)
    for included in tomllib.loads(source).get("include", []):
        other = tmp_path / included.replace("*", "any")
        other.parent.mkdir(exist_ok=True)
        other.touch()
    for calendar in tomllib.loads(source).get("calendars", {}).values():
        if "ics" in calendar:
            (tmp_path / calendar["ics"]).write_text("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")
    environ = dict.fromkeys(re.findall(r"\$\{(\w+)\}", source), "set")
    problems = read_schedules(path, catalogue=None, environ=environ).problems
    assert [problem.text() for problem in problems] == [], file


def test_the_first_job_page_leads_to_a_job_that_runs(serverless_project: Project) -> None:
    text = page("how-to/first-job.md")
    job, test = blocks(text, "python")
    (entry,) = blocks(text, "toml")
    project = serverless_project
    project.run("init", "demo").expect()
    project.directory /= "demo"
    project.write("jobs/space.py", job)
    project.write("tests/test_space.py", test)
    schedules = project.directory / "schedules.toml"
    schedules.write_text(f"{schedules.read_text()}\n{entry}")
    project.run("check", "--strict").expect()
    assert len(project.run("next", "space", "--json").expect().json()) > 1
    with project.start("up") as up:
        up.wait_for_event("worker.started", within=20)
        assert "free" in project.run("trigger", "space", "--wait").expect().out


def test_the_tests_of_the_page_about_testing_pass(tmp_path: Path) -> None:
    text = page("how-to/test-your-schedule.md")
    job, *tests = blocks(text, "python")
    (entry,) = blocks(text, "toml")
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/__init__.py").touch()
    (tmp_path / "jobs/orders.py").write_text(job)
    (tmp_path / "schedules.toml").write_text(entry)
    (tmp_path / "test_page.py").write_text("\n".join(tests))
    assert f"{''.join(tests).count('def test_')} passed" in pytest_says(tmp_path)


def test_every_page_of_the_how_tos_is_short() -> None:
    for file in (DOCS / "how-to").glob("*.md"):
        assert len(file.read_text().splitlines()) <= 110, file.name
