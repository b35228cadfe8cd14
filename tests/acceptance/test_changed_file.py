"""A running beat takes a changed schedules.toml by itself, and a bad one changes nothing."""

import signal

from tests.support.process import OnbeatProcess
from tests.support.project import SCHEDULES, Project

SECOND = """
[schedules.second]
job = "jobs.hello"
interval = "1s"
"""


def entries(project: Project) -> list[str]:
    return [entry["entry"] for entry in project.run("entries", "--json").expect().json()]


def started(beat: OnbeatProcess) -> None:
    beat.wait_for_event("schedules.applied", added=1)


def test_a_saved_file_is_applied(project: Project) -> None:
    with project.start("beat") as beat:
        started(beat)
        project.schedules(SCHEDULES + SECOND)
        beat.wait_for_event("schedules.applied", added=1, unchanged=1)
        beat.wait_for_event("tick.dispatched", entry="second")
        project.schedules(SECOND)
        beat.wait_for_event("schedules.applied", removed=1, unchanged=1)
        assert entries(project) == ["second"]


def test_a_file_with_a_mistake_changes_nothing_and_the_next_one_is_applied(project: Project) -> None:
    with project.start("beat") as beat:
        started(beat)
        project.schedules(SCHEDULES + SECOND.replace("1s", "one second"))
        rejected = beat.wait_for_event("schedules.rejected")
        assert "schedules.toml:7:12: " in rejected["problems"][0]
        assert entries(project) == ["hello"]
        project.schedules(SCHEDULES + SECOND)
        beat.wait_for_event("schedules.applied", added=1, unchanged=1)


def test_sighup_reads_a_file_anew_though_it_is_the_same(project: Project) -> None:
    with project.start("beat") as beat:
        started(beat)
        beat.send(signal.SIGHUP)
        beat.wait_for_event("schedules.applied", unchanged=1, count=1)
