"""`celery -A scheduler.celery_app …` does what Onbeat's own commands do."""

import json
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from tests.support.process import finished, started
from tests.support.project import SCHEDULES, Project

CELERY = (sys.executable, "-m", "celery", "-A", "scheduler.celery_app")


def test_celerys_own_commands_run_a_beat_and_a_worker_of_onbeat(project: Project) -> None:
    environ = {**project.environ, "PYTHONPATH": str(Path.cwd())}
    place = {"directory": project.directory, "environ": environ, "program": CELERY}
    with (
        started("beat", "--pidfile", "", **place) as beat,  # type: ignore[arg-type]
        started("worker", "-c", "1", "--pool", "prefork", **place) as worker,  # type: ignore[arg-type]
    ):
        run = worker.wait_for_event("run.succeeded", within=40, entry="hello")
        assert run["result"] == "hello world"
        project.schedules(SCHEDULES.replace("hello]", "changed]"))
        beat.wait_for_event("schedules.applied", added=1, removed=1)
        beat.send(signal.SIGHUP)
        beat.wait_for_event("schedules.applied", added=0, changed=0)
        beat.send(signal.SIGTERM)
        assert beat.wait(within=20) == 0
        assert beat.named("beat.started")
        assert beat.named("beat.stopped")
        assert {event["process"] for event in beat.events} == {"beat"}
        worker.send(signal.SIGTERM)
        assert worker.wait(within=30) == 0
        assert worker.named("worker.stopped")


def test_a_beat_within_a_worker_is_a_beat_of_onbeat_too(project: Project) -> None:
    environ = {**project.environ, "PYTHONPATH": str(Path.cwd())}
    place = {"directory": project.directory, "environ": environ, "program": CELERY}
    with started("worker", "-B", "-c", "1", **place) as worker:  # type: ignore[arg-type]
        worker.wait_for_event("run.succeeded", within=40, entry="hello")
        worker.send(signal.SIGTERM)
        assert worker.wait(within=30) == 0
        stopped = worker.named("beat.stopped")
    assert [event["process"] for event in stopped] == ["beat"]
    assert {event["process"] for event in worker.named("tick.dispatched")} == {"beat"}


def test_a_file_that_cant_be_used_ends_celerys_beat_with_the_same_exit_code(project: Project) -> None:
    project.schedules("[schedules.hello]\njob = 'no.such'\n")
    environ = {**project.environ, "PYTHONPATH": str(Path.cwd())}
    with started("beat", directory=project.directory, environ=environ, program=CELERY) as beat:
        assert beat.wait(within=30) == 3
        assert beat.named("schedules.rejected", process="beat")


def test_the_scheduler_refuses_another_celery_app(project: Project) -> None:
    project.write("shop.py", 'from celery import Celery\napp = Celery("shop", broker="memory://")\n')
    environ = {**project.environ, "PYTHONPATH": str(Path.cwd())}
    program = (sys.executable, "-m", "celery", "-A", "shop")
    arguments = ("beat", "-S", "scheduler.beat.redbeat_scheduler.OnbeatScheduler")
    ended = finished(*arguments, directory=project.directory, environ=environ, program=program)
    assert ended.code == 2
    assert "OnbeatScheduler is for Onbeat's own Celery app, and this is 'shop'" in ended.err


def test_the_scheduler_is_redbeats_with_its_settings(project: Project) -> None:
    script = project.write(
        "look.py",
        """
        import json
        from redbeat import RedBeatScheduler
        from redbeat.schedulers import ensure_conf
        from scheduler.celery_app import app
        from scheduler.beat.redbeat_scheduler import OnbeatScheduler

        conf = ensure_conf(app)
        print(json.dumps([issubclass(OnbeatScheduler, RedBeatScheduler), conf.schedule_key, conf.lock_key,
                          app.conf.timezone, app.conf.task_default_queue, app.conf.beat_scheduler]))
        """,
    )
    with started(
        directory=project.directory, environ=project.environ, program=(sys.executable, str(script))
    ) as looked:
        looked.wait(within=20)
        found = json.loads(looked.out[-1])
    assert found == [
        True,
        "redbeat::schedule",
        None,
        "UTC",
        "default",
        "scheduler.beat.redbeat_scheduler:OnbeatScheduler",
    ]


JOBS_THAT_TAKE_LONG = """
from scheduler import job
import time

@job
def hello(name: str = "world") -> str:
    return f"hello {name}"

@job
def waits() -> None:
    while True:
        time.sleep(0.1)

@job
def fails() -> None:
    raise ValueError("no")
"""
ENTRIES_BY_HAND = """
[schedules.hello]
job = "jobs.hello"
[schedules.fails]
job = "jobs.fails"
[schedules.waits]
job = "jobs.waits"
"""


def test_celerys_remote_control_and_its_events_work_with_a_worker_of_onbeat(project: Project) -> None:
    project.jobs(JOBS_THAT_TAKE_LONG)
    project.schedules(ENTRIES_BY_HAND)
    project.environ["ONBEAT_SHUTDOWN_GRACE"] = "100ms"
    environ = {**project.environ, "PYTHONPATH": str(project.directory), "PYTHONUNBUFFERED": "1"}
    place = {"directory": project.directory, "environ": environ, "program": CELERY}

    def celery(*arguments: str) -> Any:
        """What the worker answers; one that is named keeps nobody waiting for others."""
        name = f"onbeat-{worker.pid}@{socket.gethostname()}"
        done = finished(*arguments, "-d", name, "--timeout", "20", "--json", **place)  # type: ignore[arg-type]
        found = json.loads(done.expect().out)
        return (found[0] if isinstance(found, list) else found)[name]

    with (
        project.start("beat") as beat,
        project.start("worker", "-c", "2") as worker,
        started("events", "--dump", **place) as dump,  # type: ignore[arg-type]
    ):
        beat.wait_for_event("schedules.applied", within=30)
        worker.wait_for_event("worker.started", within=30)
        assert celery("inspect", "ping") == {"ok": "pong"}
        assert celery("control", "enable_events") == {"ok": "task events enabled"}
        dump.wait_for_line("heartbeat", within=20)
        for entry in ("hello", "fails", "waits"):
            project.run("trigger", entry).expect()
        dump.wait_for_line("task succeeded: jobs.hello", within=20)
        assert "result='hello world'" in dump.wait_for_line("task succeeded: jobs.hello")
        assert "exception=ValueError('no')" in dump.wait_for_line("task failed: jobs.fails", within=20)
        run = worker.wait_for_event("run.started", within=20, entry="waits")
        (active,) = celery("inspect", "active")
        assert (active["id"], active["name"]) == (run["run_id"], "jobs.waits")
        stats = celery("inspect", "stats")
        assert stats["total"] == {"jobs.hello": 1, "jobs.fails": 1, "jobs.waits": 1}
        assert stats["pool"]["max-concurrency"] == 2
        assert celery("control", "shutdown") == {"ok": "takes no more; running jobs may end within 100ms"}
        draining = worker.wait_for_event("worker.draining", within=20)
        assert (draining["signal"], draining["running"]) == ("celery control shutdown", 1)
        assert worker.wait(within=20) == 0
        assert worker.named("worker.stopped")[0]["handed_back"] == 1
        assert worker.named("run.interrupted", run_id=run["run_id"])
        assert beat.stop() == 0
