"""The broker is another server, and away: what a beat does meanwhile, and how it hears of its return."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from scheduler.attempt import Claimed
from scheduler.beat.loop import Loop
from scheduler.beat.turn import take_turn
from scheduler.beat.upkeep import keep_up
from scheduler.broker_trouble import BrokerUnreachable
from scheduler.publisher import StorePublisher
from scheduler.run import Call, RunState
from scheduler.store import Keys, Store, connect
from scheduler.store.outbox import BATCH, Move
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

CALL = Call(job="jobs.x")


class Elsewhere(StorePublisher):
    """As a publisher to another server, which may be away."""

    push = False
    away = True
    asked = 0

    def publish(self, due: Sequence[tuple[Any, str, int]]) -> int:
        self.probe()
        return sum(self._store.outbox.move([Move(run, attempt) for run, _, attempt in due], "sent"))

    def probe(self) -> None:
        self.asked += 1
        if self.away:
            raise BrokerUnreachable("the broker at mq:5672 can't be reached: connection refused")


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    return Store(connect(valkey.url), Keys())


@pytest.fixture
def publisher(store: Store) -> Elsewhere:
    return Elsewhere(store)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    events: list[str] = []
    monkeypatch.setattr("scheduler.outage.emit", lambda event, **_: events.append(event))
    return events


def create(store: Store, run_id: str) -> None:
    store.runs.create(run_id, CALL, entry=None, trigger="manual", scheduled_at=store.presence.now())


def test_a_beat_hears_of_its_return_though_nothing_waits_any_more(
    store: Store, publisher: Elsewhere, said: list[str]
) -> None:
    """Another beat, or a command, may have sent it."""
    loop = Loop(store, publisher, "beat-1", {})
    create(store, "r1")
    assert loop.step() < 0.2, "the next try is soon"
    assert said == ["broker.unreachable"]
    store.client.delete(store.keys.own("outbox"))
    publisher.away = False
    eventually(lambda: loop.step() and said == ["broker.unreachable", "broker.reachable"])


def test_a_lost_run_is_found_all_the_same_and_the_broker_is_asked_once(
    store: Store, publisher: Elsewhere
) -> None:
    create(store, "lost")
    claimed = store.runs.claim("lost", 1, "worker", "token", timedelta(milliseconds=1))
    assert isinstance(claimed, Claimed)
    for name in ("r1", "r2"):
        create(store, name)
    store.client.zadd(store.keys.own("retries"), {"r2": 1})

    def lease_is_over() -> bool:
        return store.ticks.select().waiting.leases == 1

    eventually(lease_is_over)
    with pytest.raises(BrokerUnreachable):
        keep_up(store, publisher, take_turn(store, push=False).waiting, store.presence.now())
    run = store.runs.get("lost")
    assert run is not None
    assert run.state is RunState.FAILED
    assert publisher.asked == 1


def test_what_has_gathered_goes_out_without_pauses(store: Store, publisher: Elsewhere) -> None:
    for number in range(BATCH + 50):
        create(store, f"r{number}")
    loop = Loop(store, publisher, "beat-1", {})
    publisher.away = False
    assert loop.step() == 0.0
    assert store.outbox.size() == 50
    assert loop.step() > 0.0
    assert store.outbox.size() == 0
