"""Waiting for the store in the middle of an execution."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final, TypeVar

from scheduler.errors import Unreachable
from scheduler.log_setup import emit

T = TypeVar("T")

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 2.0


def patiently(action: Callable[[], T], patience: timedelta) -> T:
    """Do `action`, which may be done twice, until the store answers, for as long as `patience`.

    Raises Unreachable after that: the run is then found by its lease, or published again.
    """
    end = time.monotonic() + patience.total_seconds()
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            result = action()
        except Unreachable as error:
            if time.monotonic() + pause_s > end:
                raise
            if pause_s == FIRST_PAUSE_S:
                emit("store.unreachable", error=str(error), hint=error.hint)
        else:
            if pause_s != FIRST_PAUSE_S:
                emit("store.reachable")
            return result
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
