"""onbeat.command in a real worker: whatever ends the run, nothing of the command is left."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.process import OnbeatProcess
from tests.support.project import Project
from tests.support.waiting import eventually

# A child in the background, one in a session of its own, and a shell that is deaf to SIGTERM.
STUBBORN = "trap '' TERM; sleep 1001 & setsid sleep 1002 & echo begun; sleep 1003"


def schedules(line: str, **keys: str) -> str:
    """One entry, `long`, to be triggered, that runs this shell line."""
    rest = "\n".join(f'{key} = "{value}"' for key, value in keys.items())
    return f"[schedules.long]\njob = \"onbeat.command\"\n{rest}\nkwargs = {{ shell = '''{line}''' }}\n"


@contextmanager
def running_command(project: Project, line: str, **keys: str) -> Iterator[OnbeatProcess]:
    """A worker in which the command has begun."""
    project.schedules(schedules(line, **keys))
    with project.start("beat") as beat, project.start("worker", "-c", "1") as worker:
        beat.wait_for_event("schedules.applied", within=30)
        worker.wait_for_event("worker.started", within=30)
        project.run("trigger", "long").expect(0)
        worker.wait_for_event("run.log", message="begun", within=20)
        yield worker


def sleepers(worker: OnbeatProcess) -> list[str]:
    return [line for line in worker.alive().values() if "sleep 100" in line]


def none_left(worker: OnbeatProcess, within: float = 10) -> None:
    eventually(lambda: not sleepers(worker), within, what=f"the end of {sleepers(worker)}")


def test_the_hard_time_out_ends_all_of_it(project: Project) -> None:
    with running_command(project, STUBBORN, timeout="3s") as worker:
        assert len(sleepers(worker)) >= 3
        worker.wait_for_event("run.timed_out", within=15)
        none_left(worker)
        worker.wait_for_event("run.failed", within=10)


def test_the_soft_time_out_lets_it_tidy_up_first(project: Project) -> None:
    line = "trap 'echo tidied; exit' TERM; sleep 1001 & setsid sleep 1002 & echo begun; wait"
    with running_command(project, line, soft_timeout="2s", timeout="30s") as worker:
        worker.wait_for_event("run.log", message="tidied", within=15)
        failed = worker.wait_for_event("run.failed", within=15)
        assert "soft_timeout of 2s" in failed["error"]
        none_left(worker)


def test_a_hard_time_out_in_the_midst_of_the_grace_ends_all_of_it(project: Project) -> None:
    with running_command(project, STUBBORN, soft_timeout="2s", timeout="4s") as worker:
        worker.wait_for_event("run.failed", within=15)
        none_left(worker, within=3)


def test_a_pool_child_that_is_killed_takes_its_command_with_it(project: Project) -> None:
    with running_command(project, STUBBORN) as worker:
        child = worker.named("run.started")[0]["pid"]
        assert child != worker.pid
        os.kill(child, signal.SIGKILL)
        none_left(worker)
        worker.wait_for_event("run.lost", within=30)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_that_ends_leaves_nothing_of_it(project: Project, number: signal.Signals) -> None:
    """By SIGTERM: once its grace is over."""
    project.environ["ONBEAT_SHUTDOWN_GRACE"] = "1s"
    with running_command(project, STUBBORN) as worker:
        worker.send(number)
        worker.wait(within=15)
        none_left(worker)
