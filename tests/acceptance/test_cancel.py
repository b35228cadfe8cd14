"""`onbeat cancel` as a person types it: what waits, what runs, and what does not want to end."""

from contextlib import ExitStack

import pytest

from scheduler.run import RunState
from scheduler.store import Keys, Store, connect
from tests.support.process import OnbeatProcess
from tests.support.project import Project
from tests.support.runs import asked_for
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

JOBS = """
import asyncio
import signal
import time
from pathlib import Path

from scheduler import Cancelled, job


@job
def tidy():
    try:
        time.sleep(60)
    except Exception:
        return "took it for an error"
    except Cancelled:
        Path("tidied").write_text("up")
        raise


@job
def stubborn():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(60)


@job
async def later():
    await asyncio.sleep(60)


@job
def finishes():
    try:
        time.sleep(60)
    except Cancelled:
        return "done all the same"


@job
def fails():
    raise ValueError("broken")
"""

SCHEDULES = """
[schedules.tidy]
job = "jobs.tidy"
retry = { max_attempts = 3 }
[schedules.stubborn]
job = "jobs.stubborn"
retry = { max_attempts = 3 }
[schedules.later]
job = "jobs.later"
[schedules.finishes]
job = "jobs.finishes"
[schedules.command]
job = "onbeat.command"
kwargs = { shell = "trap 'echo got TERM; exit 3' TERM; echo ready; sleep 60 & wait" }
[schedules.retries]
job = "jobs.fails"
retry = { max_attempts = 2, initial = "1h", max = "1h" }
[schedules.nowhere]
job = "jobs.fails"
queue = "nobody"
"""


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    return Store(connect(valkey.url), Keys())


def ended(store: Store, run_id: str, within: float = 5) -> RunState:
    def final() -> RunState | None:
        run = store.runs.get(run_id)
        return run.state if run is not None and run.state.final else None

    return eventually(final, within=within, what=f"the end of {run_id}")  # type: ignore[return-value]


def begun(store: Store, worker: OnbeatProcess, entry: str) -> str:
    run_id = asked_for(store, entry)
    worker.wait_for_event("run.started", run_id=run_id)
    return run_id


def test_runs_are_stopped_wherever_they_are(project: Project, store: Store) -> None:
    project.jobs(JOBS)
    project.schedules(SCHEDULES)
    project.environ["ONBEAT_CANCEL_GRACE"] = "1s"
    with (
        ExitStack() as stack,
        project.start("beat") as beat,
        project.start("worker", "-Q", "default", "-c", "5") as worker,
    ):
        beat.wait_for_event("schedules.applied", within=30)
        worker.wait_for_event("worker.started", within=30)
        retries = begun(store, worker, "retries")
        worker.wait_for_event("run.retrying", run_id=retries)
        running = {
            entry: begun(store, worker, entry)
            for entry in ("tidy", "stubborn", "later", "finishes", "command")
        }
        eventually(lambda: _said(store, running["command"], "ready"), what="the command's first line")
        waiting = stack.enter_context(project.start("trigger", "nowhere", "--wait"))
        waits = eventually(lambda: next(iter(store.runs.active("nowhere")), ""), what="the run that waits")
        ids = [waits, retries, *running.values()]
        answers = project.run("cancel", *ids, "--reason", "a test", "--json").expect(0).json()
        assert [answer["answer"] for answer in answers] == ["cancelled"] * 2 + ["asked"] * 5
        states = {entry: ended(store, run_id) for entry, run_id in running.items()}
        assert states == dict.fromkeys(states, RunState.CANCELLED) | {"finishes": RunState.SUCCEEDED}
        assert {ended(store, run_id) for run_id in (waits, retries)} == {RunState.CANCELLED}
        assert waiting.wait() == 1
        assert "cancelled" in waiting.transcript()

        assert (project.directory / "tidied").read_text() == "up"
        assert _said(store, running["command"], "got TERM")
        told = worker.wait_for_event("run.cancelled", run_id=running["tidy"])
        assert told["by"]
        assert told["reason"] == "a test"
        killed = worker.wait_for_event("run.cancelled", run_id=running["stubborn"])
        assert "SIGKILL" in killed["error"]
        beat.wait_for_event("run.cancelled", run_id=waits)
        beat.wait_for_event("run.cancelling", run_id=running["tidy"])
        assert not worker.named("run.retrying", run_id=running["tidy"])

        again = project.run("cancel", waits, running["finishes"]).expect(0)
        assert "had ended: cancelled" in again.out
        assert "had ended: succeeded" in again.out
        refused = project.run("cancel", retries, "no-such-run")
        assert refused.code == 5
        assert "no run 'no-such-run'" in refused.err
        shown = project.run("run", running["tidy"]).expect(0).out
        assert ": a test" in shown

        (project.directory / "tidied").unlink()
        given_away = {entry: begun(store, worker, entry) for entry in ("tidy", "stubborn")}
        for run_id in given_away.values():
            store.client.hset(store.keys.run(run_id), "w", "another worker")
        fenced = worker.wait_for_event("run.duplicate", run_id=given_away["tidy"])
        assert "its lease was lost" in fenced["why"]
        assert (project.directory / "tidied").read_text() == "up"
        child = worker.named("run.started", run_id=given_away["stubborn"])[0]["pid"]
        eventually(
            lambda: child not in worker.alive(), within=10, what="the end of a job that ignores SIGTERM"
        )
    assert worker.strays == []


def _said(store: Store, run_id: str, text: str) -> bool:
    return any(line["message"] == text for _, line in store.logs.read(run_id))
