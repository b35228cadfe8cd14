"""Wakes the loop that takes messages when a thread of the pool is free again.

A worker takes a message only with room for it. Child processes tell the loop of their results through a pipe that it
waits for; threads do not, and the loop would look again only at its next timer: four runs a second.
"""

import os
from contextlib import suppress
from typing import Any, ClassVar, Final

from celery import bootsteps
from celery.concurrency.thread import TaskPool as ThreadPool

MANY: Final = 4096


class Bell(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """A step of Celery's consumer: a pipe that its loop waits for, as long as the worker's process lives."""

    requires = ("scheduler.worker.pulse:Pulse",)

    ends: ClassVar[tuple[int, int] | None] = None

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        if Bell.ends is None and isinstance(consumer.pool, ThreadPool):
            Bell.ends = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def register_with_event_loop(self, _consumer: Any, hub: Any) -> None:
        """Celery calls it whenever its loop begins."""
        if Bell.ends is not None:
            hub.add_reader(Bell.ends[0], _heard, Bell.ends[0])

    @staticmethod
    def ring() -> None:
        """A run has ended: look for the next message. From any thread."""
        if Bell.ends is not None:
            with suppress(BlockingIOError):  # the pipe is full of rings already
                os.write(Bell.ends[1], b"\0")


def _heard(reader: int) -> None:
    with suppress(BlockingIOError):
        os.read(reader, MANY)
