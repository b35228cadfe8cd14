"""Trouble of one server, as one process sees it: said once when it begins and once when it ends."""

import threading
import time
from typing import Final

from scheduler.errors import Unreachable
from scheduler.log_setup import emit

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 2.0


class Outage:
    """Trouble of `server`, "store" or "broker", met by any part of the process; each part tries with growing pauses."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._lock = threading.Lock()
        self._pauses: dict[str, float] = {}
        self._since = 0.0

    @property
    def lasts(self) -> bool:
        """Whether it began, and has not ended for every part."""
        return bool(self._pauses)

    def began(self, error: Unreachable, part: str = "") -> float:
        """Note a failure; returns how long this part waits before its next try, in seconds."""
        with self._lock:
            first = not self._pauses
            before = self._pauses.get(part)
            pause_s = FIRST_PAUSE_S if before is None else min(before * 2, LONGEST_PAUSE_S)
            self._pauses[part] = pause_s
            if first:
                self._since = time.monotonic()
        if first:
            emit(f"{self._server}.unreachable", error=str(error), hint=error.hint)
        return pause_s

    def ended(self, part: str = "", at: float | None = None) -> bool:
        """Note that the server answers this part, since `at` by the monotonic clock. True where the outage ends."""
        with self._lock:
            last = self._pauses.pop(part, None) is not None and not self._pauses
            lasted_s = (time.monotonic() if at is None else at) - self._since
        if last:
            emit(f"{self._server}.reachable", after_ms=round(lasted_s * 1000))
        return last

    def left(self, part: str) -> None:
        """A part gives up, and knows nothing of the server any more."""
        with self._lock:
            self._pauses.pop(part, None)
