"""The worker's main process keeps the leases of the runs that its pool executes, so that no job can starve its own.

One thread renews, signs in and does what can wait until the store answers. A job that holds the interpreter for a
minute is not lost by it: the job is in another process.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from scheduler import systemd_notify
from scheduler.errors import Unreachable
from scheduler.log_setup import emit
from scheduler.worker.context import LEASE, RENEW_EVERY_S, SIGN_EVERY_S, WorkerContext

STEP_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Held:
    """An attempt that a child of this worker has in hand."""

    run_id: str
    attempt: int
    pid: int


class LeaseKeeper:
    """Renews what is held, until `stop`."""

    def __init__(self, here: WorkerContext, about: Callable[[], Mapping[str, Any]]) -> None:
        self._here = here
        self._about = about
        self._held: dict[str, Held] = {}
        self._later: deque[Callable[[], None]] = deque()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="leases", daemon=True)
        self._renewed_at = self._signed_at = float("-inf")
        self._reachable = True

    def start(self) -> None:
        """Begin, once the pool has been forked."""
        self._thread.start()

    def stop(self) -> None:
        """End, and sign the worker out."""
        self._stopping.set()
        self._thread.join(timeout=5)
        try:
            self._drain()
            self._here.store.presence.sign_out("workers", self._here.worker)
        except Unreachable as error:
            emit(
                "store.unreachable",
                error=str(error),
                hint="this worker is forgotten by itself within an hour",
            )

    def hold(self, held: Held) -> None:
        """Keep the lease of this attempt from now on."""
        with self._lock:
            self._held[held.run_id] = held

    def drop(self, run_id: str) -> None:
        """Let go of it."""
        with self._lock:
            self._held.pop(run_id, None)

    def held(self) -> list[Held]:
        """What is in hand now."""
        with self._lock:
            return list(self._held.values())

    def later(self, action: Callable[[], None]) -> None:
        """Do `action` in the keeper's thread as soon as the store answers."""
        self._later.append(action)

    def _run(self) -> None:
        while not self._stopping.wait(STEP_S):
            self._try_step()
            # After a failed step too: a worker waits for a store that is down, and must not be restarted for it.
            systemd_notify.watchdog()

    def _try_step(self) -> None:
        try:
            self._step(time.monotonic())
        except Unreachable as error:
            if self._reachable:
                emit("store.unreachable", error=str(error), hint=error.hint)
            self._reachable = False
            return
        if not self._reachable:
            emit("store.reachable")
            self._reachable = True

    def _step(self, now: float) -> None:
        self._drain()
        if now - self._renewed_at >= RENEW_EVERY_S:
            self._renew()
            self._renewed_at = now
        if now - self._signed_at >= SIGN_EVERY_S:
            about = {**self._about(), "running": [held.run_id for held in self.held()]}
            self._here.store.presence.sign_in("workers", self._here.worker, about)
            self._signed_at = now

    def _drain(self) -> None:
        while self._later:
            self._later[0]()
            self._later.popleft()

    def _renew(self) -> None:
        held = self.held()
        if held:
            pairs = [(each.run_id, each.attempt) for each in held]
            for run_id in self._here.store.runs.renew(self._here.worker, pairs, LEASE):
                self.drop(run_id)
