"""A secret that a job gets as an argument, and one of the settings: no line and no command shows them."""

import json

from scheduler.run import RunState
from scheduler.store import Keys, Store, connect
from tests.support.project import Project
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

JOBS = """
import logging
import os
import subprocess
import structlog
from scheduler import job

@job
def leak(url: str, key: str, region: str) -> dict:
    print("connecting to", url)
    logging.getLogger(__name__).warning("with %s", key)
    structlog.get_logger().info("request", headers={"Authorization": "Bearer abc"}, tokens_used=12)
    subprocess.run(["echo", f"a child says {key}"], check=True)
    print(os.environ["ONBEAT_SIGNING_KEY"])
    if region == "eu":
        raise ValueError(f"{key} was refused")
    return {"url": url, "password": "x1", "region": region}
"""
SCHEDULES = """
secrets = ["UPSTREAM"]
[defaults]
job = "jobs.leak"
kwargs = { url = "${UPSTREAM}/v1", key = "${UPSTREAM_API_KEY}", region = "${REGION}" }
[schedules.fails]
[schedules.works]
kwargs.region = "us"
"""
SECRETS = {
    "UPSTREAM": "https://internal.example",
    "UPSTREAM_API_KEY": "k3y-0f-l1fe",
    "ONBEAT_SIGNING_KEY": "s1gn-me",
}


def test_secrets_are_masked_in_every_line_and_every_command(project: Project, valkey: ValkeyServer) -> None:
    project.write("jobs/__init__.py", JOBS)
    project.write("schedules.toml", SCHEDULES)
    project.environ |= {**SECRETS, "REGION": "eu"}
    store = Store(connect(valkey.url), Keys())
    with project.start("beat") as beat, project.start("worker", "-c", "1") as worker:
        beat.wait_for_event("schedules.applied", within=30)
        worker.wait_for_event("worker.started", within=30)
        runs = {
            name: json.loads(project.run("trigger", name, "--json").expect(0).out)["run_id"]
            for name in ("fails", "works")
        }
        for name, state in (("fails", RunState.FAILED), ("works", RunState.SUCCEEDED)):
            assert eventually(lambda n=name: _ended(store, runs[n]), within=15) is state  # type: ignore[misc]
        shown = [project.run(*words).expect(0).out for words in _looks(runs)]
        shown += [*worker.out, *beat.out, *worker.err, *beat.err]
    for text in shown:
        assert [value for value in SECRETS.values() if value in text] == []
    written = "\n".join(worker.out)
    assert "***/v1" in written
    assert '"Authorization": "***"' in written
    assert '"tokens_used": 12' in written
    failed = store.runs.get(runs["fails"])
    assert failed is not None
    assert failed.error == "ValueError: *** was refused"
    worked = store.runs.get(runs["works"])
    assert worked is not None
    assert worked.result == {"url": "***/v1", "password": "***", "region": "us"}


def test_a_secret_of_the_worker_is_nowhere_in_the_server(project: Project, valkey: ValkeyServer) -> None:
    project.write(
        "schedules.toml",
        """
        [schedules.dump]
        job = "onbeat.command"
        kwargs = { shell = 'echo "password $PGPASSWORD"; exit 3', env = { PGPASSWORD = "$${SHOP_PASSWORD}" } }
        """,
    )
    secret = "hush-hush-hush"
    with project.start("beat") as beat, project.start("worker", "-c", "1", SHOP_PASSWORD=secret) as worker:
        beat.wait_for_event("schedules.applied", within=30)
        worker.wait_for_event("worker.started", within=30)
        project.run("trigger", "dump").expect()
        worker.wait_for_event("run.failed", within=20)
        assert worker.named("run.log", message="password ***")
    with valkey.client(decode=False) as client:
        kept = b"".join(client.dump(key) for key in client.scan_iter())
        assert client.hget("redbeat:dump", "definition").count(b"${SHOP_PASSWORD}") == 1
    assert secret.encode() not in kept
    assert secret not in "\n".join([*worker.out, *beat.out])


def _ended(store: Store, run_id: str) -> RunState | None:
    run = store.runs.get(run_id)
    return run.state if run is not None and run.state.final else None


def _looks(runs: dict[str, str]) -> list[tuple[str, ...]]:
    fails, works = runs["fails"], runs["works"]
    looks: list[tuple[str, ...]] = [("logs", run_id, "--json") for run_id in (fails, works)]
    looks += [("run", fails), ("run", works, "--json"), ("show", "works"), ("show", "fails", "--json")]
    return [*looks, ("explain", "works"), ("entries", "--json"), ("settings",)]


def test_a_wrong_value_of_a_secret_variable_is_not_shown_by_check(project: Project) -> None:
    project.write("schedules.toml", '[schedules.x]\njob = "jobs.hello"\ninterval = "${MY_TOKEN}"\n')
    done = project.run("check", MY_TOKEN="s3cret-" + "x" * 80).expect(3)
    assert "s3cret" not in done.out + done.err
    assert "'***" in done.out + done.err
