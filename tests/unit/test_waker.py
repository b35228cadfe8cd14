import random
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from scheduler.beat.waker import Waker


@pytest.fixture
def alarms(request: pytest.FixtureRequest) -> Iterator[None]:
    before = signal.getsignal(signal.SIGALRM)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def slept(waker: Waker, seconds: float) -> float:
    started = time.monotonic()
    waker.sleep(seconds)
    return time.monotonic() - started


def test_it_sleeps_as_long_as_it_is_told() -> None:
    assert slept(Waker(), 0.05) >= 0.05


def test_a_wake_up_before_the_sleep_counts_once() -> None:
    waker = Waker()
    for _ in range(3):
        waker.wake()
    assert slept(waker, 30) < 10
    assert slept(waker, 0.05) >= 0.05


def test_another_thread_ends_the_sleep() -> None:
    waker = Waker()
    threading.Timer(0.05, waker.wake).start()
    assert slept(waker, 30) < 10


def test_more_wake_ups_than_a_pipe_holds_do_not_block() -> None:
    waker = Waker()
    for _ in range(100_000):
        waker.wake()
    assert slept(waker, 30) < 10


def test_a_signal_at_any_instant_leaves_it_whole(alarms: None) -> None:
    """With a threading.Event this hangs within a few signals, since the handler waits for its own thread's lock."""
    waker = Waker()
    woken: list[int] = []

    def handler(number: int, _frame: object) -> None:
        woken.append(number)
        waker.wake()

    signal.signal(signal.SIGALRM, handler)
    dice = random.Random(7)
    while len(woken) < 5_000:
        signal.setitimer(signal.ITIMER_REAL, dice.uniform(1e-6, 6e-5))
        waker.sleep(0.0001)
