"""Jobs that do not want to end: the hard time-out ends them, and nothing that they started lives on."""

import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from scheduler.publisher import StorePublisher
from scheduler.run import Call, Run, RunState
from scheduler.store import Keys, Store, connect
from tests.support.project import Project
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

JOBS = r"""
import asyncio, ctypes, os, re, signal, subprocess, sys
from scheduler import job

def start(name, **options):
    return subprocess.Popen([sys.executable, "-S", "sleeper.py", name], **options)

def wait_for(*names):
    while not all(os.path.exists(name + ".pid") and os.path.getsize(name + ".pid") for name in names):
        pass

@job
async def swallows():
    while True:
        try:
            await asyncio.sleep(600)
        except BaseException:
            pass

@job
def holds_the_lock():
    signal.pthread_sigmask(signal.SIG_BLOCK, set(range(1, 65)) - {9, 19})
    ctypes.PyDLL(None).sleep(600)

@job
def backtracks():
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    re.match(r"(a+)+$", "a" * 60 + "b")

@job
def starts_others():
    start("in_group")
    start("own_session", start_new_session=True)
    start("no_environment", start_new_session=True, env={})
    subprocess.run([sys.executable, "-S", "sleeper.py", "orphan", "and leave"], check=True)
    wait_for("in_group", "own_session", "no_environment", "orphan")
    signal.pause()

@job
def leaves_a_daemon():
    start("daemon", start_new_session=True)
    wait_for("daemon")

@job
def outlives():
    start("remains", start_new_session=True)
    signal.pause()

@job
def dies():
    start("of_the_dead", start_new_session=True)
    wait_for("of_the_dead")
    os.kill(os.getpid(), 9)
"""
SLEEPER = """
import os, signal, sys, time
if sys.argv[2:] and os.fork():
    os._exit(0)
if sys.argv[2:]:
    os.setsid()
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[1] + ".pid", "w").write(str(os.getpid()))
time.sleep(600)
"""
LIMIT = timedelta(seconds=4)
TOO_LONG = "TimeLimitExceeded: the job took longer than its timeout of 4s"
STUBBORN = ("swallows", "holds_the_lock", "backtracks", "starts_others")
STARTED = ("in_group", "own_session", "no_environment", "orphan", "of_the_dead")


@pytest.mark.slow
def test_nothing_of_a_job_outlives_its_hard_time_out_or_its_child(
    project: Project, valkey: ValkeyServer
) -> None:
    project.write("jobs/__init__.py", JOBS)
    project.write("sleeper.py", SLEEPER)
    store = Store(connect(valkey.url), Keys())
    names = (*STUBBORN, "dies")
    with project.start("worker", "-c", str(len(names))) as worker:
        worker.wait_for_event("worker.started", within=30)
        runs = {name: _asked(store, name) for name in names}
        ended = {name: _end_of(store, run_id) for name, run_id in runs.items()}
        errors = {name: run.error for name, run in ended.items()}
        lost = "worker lost: the job's process was ended by SIGKILL: out of memory, or kill -9"
        assert errors == {**dict.fromkeys(names, TOO_LONG), "dies": lost}
        pids = {name: int((project.directory / f"{name}.pid").read_text()) for name in STARTED}
        eventually(lambda: not any(map(_lives, pids.values())), what=f"the end of {pids}")
        assert len(worker.named("run.timed_out", limit="hard")) == len(names) - 1
        _end_of(store, _asked(store, "leaves_a_daemon"), RunState.SUCCEEDED)
        lost = _asked(store, "outlives")
        written = project.directory / "remains.pid"
        remains = int(eventually(lambda: written.exists() and written.read_text(), within=20) or 0)
        daemon = int((project.directory / "daemon.pid").read_text())
        os.kill(worker.pid, signal.SIGKILL)
        with project.start("worker", "-c", "2") as another:
            said = another.wait_for_event("run.remains", within=30)
            assert (said["run_id"], said["processes"]) == (lost, 1)
            eventually(lambda: not _lives(remains), what="the end of what the lost attempt had started")
            assert _lives(daemon), "the daemon of a run that ended by itself is its own"
            assert another.stop() == 0
        os.kill(daemon, signal.SIGKILL)


def _asked(store: Store, name: str) -> str:
    run_id = f"run-of-{name}"
    soft = LIMIT / 2 if name == "swallows" else None
    call = Call(job=f"jobs.{name}", timeout=LIMIT if name in STUBBORN else None, soft_timeout=soft)
    store.runs.create(run_id, call, entry="e", trigger="manual", scheduled_at=store.presence.now())
    StorePublisher(store).publish([(run, text, 1) for run, text in store.runs.calls([run_id]).values()])
    return run_id


def _end_of(store: Store, run_id: str, state: RunState = RunState.FAILED) -> Run:
    def ended() -> Run | None:
        run = store.runs.get(run_id)
        return run if run is not None and run.state is state else None

    run = eventually(ended, within=30, what=f"the end of {run_id}")
    assert run is not None
    return run


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
