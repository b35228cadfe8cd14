"""When a beat judges leases, and when it lets the workers renew theirs first."""

from datetime import timedelta

import pytest

from scheduler.beat.loop import Loop
from scheduler.errors import Unreachable
from scheduler.publisher import StorePublisher
from scheduler.run import Call, RunState
from scheduler.store import Keys, Store, connect
from tests.support.valkey import ValkeyServer


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    return Store(connect(valkey.url), Keys())


@pytest.fixture
def loop(store: Store) -> Loop:
    """A beat's loop; a run is in hand whose lease has run out."""
    store.runs.create(
        "r1", Call(job="jobs.x"), entry="one", trigger="manual", scheduled_at=store.presence.now()
    )
    store.runs.claim("r1", 1, "w", "token", timedelta(seconds=15))
    store.client.zadd(store.keys.own("leases"), {"r1": 1})
    return Loop(store, StorePublisher(store), "beat", {})


def state(store: Store) -> RunState:
    run = store.runs.get("r1")
    assert run is not None
    return run.state


def test_a_lease_that_ran_out_is_judged_at_once(store: Store, loop: Loop) -> None:
    loop.step()
    assert state(store) is RunState.FAILED


def test_after_an_outage_the_workers_come_first(
    store: Store, loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They could not renew; a beat that was quicker than they would give up what is well."""

    def refuse(*_: object) -> None:
        raise Unreachable("away")

    with monkeypatch.context() as away:
        away.setattr(store.ticks, "send_select", refuse)
        loop.step()
    loop.step()
    assert state(store) is RunState.RUNNING
    store.runs.renew("w", [("r1", 1)], timedelta(seconds=15))
    monkeypatch.setattr(loop, "_leases_hold_from", 0.0)
    loop.step()
    assert state(store) is RunState.RUNNING
