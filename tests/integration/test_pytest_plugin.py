"""The plugin as pytest loads it: its fixture, its options, and what a bad file looks like."""

import subprocess
import sys

import pytest

from tests.support.kit import LOADED

pytest_plugins = ["pytester"]

FILE = """
[schedules.nightly]
job = "onbeat.command"
crontab = "30 2 * * *"
kwargs = { argv = ["true"] }
"""
TEST = """
def test_ticks(schedule):
    assert len(schedule.fires("nightly", between=("2026-03-28", "2026-03-30"))) == 2
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setattr(sys, "path", [*sys.path])
    pytester.makefile(".toml", schedules=FILE)
    pytester.makepyfile(TEST)
    return pytester


def run_pytest(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return project.runpytest_inprocess(*LOADED, "-p", "no:randomly", "-p", "no:cacheprovider", *arguments)


def test_the_fixture_reads_the_schedules_of_the_root_directory(project: pytest.Pytester) -> None:
    project.mkdir("deeper")
    project.makepyfile(**{"deeper/test_deeper": TEST})
    run_pytest(project, "--rootdir", str(project.path)).assert_outcomes(passed=2)


def test_a_bad_file_fails_the_test_with_its_lines_and_no_traceback(project: pytest.Pytester) -> None:
    project.makefile(".toml", schedules=FILE.replace("30 2", "30 25"))
    result = run_pytest(project)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at setup of test_ticks*",
            "schedules.toml:*: *25*",
            '*| crontab = "30 25 * * *"',
            "*| *^^",
            "error: schedules.toml can't be used",
        ],
        consecutive=True,
    )
    assert "Traceback" not in result.stdout.str()
    assert "pytest_plugin.py" not in result.stdout.str()


def test_the_file_and_the_clock_can_be_chosen(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.makefile(".toml", other=FILE.replace("30 2 * *", "30 2 1 *"))
    project.makefile(".toml", third=FILE.replace("nightly", "monthly"))
    project.makefile(".ini", pytest="[pytest]\nonbeat_schedules = other.toml\nonbeat_clock = sundial\n")
    project.makepyfile(
        test_options="""
        def test_of_the_option(schedule):
            assert not schedule.fires("nightly", between=("2026-03-28", "2026-03-30"))
            next(schedule.step("nightly", count=1))

        def test_of_the_environment(schedule):
            assert set(schedule.entries) == {"monthly"}
        """
    )
    result = run_pytest(project, "-k", "of_the_option")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["E*ValueError: 'sundial' stops no clock; there are time-machine and freezegun"]
    )
    monkeypatch.setenv("ONBEAT_SCHEDULES", "third.toml")
    run_pytest(project, "-k", "of_the_environment").assert_outcomes(passed=1)


def test_a_clock_that_a_failing_test_left_stopped_goes_on(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        from datetime import UTC, datetime

        def test_fails(schedule):
            for tick in schedule.step("nightly", count=1, start="2020-01-01"):
                assert datetime.now(UTC) != tick

        def test_passes():
            assert datetime.now(UTC).year > 2020
        """
    )
    run_pytest(project).assert_outcomes(failed=1, passed=1)


def test_a_project_that_does_not_use_it_pays_little() -> None:
    """Loading the plugin imports no library that pytest does not have anyway, and nothing that reads schedules."""
    script = """
import sys, pytest
before = set(sys.modules)
import scheduler.pytest_plugin
after = {name: getattr(sys.modules[name], "__file__", None) or "" for name in set(sys.modules) - before}
print(*sorted(name for name, file in after.items() if "-packages" in file and not name.startswith("scheduler")))
print(*sorted(name for name in after if name.startswith(("scheduler.settings", "scheduler.testing"))))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_a_run_under_test_needs_no_redis(project: pytest.Pytester) -> None:
    """`project` has made its folder the current one; its jobs hide those of this repository."""
    project.mkpydir("jobs")
    script = """
import sys
from scheduler.testing import Schedules
schedules = Schedules.read("schedules.toml")
assert schedules.run("nightly", at="2026-03-28").state == "succeeded"
print(*sorted(name for name in sys.modules if name.partition(".")[0] in ("redis", "redbeat")))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
