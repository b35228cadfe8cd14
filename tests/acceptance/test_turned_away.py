"""Messages that a real worker turns away before a job begins: what becomes of their runs."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from scheduler.epoch import milliseconds
from scheduler.message import Doorbell, envelope
from scheduler.message_form import opened
from scheduler.publisher import StorePublisher
from scheduler.run import Call, RunState
from scheduler.store import Keys, Store, connect
from tests.support.process import OnbeatProcess, finished
from tests.support.project import Project
from tests.support.runs import end_of
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    return Store(connect(valkey.url), Keys())


@pytest.fixture
def worker(project: Project) -> Iterator[OnbeatProcess]:
    with project.start("worker", "-c", "1") as process:
        process.wait_for_event("worker.started", within=30)
        yield process


def ask(
    store: Store,
    run_id: str,
    job: str,
    queued_ago: timedelta = timedelta(0),
    kwargs: dict[str, Any] | None = None,
) -> None:
    """A run of `job` whose message has been around for so long."""
    now = store.presence.now()
    store.runs.create(
        run_id, Call(job=job, kwargs=kwargs or {}), entry="e", trigger="manual", scheduled_at=now
    )
    store.client.hset(store.keys.run(run_id), "qa", milliseconds(now - queued_ago))
    StorePublisher(store).publish([(run, text, 1) for run, text in store.runs.calls([run_id]).values()])


def test_a_job_that_no_worker_knows_fails_after_a_while_and_says_why(
    store: Store, worker: OnbeatProcess
) -> None:
    ask(store, "old", "jobs.gone", queued_ago=timedelta(minutes=3))
    run = end_of(store, "old")
    assert run.state is RunState.FAILED
    assert run.error is not None
    assert "this worker has no job 'jobs.gone'" in run.error
    assert worker.wait_for_event("run.failed", run_id="old")["entry"] == "e"
    assert store.runs.active("e") == set()


def test_in_the_middle_of_a_deployment_its_run_waits_for_a_worker_that_knows_it(
    store: Store, worker: OnbeatProcess
) -> None:
    ask(store, "young", "jobs.gone")
    assert worker.wait_for_event("message.refused", run_id="young")["job"] == "jobs.gone"
    eventually(store.refusals.newest, what="the message that was put aside")
    (kept,) = store.refusals.newest()
    assert kept.reason == "this worker has no job 'jobs.gone'"
    assert opened(kept.item).headers["id"] == "young"
    ask(store, "next", "jobs.hello")
    assert end_of(store, "next").state is RunState.SUCCEEDED
    run = store.runs.get("young")
    assert run is not None
    assert run.state is RunState.QUEUED


def test_a_task_whose_expires_has_passed_is_on_record_as_expired(
    project: Project, store: Store, worker: OnbeatProcess
) -> None:
    sent = send(project, "jobs.hello.apply_async(expires=-1)")
    assert end_of(store, sent).state is RunState.EXPIRED
    assert worker.wait_for_event("run.expired", run_id=sent)["job"] == "jobs.hello"


def test_a_run_that_celery_was_told_to_revoke_is_cancelled(
    project: Project, store: Store, worker: OnbeatProcess
) -> None:
    send(
        project,
        "app.control.revoke('revoked', reply=True, timeout=1) and jobs.hello.apply_async(task_id='kept')",
    )
    ask(store, "revoked", "jobs.hello")
    assert end_of(store, "revoked").state is RunState.CANCELLED
    assert end_of(store, "kept").state is RunState.SUCCEEDED


def test_a_run_that_celery_was_told_to_terminate_is_cancelled_as_by_our_own_command(
    project: Project, store: Store, worker: OnbeatProcess
) -> None:
    ask(store, "long", "onbeat.command", kwargs={"argv": ["sleep", "60"]})
    worker.wait_for_event("run.started", run_id="long")
    send(
        project,
        "app.control.revoke('long', terminate=True, reply=True, timeout=1)"
        " and jobs.hello.apply_async(task_id='next')",
    )
    run = end_of(store, "long")
    assert (run.state, run.reason) == (RunState.CANCELLED, "by celery revoke")
    assert end_of(store, "next").state is RunState.SUCCEEDED


def send(project: Project, expression: str) -> str:
    """What an application does with Celery's own means; the id of the task that it sent."""
    import sys

    script = project.write(
        "send.py", f"import jobs\nfrom scheduler.celery_app import app\nprint(({expression}).id)\n"
    )
    environ = {**project.environ, "PYTHONPATH": str(project.directory)}
    done = finished(directory=project.directory, environ=environ, program=(sys.executable, str(script)))
    return done.expect(0).out.strip()


def test_messages_of_any_form_start_nothing_and_hurt_nobody(
    project: Project, store: Store, worker: OnbeatProcess
) -> None:
    """Each of the forms that end a stock worker, or that it drops, or puts back for the next worker to die of."""
    bell = Doorbell(run_id="unknown", entry="e", scheduled_at=store.presence.now(), attempt=1)
    good = json.loads(envelope(json.dumps({"job": "jobs.hello"}), bell))
    headers, properties = good["headers"], good["properties"]
    claimed = [
        good,
        {**good, "headers": {**headers, "id": "early", "onbeat": {"attempt": 7}}},
    ]
    refused: dict[str, str | bytes] = {
        "it is not JSON": b"\xffnope",
        "it is a list": "[]",
        "its body is not base64": json.dumps({**good, "body": "abc"}),
        "it has no properties": json.dumps({**good, "properties": None}),
        "it has no delivery_tag": json.dumps({**good, "properties": {**properties, "delivery_tag": None}}),
        "its delivery_info": json.dumps({**good, "properties": {**properties, "delivery_info": {}}}),
        "its headers are": json.dumps({**good, "headers": []}),
        "it can't be decoded": json.dumps({**good, "body": "bm9wZQ=="}),
        "it is not well formed": json.dumps({**good, "body": "W10="}),
        "its content type is 'application/x-python": json.dumps(
            {**good, "content-type": "application/x-python-serialize"}
        ),
        "its content type is None": json.dumps({**good, "content-type": None}),
        "its eta is": json.dumps({**good, "headers": {**headers, "eta": "soon"}}),
        "it asks for no job": json.dumps({**good, "headers": {}, "body": "e30="}),
        "this worker has no job": json.dumps({**good, "headers": {**headers, "task": "jobs.none"}}),
        "its header 'onbeat' can't be read": json.dumps(
            {**good, "headers": {**headers, "id": "odd", "onbeat": "a text"}}
        ),
    }
    for item in (*map(json.dumps, claimed), *refused.values()):
        store.client.lpush("default", item)
    assert worker.wait_for_event("run.duplicate", run_id="unknown")["why"] == "no such run"
    assert worker.wait_for_event("run.duplicate", run_id="early")["why"] == "no such run"
    eventually(lambda: len(worker.named("message.refused")) == len(refused), what="all of the others")
    reasons = [event["reason"] for event in worker.named("message.refused")]
    assert [begin for begin in refused if not any(reason.startswith(begin) for reason in reasons)] == []
    ask(store, "next", "jobs.hello")
    assert end_of(store, "next").state is RunState.SUCCEEDED
    assert worker.named("run.started", run_id="unknown") == []
    assert worker.named("process.log") == []
    assert worker.strays == []
    look_after(project, store, len(refused))


def look_after(project: Project, store: Store, count: int) -> None:
    """What a person does with them."""
    eventually(lambda: store.refusals.count() == count, what="all of them in quarantine")
    listed = json.loads(project.run("quarantine", "--json").expect(0).out)
    unknown = next(each for each in listed if each["reason"].startswith("this worker has no job"))
    assert unknown["message"]["headers"]["task"] == "jobs.none"
    assert unknown["message"]["body"].startswith("[[], {}")
    assert "jobs.none" in project.run("quarantine", unknown["id"][:6]).expect(0).out
    assert f"{count} messages were refused" in project.run("status").expect(0).out
    assert (
        project.run("quarantine", unknown["id"], "--replay").expect(0).out
        == "1 message is in the queue again.\n"
    )
    eventually(
        lambda: store.refusals.newest(1)[0].id != listed[0]["id"],
        what="the same message refused anew",
    )
    assert project.run("quarantine", "--all", "--drop").expect(0).out == f"{count} messages are dropped.\n"
    assert "No message was refused." in project.run("quarantine").expect(0).err
