"""`celery -A scheduler.celery_app …` does what Onbeat's own commands do."""

import json
import signal
import sys
from pathlib import Path

from tests.support.process import started
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
        beat.send(signal.SIGTERM)
        beat.wait(within=20)
        worker.send(signal.SIGTERM)
        assert worker.wait(within=30) == 0
        assert worker.named("worker.stopped")


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
