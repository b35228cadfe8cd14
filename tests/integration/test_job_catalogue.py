"""The catalogue in a process of its own: what it imports, and what it says of modules that can't be
imported.
"""

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from scheduler.job_catalogue import JobCatalogue

SCRIPT = """
import json, sys
from pathlib import Path
from scheduler.job_catalogue import load_catalogue
catalogue = load_catalogue(json.loads(sys.argv[1]), Path.cwd())
print(json.dumps({
    "jobs": list(catalogue.jobs),
    "problems": [problem.text() for problem in catalogue.problems],
    "asked": {name: catalogue.problem_with(name) for name in json.loads(sys.argv[2])},
}))
"""


def catalogue(directory: Path, *, modules: tuple[str, ...] = ("jobs",), asked: tuple[str, ...] = ()) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(modules), json.dumps(asked)],
        cwd=directory,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return json.loads(done.stdout)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write(tmp_path, "jobs/__init__.py", "")
    write(
        tmp_path,
        "jobs/reports.py",
        """
        from scheduler import job
        print("a module that prints")

        @job
        def nightly(region: str) -> None: ...

        @job(name="weekly")
        def every_week() -> None: ...

        def plain() -> None: ...
        """,
    )
    return tmp_path


def write(directory: Path, name: str, text: str) -> None:
    file = directory / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(textwrap.dedent(text).lstrip("\n"))


def test_jobs_are_those_of_the_project_and_the_built_in_ones(project: Path) -> None:
    found = catalogue(project)
    assert found["jobs"] == ["jobs.reports.nightly", "onbeat.command", "onbeat.http", "weekly"]
    assert found["problems"] == []


def test_modules_far_below_are_found_and_tests_are_left_alone(project: Path) -> None:
    write(project, "jobs/team/deep/more.py", "from scheduler import job\n@job\ndef run() -> None: ...\n")
    write(project, "jobs/team/__init__.py", "")
    write(project, "jobs/team/deep/__init__.py", "")
    write(project, "jobs/tests/test_more.py", "raise RuntimeError('a test was imported')\n")
    write(project, "jobs/test_it.py", "raise RuntimeError('a test was imported')\n")
    found = catalogue(project)
    assert "jobs.team.deep.more.run" in found["jobs"]
    assert found["problems"] == []


def test_celerys_shared_tasks_are_jobs(project: Path) -> None:
    write(
        project,
        "jobs/old.py",
        """
        from celery import shared_task
        from jobs.reports import nightly

        @shared_task
        def tidy(days: int) -> None: ...

        @shared_task(name="other", bind=True)
        def bound(self, days: int) -> None: ...
        """,
    )
    found = catalogue(project, asked=("jobs.old.tidy", "other"))
    assert {"jobs.old.tidy", "other"} <= set(found["jobs"])
    assert found["asked"]["other"] == "the job needs the argument 'days'"


def test_a_module_that_can_not_be_imported_is_a_problem_and_stops_no_other(project: Path) -> None:
    write(project, "jobs/broken.py", "def f(:\n    pass\n")
    write(project, "jobs/lacking.py", "import json\nimport not_installed\n")
    write(project, "jobs/leaving.py", "import sys\n\nsys.exit(3)\n")
    found = catalogue(project, asked=("jobs.lacking.run",))
    assert "\n".join(found["problems"]) == textwrap.dedent(
        """\
        jobs/broken.py:1:7: can't import jobs.broken: invalid syntax
            1 | def f(:
              |       ^
        jobs/lacking.py:2:1: can't import jobs.lacking: ModuleNotFoundError: No module named 'not_installed'
            2 | import not_installed
              | ^
        jobs/leaving.py:3:1: can't import jobs.leaving: SystemExit: 3
            3 | sys.exit(3)
              | ^"""
    )
    assert "jobs.reports.nightly" in found["jobs"]
    assert found["asked"]["jobs.lacking.run"] == (
        "no job 'jobs.lacking.run': the module jobs.lacking can't be imported "
        "(jobs/lacking.py:2:1: ModuleNotFoundError)"
    )


def test_a_missing_job_is_explained(project: Path) -> None:
    found = catalogue(
        project, asked=("jobs.report.nightly", "jobs.reports.plain", "jobs.reports.every_week", "zzz")
    )
    assert found["asked"] == {
        "jobs.report.nightly": "no job 'jobs.report.nightly'; did you mean 'jobs.reports.nightly'?",
        "jobs.reports.plain": "no job 'jobs.reports.plain': the function is there, but has no @job above it",
        "jobs.reports.every_week": "no job 'jobs.reports.every_week': its name is 'weekly'",
        "zzz": "no job 'zzz'",
    }


def test_without_the_default_module_its_jobs_are_said_to_be_elsewhere() -> None:
    """As in a wrong folder, or below the right one."""
    missing = JobCatalogue({}, absent=("jobs",)).missing("jobs.hello")
    assert missing == (
        "no job 'jobs.hello': there is no module 'jobs' in this folder; ONBEAT_JOBS names where jobs are"
    )


def test_a_module_that_is_named_must_be_there(tmp_path: Path) -> None:
    (problem,) = catalogue(tmp_path, modules=("work.jobs",))["problems"]
    assert problem == (
        f"{tmp_path}: ONBEAT_JOBS names the module 'work.jobs', "
        "and there is none here nor among the installed packages"
    )
