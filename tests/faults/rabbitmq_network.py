"""The network to RabbitMQ is gone and comes back, or loses its connections unheard: workers take runs within 15 s.

`make faults` runs it.
"""

import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from scheduler.store import Keys, Store, connect
from tests.faults.proxy import Proxy
from tests.faults.rounds import tell
from tests.support.process import OnbeatProcess
from tests.support.project import Project
from tests.support.rabbitmq import RabbitServer
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

pytestmark = [pytest.mark.rabbitmq, pytest.mark.timeout(300)]

SCHEDULES = """
[defaults]
job = "jobs.hello"
[schedules.often]
interval = "1s"
[schedules.asked]
[schedules.long]
job = "onbeat.command"
kwargs = { argv = ["sleep", "40"] }
"""
WITHIN_S = 15
GONE_FOR_S = 30


@pytest.fixture
def wire(project: Project, rabbitmq: RabbitServer) -> Iterator[Proxy]:
    project.schedules(SCHEDULES)
    with closing(Proxy(rabbitmq.port).start()) as proxy:
        project.environ["ONBEAT_BROKER_URL"] = rabbitmq.url_by(proxy.port)
        yield proxy


@pytest.mark.parametrize("pool", ["prefork", "threads"])
@pytest.mark.parametrize("how", ["forget", "hold", "lose_answers", "freeze"])
def test_workers_take_runs_again_within_15_s(
    project: Project,
    valkey: ValkeyServer,
    rabbitmq: RabbitServer,
    wire: Proxy,
    pool: str,
    how: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """
    1. A worker is in the middle of a run when the connections die, and nobody is told.
    2. They are dead for half a minute; or for ever, and new ones are well.
    3. It says so once, takes runs within 15 s of the network's return, and what is sent again starts nothing twice.
    """
    project.environ["ONBEAT_POOL"] = pool
    store = Store(connect(valkey.url), Keys())
    with project.start("beat") as beat, project.start("worker", "-c", "3") as worker:
        worker.wait_for_event("run.succeeded", within=60, entry="often", count=2)
        long = trigger(project, "long")
        worker.wait_for_event("run.started", within=20, run_id=long)
        break_it(rabbitmq, wire, how)
        if how != "forget":
            worker.wait_for_event("broker.unreachable", within=GONE_FOR_S)
        mend_it(rabbitmq, wire, how)
        began, before = time.monotonic(), len(worker.named("run.started", entry="often"))
        asked = trigger(project, "asked")
        worker.wait_for_event("run.started", within=60, entry="often", count=before + 1)
        took_s = time.monotonic() - began
        worker.wait_for_event("run.succeeded", within=60, run_id=asked)
        with capsys.disabled():
            tell(f"{pool}, {how}: taking runs again after {took_s:.1f} s")
        assert took_s < WITHIN_S
        worker.wait_for_event("run.succeeded", within=60, run_id=long)
        for process in (beat, worker):
            has_said_it_once(process)
        started = [event["run_id"] for event in worker.named("run.started")]
        assert len(started) == len(set(started))
        eventually(lambda: store.outbox.size() == 0, 20, what="an empty outbox")
        assert store.ledger.totals().unaccounted == 0


def break_it(rabbitmq: RabbitServer, wire: Proxy, how: str) -> None:
    if how == "freeze":
        rabbitmq.freeze()
    else:
        getattr(wire, how)()


def mend_it(rabbitmq: RabbitServer, wire: Proxy, how: str) -> None:
    if how == "freeze":
        rabbitmq.thaw()
    elif how != "forget":
        wire.heal()


def trigger(project: Project, entry: str) -> str:
    run_id: str = project.run("trigger", entry, "--json").expect(0).json()["run_id"]
    return run_id


def has_said_it_once(process: OnbeatProcess) -> None:
    eventually(
        lambda: len(process.named("broker.reachable")) == len(process.named("broker.unreachable")) > 0, 20
    )
    assert len(process.named("broker.reachable")) <= 2  # where both ends noticed, one after the other
