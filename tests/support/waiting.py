"""Waiting for a condition with a bound. No test waits for a length of time."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def eventually(
    check: Callable[[], Found],
    within: float = 5.0,
    *,
    every: float = 0.02,
    what: str = "",
    seen: Callable[[], str] | None = None,
) -> Found:
    """
    The first true value of `check()`, asked again `every` seconds for at most `within` seconds.

    A check may also assert: an AssertionError means "not yet", and is raised itself when the time is up.
    Any other exception is a fault of the test and leaves at once. `seen` says then what is there instead.
    """
    give_up_at = time.monotonic() + within
    pause = threading.Event()
    while True:
        refusal: AssertionError | None = None
        try:
            found = check()
        except AssertionError as error:
            refusal = error
        else:
            if found:
                return found
        if time.monotonic() >= give_up_at:
            instead = f"\n{seen()}" if seen is not None else ""
            raise refusal or AssertionError(f"not within {within:g} s: {what or check}{instead}")
        pause.wait(every)


def never(check: Callable[[], object], during: float, *, every: float = 0.02, what: str = "") -> None:
    """Assert that `check()` stays false `during` seconds. Keep it short: it always takes all its time."""
    stop_at = time.monotonic() + during
    pause = threading.Event()
    while time.monotonic() < stop_at:
        found = check()
        assert not found, f"{what or check} came true: {found!r}"
        pause.wait(every)


def clear_of_the_minute(seconds: int = 4) -> None:
    """Go on when the next minute is so far away, and the last one a second: for a test that counts an entry's ticks."""
    eventually(lambda: 1 <= time.time() % 60 < 60 - seconds, seconds + 2)
