"""Messages that a real worker turns away before a job begins: what becomes of their runs."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from scheduler.message import Doorbell, envelope
from scheduler.publisher import StorePublisher
from scheduler.run import Call, Run, RunState
from scheduler.store import Keys, Store, connect
from scheduler.store.moments import milliseconds
from tests.support.process import OnbeatProcess, finished
from tests.support.project import Project
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


def ask(store: Store, run_id: str, job: str, queued_ago: timedelta = timedelta(0)) -> None:
    """A run of `job` whose message has been around for so long."""
    now = store.presence.now()
    store.runs.create(run_id, Call(job=job), entry="e", trigger="manual", scheduled_at=now)
    store.client.hset(store.keys.run(run_id), "qa", milliseconds(now - queued_ago))
    StorePublisher(store).publish([(run, text, 1) for run, text in store.runs.calls([run_id]).values()])


def end_of(store: Store, run_id: str) -> Run:
    def ended() -> Run | None:
        run = store.runs.get(run_id)
        return run if run is not None and run.state.final else None

    run = eventually(ended, within=15, what=f"the end of {run_id}")
    assert run is not None
    return run


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
    assert kept["reason"] == "this worker has no job 'jobs.gone'"
    assert kept["headers"]["id"] == "young"
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


def send(project: Project, expression: str) -> str:
    """What an application does with Celery's own means; the id of the task that it sent."""
    import sys

    script = project.write(
        "send.py", f"import jobs\nfrom scheduler.celery_app import app\nprint(({expression}).id)\n"
    )
    environ = {**project.environ, "PYTHONPATH": str(project.directory)}
    done = finished(directory=project.directory, environ=environ, program=(sys.executable, str(script)))
    return done.expect(0).out.strip()


def test_messages_that_name_no_run_start_nothing_and_hurt_nobody(store: Store, worker: OnbeatProcess) -> None:
    bell = Doorbell(run_id="unknown", entry="e", scheduled_at=store.presence.now(), attempt=1)
    unknown = json.loads(envelope(json.dumps({"job": "jobs.hello"}), bell))
    unreadable = {**unknown, "headers": {**unknown["headers"], "id": "odd", "onbeat": "a text"}}
    early = {**unknown, "headers": {**unknown["headers"], "id": "early", "onbeat": {"attempt": 7}}}
    foreign = {**unknown, "headers": {}}
    pickled = {**unknown, "content-type": "application/x-python-serialize"}
    garbled = {**unknown, "body": "bm9wZQ=="}
    for message in (unknown, unreadable, early, foreign, pickled, garbled):
        store.client.lpush("default", json.dumps(message))
    assert worker.wait_for_event("run.duplicate", run_id="unknown")["why"] == "no such run"
    assert "can't be read" in worker.wait_for_event("message.refused", run_id="odd")["reason"]
    assert worker.wait_for_event("run.duplicate", run_id="early")["why"] == "no such run"
    eventually(
        lambda: len(worker.named("message.refused")) == 4, what="the foreign, the pickled and the garbled one"
    )
    reasons = {event["reason"].partition(":")[0] for event in worker.named("message.refused")}
    assert reasons == {
        "its header 'onbeat' can't be read",
        "it asks for no job",
        "it is not well formed",
        "it can't be decoded",
    }
    eventually(lambda: len(store.refusals.newest()) == 3)
    ask(store, "next", "jobs.hello")
    assert end_of(store, "next").state is RunState.SUCCEEDED
    assert worker.named("run.started", run_id="unknown") == []
    assert worker.named("process.log") == []
    assert worker.strays == []
