"""Whether the loop that takes messages still turns.

A worker's main thread may hang while its other threads go on keeping leases. Such a worker looks alive and takes
nothing; so it neither signs in nor calms systemd's watchdog, and a probe or the watchdog has it replaced.
"""

import time
from typing import Any, Final

from celery import bootsteps
from celery.concurrency.solo import TaskPool as SoloPool

EVERY_S: Final = 1.0
# To replace a worker kills what it runs, so this is no matter of seconds. A broker behind a cut cable was seen to hold
# the loop up for 58 s, time-outs and all.
LONGEST_TURN_S: Final = 60.0


class Pulse(bootsteps.StartStopStep):  # type: ignore[misc] # Celery has no types
    """A step of Celery's consumer: while its loop turns, a timer of that loop goes off every second."""

    requires = ("celery.worker.consumer.connection:Connection",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        self._consumer = consumer
        self._timer: Any = None
        self._turned_at = time.monotonic()
        consumer.pulse = self
        super().__init__(consumer, **options)

    def start(self, consumer: Any) -> None:
        """Celery calls it after each connect."""
        self._turned()
        self._timer = consumer.timer.call_repeatedly(EVERY_S, self._turned)

    def stop(self, consumer: Any) -> None:
        """Celery calls it when the connection is lost, and at the end."""
        if self._timer is not None:
            consumer.timer.cancel(self._timer)
            self._timer = None

    shutdown = stop

    def well(self, now: float | None = None) -> bool:
        """Whether the loop turned of late, or has a reason not to.

        It has one while it waits for the broker, and in a `solo` pool, where the loop itself executes the runs. `now`
        is the monotonic clock's.
        """
        if self._consumer.connection is None or isinstance(self._consumer.pool, SoloPool):
            return True
        return (time.monotonic() if now is None else now) - self._turned_at <= LONGEST_TURN_S

    def _turned(self) -> None:
        self._turned_at = time.monotonic()
        self._consumer.turned()
