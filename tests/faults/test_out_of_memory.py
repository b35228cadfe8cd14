"""The kernel's OOM killer ends a child of a worker, or the worker itself, in a control group with a limit of memory."""

from collections.abc import Iterator

import pytest

from tests.support.memory_limit import MemoryLimit
from tests.support.process import PROGRAM, OnbeatProcess
from tests.support.project import Project

pytestmark = pytest.mark.memory_limit

LIMIT_MB = 400  # a worker with two children takes some 100
JOBS = """
import os
import sys
from scheduler import current_run, job

@job
def eats(times: int = 1, priority: int = 0) -> str:
    run = current_run()
    if run.attempt <= times:
        with open(f"/proc/{os.getppid()}/oom_score_adj", "w") as file:
            file.write(str(priority))
        print(f"eating {len(bytearray(2 << 30))}")
    return "ate little"
"""
SCHEDULES = """
[defaults]
retry = { max_attempts = 2, initial = "100ms" }
[schedules.tried-again]
job = "jobs.eats"
[schedules.given-up]
job = "jobs.eats"
retry = { max_attempts = 1 }
[schedules.not-after-a-loss]
job = "jobs.eats"
retry = { max_attempts = 2, on_lost = false }
[schedules.with-its-worker]
job = "jobs.eats"
kwargs = { priority = 1000 }
"""


@pytest.fixture
def limit() -> Iterator[MemoryLimit]:
    with MemoryLimit(LIMIT_MB) as made:
        yield made


@pytest.fixture
def beat(project: Project) -> Iterator[OnbeatProcess]:
    project.jobs(JOBS)
    project.schedules(SCHEDULES)
    with project.start("beat") as process:
        process.wait_for_event("schedules.applied", within=30)
        yield process


@pytest.fixture
def worker(project: Project, limit: MemoryLimit, beat: OnbeatProcess) -> Iterator[OnbeatProcess]:
    """One whose processes together may have so much, and the kernel sees to it."""
    process = OnbeatProcess(
        ("worker", "-c", "2"),
        directory=project.directory,
        environ=project.environ,
        program=(*limit.prefix, *PROGRAM),
    )
    try:
        process.wait_for_event("worker.started", within=30)
        yield process
    finally:
        process.close()


@pytest.mark.timeout(150)
def test_a_child_that_the_kernel_ends_costs_its_attempt_and_nothing_else(
    project: Project, limit: MemoryLimit, worker: OnbeatProcess
) -> None:
    project.run("trigger", "tried-again", "--wait", within=40).expect(0)
    for entry in ("given-up", "not-after-a-loss"):
        project.run("trigger", entry, "--wait", within=40).expect(1)
    assert limit.kills() == 3
    assert not worker.ended()
    runs = {run["entry"]: run for run in project.run("runs", "--json").expect(0).json()}
    again = project.run("run", runs["tried-again"]["run_id"], "--json").expect(0).json()
    assert (again["state"], again["attempt"], again["result"]) == ("succeeded", 2, "ate little")
    first, second = again["attempts"]
    assert "worker lost" in first["error"]
    assert "SIGKILL" in first["error"]
    assert second["error"] is None
    for entry in ("given-up", "not-after-a-loss"):
        assert (runs[entry]["state"], runs[entry]["attempt"]) == ("failed", 1)
        assert runs[entry]["reason"] == "worker lost"
    assert len(worker.named("run.lost")) == 3


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_worker_that_the_kernel_ends_is_found_by_its_lease(
    project: Project, limit: MemoryLimit, worker: OnbeatProcess, beat: OnbeatProcess
) -> None:
    project.run("trigger", "with-its-worker").expect(0)
    worker.wait(within=20)
    assert limit.kills() >= 1
    with project.start("worker", "-c", "1") as other:
        lost = beat.wait_for_event("run.lost", within=20, entry="with-its-worker")
        done = other.wait_for_event("run.succeeded", within=10, run_id=lost["run_id"])
        assert (lost["attempt"], done["attempt"]) == (1, 2)
