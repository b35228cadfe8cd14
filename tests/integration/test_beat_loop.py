"""The loop around a beat's turns: what it does in between, and that no fault of an action ends the turns."""

import os
import signal
import threading
from collections.abc import Callable, Iterator

import pytest

from scheduler.beat.loop import Loop
from scheduler.errors import Unreachable
from scheduler.publisher import StorePublisher
from scheduler.store import Keys, Store, connect
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    return Store(connect(valkey.url), Keys())


@pytest.fixture
def loop(store: Store) -> Loop:
    return Loop(store, StorePublisher(store), "beat-1", {})


@pytest.fixture
def running(loop: Loop) -> Iterator[threading.Thread]:
    thread = threading.Thread(target=loop.run)
    thread.start()
    try:
        yield thread
    finally:
        loop.stop()
        thread.join(5)


def test_an_action_is_tried_until_the_store_answers(loop: Loop, running: threading.Thread) -> None:
    tries: list[int] = []

    def out_of_reach_twice() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise Unreachable("not now")

    loop.soon(out_of_reach_twice)
    eventually(lambda: len(tries) == 3)


def test_an_action_that_fails_is_given_up_and_the_turns_go_on(
    store: Store, loop: Loop, running: threading.Thread
) -> None:
    done: list[str] = []

    def fails() -> None:
        done.append("failed")
        raise KeyError("a fault of ours")

    loop.soon(fails)
    loop.soon(lambda: done.append("next"))
    eventually(lambda: done == ["failed", "next"])
    eventually(lambda: "beat-1" in store.presence.all("beats"))


def test_a_loop_that_stops_is_forgotten_at_once(store: Store, loop: Loop, running: threading.Thread) -> None:
    eventually(lambda: "beat-1" in store.presence.all("beats"))
    loop.stop()
    running.join(5)
    assert not running.is_alive()
    assert store.presence.all("beats") == {}


def test_signals_may_wake_the_loop_at_any_instruction(loop: Loop) -> None:
    """Many signals while the main thread goes in and out of its sleep: with a lock in it, it would hang."""
    steps: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda *_: loop.soon(lambda: None))
    enough = threading.Event()

    def knock() -> None:
        while not enough.is_set():
            os.kill(os.getpid(), signal.SIGUSR1)

    def counted() -> float:
        steps.append(1)
        if len(steps) == 200:
            loop.stop()
        return 0.000_01

    replace(loop, "step_whatever_happens", counted)
    thread = threading.Thread(target=knock)
    thread.start()
    try:
        loop.run()
    finally:
        enough.set()
        thread.join(5)
        signal.signal(signal.SIGUSR1, before)
    assert len(steps) == 200


def replace(loop: Loop, name: str, function: Callable[[], float]) -> None:
    vars(loop)[name] = function
