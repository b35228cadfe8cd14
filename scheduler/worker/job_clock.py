"""How long the job of a pool's child has run, as the worker's main process sees it: time limits count nothing else.

Celery counts from the moment when a child takes its message. But a child waits where the store is away, before its job
with the claim and afterwards with the end, and a job that is done must not be ended as one that takes too long.
"""

import mmap
import os
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from billiard.process import current_process
from kombu.asynchronous import get_event_loop

LOOK_AGAIN_S: Final = 0.5
# Of one child: its process id, 0 where it executes nothing of ours, and when its job began, 0.0 where that is not going
# on, by the monotonic clock, which all processes of a machine share.
_SLOT: Final = struct.Struct("qd")
_SLOTS: Final = 1_024
_NOT_CALLING: Final = 0.0

_Strike = Callable[[Any], None]


class JobClock:
    """A table in memory that a worker shares with the children it forks. Each child writes in a slot of its own."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _SLOT.size * _SLOTS)

    @contextmanager
    def executing(self) -> Iterator[None]:
        """This child has an attempt in hand."""
        self._write(os.getpid(), _NOT_CALLING)
        try:
            yield
        finally:
            self._write(0, _NOT_CALLING)

    @contextmanager
    def calling(self) -> Iterator[None]:
        """Its job runs."""
        self._write(os.getpid(), time.monotonic())
        try:
            yield
        finally:
            self._write(os.getpid(), _NOT_CALLING)

    def left_s(self, pid: int, limit_s: float) -> float:
        """How soon the job of the child `pid` may have run for `limit_s`, in seconds; 0 where it has.

        Nothing is known of a child that executes no attempt of ours: its time is over when Celery says so.
        """
        began = self._began(pid)
        if began is None:
            return 0.0
        return LOOK_AGAIN_S if began == _NOT_CALLING else max(0.0, limit_s - (time.monotonic() - began))

    def is_over(self, pid: int, limit_s: float) -> bool:
        """Whether a job of ours goes on in the child `pid`, and has for more than `limit_s`."""
        began = self._began(pid) or _NOT_CALLING
        return began != _NOT_CALLING and time.monotonic() - began > limit_s

    def _began(self, pid: int) -> float | None:
        found = (began for of, began in _SLOT.iter_unpack(self._memory[:]) if of == pid)
        return next(found, None)

    def _write(self, pid: int, began: float) -> None:
        place = getattr(current_process(), "index", None)  # none in a pool without children
        if place is not None:
            _SLOT.pack_into(self._memory, place % _SLOTS * _SLOT.size, pid, began)


clock: Final = JobClock()


def govern(pool: Any) -> None:
    """Let the time limits of this pool of Celery's count by the clock. Does nothing where the pool has none."""
    inner = pool._pool  # noqa: SLF001 - Celery's own name for billiard's pool
    inner.on_soft_timeout = _counted(inner.on_soft_timeout, lambda job: job._soft_timeout)  # noqa: SLF001 - as above
    inner.on_hard_timeout = _counted(inner.on_hard_timeout, lambda job: job._timeout)  # noqa: SLF001 - as above


def end_overdue(pool: Any) -> None:
    """End the jobs whose hard limit is over, while the loop that does so waits for a broker that is away."""
    inner = getattr(pool, "_pool", None)  # there is none before the worker is ready
    for job in list(getattr(inner, "_cache", {}).values()):
        pid, limit_s = job._worker_pid, job._timeout  # noqa: SLF001 - billiard's own names
        if inner is not None and pid and limit_s and clock.is_over(pid, limit_s):
            inner.on_hard_timeout(job)


def _counted(strike: _Strike, limit_of: Callable[[Any], float | None]) -> _Strike:
    def when_it_is_time(job: Any) -> None:
        if job.ready():
            return
        left_s = clock.left_s(job._worker_pid, limit_of(job) or 0.0)  # noqa: SLF001 - billiard's own name
        hub: Any = get_event_loop()
        if left_s > 0 and hub is not None:
            hub.call_later(left_s, when_it_is_time, job)
        else:
            strike(job)

    return when_it_is_time
