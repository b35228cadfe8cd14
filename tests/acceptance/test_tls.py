"""TLS to one server, behind Sentinel and in a Cluster: the store, the broker, results and RedBeat's API all use it."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.process import OnbeatProcess, finished
from tests.support.project import Project
from tests.support.several_servers import cluster, under_sentinel
from tests.support.valkey import CERTIFICATE, KEY, ValkeyServer

pytestmark = [
    pytest.mark.tls_server,
    pytest.mark.timeout(120),
    # Python leaves a socket unclosed whose peer resets it just before the handshake.
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"
    ),
]

SCHEDULES = """
[schedules.often]
job = "jobs.hello"
interval = "1s"
retry = { max_attempts = 5, initial = "0s" }
"""
APPLICATION = """
    import json
    from celery.schedules import schedule
    from redbeat import RedBeatSchedulerEntry
    from jobs import hello
    from scheduler.celery_app import app

    RedBeatSchedulerEntry("api", "jobs.hello", schedule(run_every=3600), app=app).save()
    result = hello.delay("there")
    print(json.dumps(result.get(timeout=20) if app.conf.result_backend else None))
"""


@contextmanager
def deployment(project: Project) -> Iterator[OnbeatProcess]:
    project.schedules(SCHEDULES)
    with project.start("beat") as beat, project.start("worker", "-c", "1") as worker:
        worker.wait_for_event("run.succeeded", within=30, count=2)
        yield worker
        assert beat.stop() == worker.stop() == 0
        assert beat.strays == worker.strays == []


def application(project: Project) -> Any:
    """What a program with this app gets from a job; it saves an entry by RedBeat's API too."""
    script = project.write("ask.py", APPLICATION)
    environ = {**project.environ, "PYTHONPATH": str(project.directory)}
    done = finished(directory=project.directory, environ=environ, program=(sys.executable, str(script)))
    answer = json.loads(done.expect().out)
    assert "api" in {each["entry"] for each in project.run("entries", "--json").expect().json()}
    return answer


def is_followed(project: Project, server: ValkeyServer, worker: OnbeatProcess) -> None:
    """The server dies: another takes its place, and runs succeed again. That may be too quick to be an outage."""
    server.kill()
    before = len(worker.named("run.succeeded"))
    worker.wait_for_event("run.succeeded", within=60, count=before + 3)
    assert json.loads(project.run("status", "--json").expect().out)["ledger"]["unaccounted"] == 0


def test_a_server_and_another_broker_that_ask_for_a_certificate_of_ours_too(
    project: Project, new_valkey: Callable[..., ValkeyServer]
) -> None:
    server = new_valkey(tls=True, requirepass="hush hush")
    with server.client() as client:
        client.config_set("tls-auth-clients", "yes")
    mine = f"{server.url.replace('hush hush', 'hush%20hush')}&ssl_certfile={CERTIFICATE}&ssl_keyfile={KEY}"
    another = mine.replace("/0?", "/1?")
    project.environ |= {
        "ONBEAT_REDIS_URL": mine,
        "ONBEAT_BROKER_URL": another,
        "ONBEAT_RESULT_BACKEND": another,
    }
    with deployment(project):
        assert application(project) == "hello there"
    project.environ["ONBEAT_REDIS_URL"] = mine.partition("?")[0]
    refused = project.run("status").expect(4)
    assert "can't be reached by TLS: its certificate is not accepted: self-signed certificate" in refused.err
    assert "hush" not in refused.err


def test_behind_sentinel(project: Project) -> None:
    with under_sentinel("main", tls=True) as (url, primary, _):
        project.environ |= {"ONBEAT_REDIS_URL": url, "ONBEAT_RESULT_BACKEND": url}
        with deployment(project) as worker:
            assert application(project) == "hello there"
            is_followed(project, primary, worker)


def test_in_a_cluster(project: Project) -> None:
    prefix = "{onbeat}:"
    with cluster(prefix, tls=True) as (url, _):
        project.environ |= {"ONBEAT_REDIS_URL": url, "ONBEAT_KEY_PREFIX": prefix}
        with deployment(project):
            assert application(project) is None


def test_a_file_that_can_not_be_read_is_named(project: Project, tmp_path: Path) -> None:
    project.environ["ONBEAT_REDIS_URL"] = f"rediss://127.0.0.1:1/0?ssl_ca_certs={tmp_path}/none.pem"
    done = project.run("status").expect(3)
    assert f"ONBEAT_REDIS_URL: ssl_ca_certs names {tmp_path}/none.pem, which can't be read" in done.err
