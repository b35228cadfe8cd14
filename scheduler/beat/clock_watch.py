"""Notices that the server's clock was set: by NTP, by hand, by a failover, or because its machine was asleep."""

from datetime import datetime, timedelta
from typing import Final

TOLERANCE: Final = timedelta(seconds=1)


class ClockWatch:
    """Compares how far the server's clock went with how much time passed here."""

    def __init__(self) -> None:
        self._last: tuple[float, datetime, float] | None = None

    def step(self, asked: float, now: datetime, answered: float) -> timedelta | None:
        """By how much the clock was set since the last call, forward or (negative) back; None where it was not.

        `now` was read from the server between `asked` and `answered`, seconds of this machine's monotonic clock. So
        a slow answer or a beat that was frozen in between explains any difference up to its own length.
        """
        last, self._last = self._last, (asked, now, answered)
        if last is None:
            return None
        asked_before, before, answered_before = last
        went = now - before
        at_most = timedelta(seconds=answered - asked_before)
        at_least = timedelta(seconds=asked - answered_before)
        if went > at_most + TOLERANCE:
            return went - at_most
        if went < at_least - TOLERANCE:
            return went - at_least
        return None
