"""A server is away for longer than a job may take: the job is ended in time, and the worker is soon back at work."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.project import Project
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

JOBS = """
import time
from scheduler import job

@job
def slow() -> None:
    time.sleep(60)

@job
def quick() -> None: ...
"""
SCHEDULES = """
[schedules.slow]
job = "jobs.slow"
timeout = "2s"
[schedules.quick]
job = "jobs.quick"
interval = "1s"
"""
AWAY_S = 9.0
BACK_WITHIN_S = 6.0


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("of_its_own", [False, True], ids=["the only server", "a broker of its own"])
def test_a_job_is_ended_in_time_while_the_broker_is_away_and_work_goes_on_when_it_is_back(
    tmp_path: Path, new_valkey: Callable[..., ValkeyServer], *, of_its_own: bool
) -> None:
    server = new_valkey(append_only=True)
    project = Project(tmp_path, server.url)
    if of_its_own:
        server = new_valkey(append_only=True)
        project.environ["ONBEAT_BROKER_URL"] = server.url
    project.jobs(JOBS)
    project.schedules(SCHEDULES)
    with project.start("beat"), project.start("worker", "-c", "2") as worker:
        worker.wait_for_event("run.succeeded", within=30, entry="quick")
        project.run("trigger", "slow").expect(0)
        child = worker.wait_for_event("run.started", within=10, entry="slow")["pid"]
        server.kill()
        killed_at = time.monotonic()
        eventually(lambda: _has_ended(child), within=AWAY_S, what="the end of the job")
        if of_its_own:
            worker.wait_for_event("run.timed_out", within=2, entry="slow", limit="hard")
        eventually(lambda: time.monotonic() - killed_at > AWAY_S, within=AWAY_S + 1)
        server.start()
        began, done = time.monotonic(), len(worker.named("run.succeeded"))
        eventually(lambda: len(worker.named("run.succeeded")) > done, within=30, what="the next run")
        assert time.monotonic() - began < BACK_WITHIN_S
        worker.wait_for_event("run.timed_out", within=10, entry="slow", limit="hard")
        failed = worker.wait_for_event("run.failed", within=10, entry="slow")
        assert "longer than its timeout of 2s" in failed["error"]
        which = "broker" if of_its_own else "store"
        worker.wait_for_event(f"{which}.reachable", within=10, pid=worker.pid)
        assert len(worker.named(f"{which}.unreachable", pid=worker.pid)) == 1
        assert not [line for line in worker.out if "annot connect" in line]


def _has_ended(pid: int) -> bool:
    """Ended, though its worker may not have taken notice yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
