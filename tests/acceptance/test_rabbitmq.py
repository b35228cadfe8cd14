"""RabbitMQ as the broker, a real one: priorities, a cut wire, strange messages, a node killed in mid-publish."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import amqp
import pytest
from celery import Celery

from scheduler.publisher import BrokerPublisher
from scheduler.run import RunState
from scheduler.store import Keys, Store, connect
from tests.faults.proxy import Proxy
from tests.support.process import OnbeatProcess
from tests.support.project import Project
from tests.support.rabbitmq import RabbitServer
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

pytestmark = [pytest.mark.rabbitmq, pytest.mark.slow, pytest.mark.timeout(400)]

SCHEDULES = """
[defaults]
job = "jobs.hello"
[schedules.hello]
interval = "1s"
[schedules.low]
queue = "ordered"
[schedules.high]
queue = "ordered"
priority = 9
[schedules.long]
job = "onbeat.command"
kwargs = { argv = ["sleep", "6"] }
"""


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    return Store(connect(valkey.url), Keys())


@pytest.fixture
def wire(project: Project, rabbitmq: RabbitServer) -> Iterator[Proxy]:
    """The project's way to the broker."""
    project.schedules(SCHEDULES)
    with closing(Proxy(rabbitmq.port).start()) as proxy:
        project.environ["ONBEAT_BROKER_URL"] = rabbitmq.url.replace(str(rabbitmq.port), str(proxy.port))
        yield proxy


def trigger(project: Project, entry: str) -> str:
    run_id: str = project.run("trigger", entry, "--json").expect(0).json()["run_id"]
    return run_id


def await_success(store: Store, run_id: str, within: float = 60) -> None:
    def succeeded() -> bool:
        run = store.runs.get(run_id)
        return run is not None and run.state is RunState.SUCCEEDED

    eventually(succeeded, within, what=f"the success of {run_id}")


def send_a_stranger(rabbitmq: RabbitServer) -> None:
    """What another program might put into our queue."""
    with closing(rabbitmq.connect()) as connection:
        message = amqp.Message(json.dumps({"hello": 1}), content_type="application/json")
        connection.channel().basic_publish(message, routing_key="default")


def test_priorities_cut_wires_a_killed_node_and_strange_messages(
    project: Project, wire: Proxy, store: Store, rabbitmq: RabbitServer
) -> None:
    """
    1. The highest priority goes first.
    2. A run behind a long one goes to the worker that is free.
    3. A cut wire: the broker sends the message of the long run again, and nothing starts twice.
    4. A strange message ends no worker; it is kept, and can be sent again.
    5. The node is killed while runs are published: they wait, and go out when it is back.
    """
    with project.start("beat") as beat:
        beat.wait_for_event("schedules.applied", within=30)
        low, high = trigger(project, "low"), trigger(project, "high")
        eventually(
            lambda: rabbitmq.waiting("ordered").keys() == {low, high},
            20,
            what="a message of each run in the queue",
            seen=lambda: f"{rabbitmq.waiting('ordered')}, outbox {store.outbox.size()}\n{beat.transcript()}",
        )
        with project.start("worker", "-c", "1") as first:
            await_success(store, low)
            started = [run.started_at for run in store.runs.get_many([high, low])]
            assert started == sorted(started, key=str)
            with project.start("worker", "-c", "1") as second:
                second.wait_for_event("run.succeeded", within=30)
                _go_on(project, wire, store, rabbitmq, beat, (first, second))


def _go_on(
    project: Project,
    wire: Proxy,
    store: Store,
    rabbitmq: RabbitServer,
    beat: OnbeatProcess,
    workers: tuple[OnbeatProcess, OnbeatProcess],
) -> None:
    long = trigger(project, "long")
    eventually(lambda: _started(workers)[long], 20, what="the start of the long run")
    busy, free = sorted(workers, key=lambda worker: not worker.named("run.started", run_id=long))
    before = len(free.named("run.succeeded"))
    free.wait_for_event("run.succeeded", within=10, count=before + 3)
    assert not busy.named("run.succeeded", run_id=long)
    wire.cut()
    await_success(store, long)
    eventually(lambda: [each.named("run.duplicate", run_id=long) for each in workers] != [[], []], 20)

    send_a_stranger(rabbitmq)
    eventually(store.refusals.newest, 20, what="the message that was put aside")
    project.run("quarantine", "--all", "--replay").expect(0)
    eventually(lambda: len(_refused(workers)) == 2, 20, what="the message, refused again")

    rabbitmq.kill()
    beat.wait_for_event("broker.unreachable", within=20)
    waiting = trigger(project, "high")
    rabbitmq.start()
    await_success(store, waiting)
    eventually(lambda: store.outbox.size() == 0, 20, what="an empty outbox")
    for process in (beat, *workers):
        _has_said_each_outage_once(process)
    assert not {run: count for run, count in _started(workers).items() if count > 1}
    assert store.ledger.totals().unaccounted == 0


def test_queues_that_are_there_in_another_form_are_used_as_they_are(
    project: Project, store: Store, rabbitmq: RabbitServer
) -> None:
    """
    1. A queue without priorities, and a quorum queue, bring the runs to the worker; each process says it once.
    2. The check-up names them.
    3. One that somebody deletes is made anew, Onbeat's way.
    """
    made: dict[str, dict[str, object]] = {
        "plain": {},
        "replicated": {"x-queue-type": "quorum", "x-max-length": 99},
    }
    with closing(rabbitmq.connect()) as connection:
        for name, arguments in made.items():
            connection.channel().queue_declare(name, durable=True, auto_delete=False, arguments=arguments)
    project.schedules("".join(f'[schedules.{name}]\njob = "jobs.hello"\nqueue = "{name}"\n' for name in made))
    project.environ["ONBEAT_BROKER_URL"] = rabbitmq.url
    with project.start("beat") as beat, project.start("worker", "-c", "1") as worker:
        beat.wait_for_event("schedules.applied", within=30)
        for name in made:
            await_success(store, trigger(project, name))
        told = worker.named("queue.differs")
        assert {each["queue"] for each in told} == made.keys()
        assert len(told) == len(made)
        assert "x-max-priority is not set (Onbeat sets 9); priorities are not kept" in told[0]["reason"]
        assert "x-queue-type is quorum" in told[1]["reason"]
        findings = project.run("doctor").out
        assert all(f"RabbitMQ has the queue '{name}' in another form" in findings for name in made), findings

        publisher = BrokerPublisher(store, Celery(broker=rabbitmq.url, set_as_current=False))
        assert publisher.queue_lengths(["plain", "never-made"]) == {"plain": 0, "never-made": 0}
        publisher.close()

        with closing(rabbitmq.connect()) as connection:
            connection.channel().queue_delete("plain")
        await_success(store, trigger(project, "plain"))
        with closing(rabbitmq.connect()) as connection:
            connection.channel().queue_declare(
                "plain", durable=True, auto_delete=False, arguments={"x-max-priority": 9}
            )
        assert not worker.ended()


def _has_said_each_outage_once(process: OnbeatProcess) -> None:
    """A worker met the cut wire as well as the end of the node, a beat maybe only that."""

    def said() -> list[object]:
        return [event["event"] for event in process.events if str(event["event"]).startswith("broker.")]

    eventually(lambda: said()[-1] == "broker.reachable", 20, what=f"the end of the outage for {process}")
    pairs = len(said()) // 2
    assert 1 <= pairs <= 2
    assert said() == ["broker.unreachable", "broker.reachable"] * pairs
    assert all("after_ms" in event for event in process.named("broker.reachable"))


def _started(workers: tuple[OnbeatProcess, ...]) -> Counter[str]:
    return Counter(event["run_id"] for each in workers for event in each.named("run.started"))


def _refused(workers: tuple[OnbeatProcess, ...]) -> list[object]:
    return [event for each in workers for event in each.named("message.refused")]
