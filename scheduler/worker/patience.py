"""Waiting for the store in the middle of an execution."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from scheduler.errors import Unreachable
from scheduler.worker.outages import outage_of

T = TypeVar("T")


def patiently(action: Callable[[], T], patience: timedelta) -> T:
    """Do `action`, which may be done twice, until the store answers, for as long as `patience`.

    Raises Unreachable after that: the run is then found by its lease, or published again.
    """
    end = time.monotonic() + patience.total_seconds()
    outage, part = outage_of("store"), f"run in thread {threading.get_ident()}"
    while True:
        try:
            result = action()
        except Unreachable as error:
            pause_s = outage.began(error, part)
            if time.monotonic() + pause_s > end:
                outage.left(part)
                raise
        else:
            outage.ended(part)
            return result
        time.sleep(pause_s)
