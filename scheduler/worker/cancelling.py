"""Ends the runs of this worker that somebody cancelled: SIGTERM to the job's process group, SIGKILL after the grace.

A run in a thread of the worker's own process can't be ended from outside: see reports.py for how it hears of it.
"""

import signal
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from scheduler.store.cancels import Cancels
from scheduler.worker.held import Held

LOOK_EVERY_S: Final = 0.5


class Cancelling:
    """Looks twice a second, and only while the worker has something in hand, whether any of it is to stop."""

    def __init__(self, cancels: Cancels, grace: timedelta) -> None:
        self._cancels = cancels
        self._grace_s = grace.total_seconds()
        self._looked_at = float("-inf")
        self._asked_at: dict[Held, float] = {}
        self._killed: set[Held] = set()

    def due(self, held: Sequence[Held], now: float) -> list[tuple[Held, signal.Signals]]:
        """What to send to whom, at `now` by the monotonic clock. Raises Unreachable."""
        if not held or now - self._looked_at < LOOK_EVERY_S:
            return []
        self._looked_at = now
        asked = set(self._cancels.asked([each.run_id for each in held]))
        before, self._asked_at = self._asked_at, {}
        self._killed &= set(held)
        found: list[tuple[Held, signal.Signals]] = []
        for each in held:
            if each.run_id not in asked:
                continue
            since = self._asked_at[each] = before.get(each, now)
            if each not in before:
                found.append((each, signal.SIGTERM))
            elif now - since >= self._grace_s and each not in self._killed:
                self._killed.add(each)
                found.append((each, signal.SIGKILL))
        return found
