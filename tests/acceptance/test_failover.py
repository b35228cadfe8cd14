"""The server fails and another takes its place, by Sentinel and in a Cluster: beats and workers go on by themselves."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.process import OnbeatProcess
from tests.support.project import Project
from tests.support.several_servers import cluster, under_sentinel

SCHEDULES = """
[schedules.often]
job = "jobs.hello"
interval = "1s"
retry = { max_attempts = 5, initial = "0s" }
"""

pytestmark = pytest.mark.timeout(120)


@contextmanager
def deployment(project: Project) -> Iterator[tuple[OnbeatProcess, OnbeatProcess]]:
    project.write("schedules.toml", SCHEDULES)
    with project.start("beat") as beat, project.start("worker", "-c", "1") as worker:
        worker.wait_for_event("run.succeeded", within=30, count=2)
        yield beat, worker


def goes_on(project: Project, beat: OnbeatProcess, worker: OnbeatProcess) -> None:
    """Runs succeed again, every tick has its disposition, and everybody ends in order."""
    before = len(worker.named("run.succeeded"))
    worker.wait_for_event("run.succeeded", within=30, count=before + 3)
    status = json.loads(project.run("status", "--json").expect(0).out)
    assert status["ledger"]["unaccounted"] == 0
    assert status["ledger"]["expected"] >= before
    assert project.run("health", "worker").code == 0
    triggered = project.run("trigger", "often", "--wait", within=60).expect(0)
    assert "succeeded" in triggered.err
    assert worker.stop() == 0
    assert beat.stop() == 0
    assert beat.strays == worker.strays == []


def test_a_primary_that_dies_under_sentinel_is_followed(project: Project) -> None:
    with under_sentinel("main") as (url, primary, _):
        project.environ["ONBEAT_REDIS_URL"] = url
        with deployment(project) as (beat, worker):
            primary.kill()
            beat.wait_for_event("store.unreachable", within=15)
            beat.wait_for_event("store.reachable", within=30)
            goes_on(project, beat, worker)


def test_a_node_of_a_cluster_that_dies_is_followed(project: Project) -> None:
    prefix = "{onbeat}:"
    with cluster(prefix) as (url, owner):
        project.environ |= {"ONBEAT_REDIS_URL": url, "ONBEAT_KEY_PREFIX": prefix}
        with deployment(project) as (beat, worker):
            owner.kill()
            beat.wait_for_event("store.unreachable", within=15)
            beat.wait_for_event("store.reachable", within=30)
            goes_on(project, beat, worker)


def test_a_cluster_without_a_tag_in_the_prefix_is_refused(project: Project) -> None:
    project.environ |= {"ONBEAT_REDIS_URL": "cluster://127.0.0.1:1", "ONBEAT_KEY_PREFIX": "team:"}
    done = project.run("status").expect(3)
    assert "ONBEAT_KEY_PREFIX: on a Redis Cluster all keys must be in one slot" in done.err
    assert "{onbeat}:" in done.err


def test_sentinels_that_nobody_answers_for_are_named(project: Project) -> None:
    project.environ["ONBEAT_REDIS_URL"] = "sentinel://:secret@127.0.0.1:1,127.0.0.1:2/main"
    done = project.run("status").expect(4)
    assert "nobody says where the master 'main' is" in done.err
    assert "secret" not in done.err
