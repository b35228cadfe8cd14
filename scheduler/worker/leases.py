"""The worker's main process keeps the leases of the runs that its pool executes, so that no job can starve its own.

One thread renews, signs in, ends what somebody cancelled, and does what can wait until the store answers. A job that
holds the interpreter for a minute is not lost by it: the job is in another process.
"""

import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from scheduler import systemd_notify
from scheduler.errors import Unreachable
from scheduler.log_setup import emit, traceback_text
from scheduler.worker import endings
from scheduler.worker.cancelling import Cancelling
from scheduler.worker.context import LEASE, RENEW_EVERY_S, SIGN_EVERY_S, WorkerContext
from scheduler.worker.held import Held
from scheduler.worker.job_processes import end_all
from scheduler.worker.outages import outage_of
from scheduler.worker.process_group import signal_group

STEP_S: Final = 0.2


class LeaseKeeper:
    """Renews what is held, until `stop`."""

    def __init__(
        self, here: WorkerContext, about: Callable[[], Mapping[str, Any]], turning: Callable[[], bool]
    ) -> None:
        """`turning` says whether the worker takes messages: if not, its leases are kept, but it counts as frozen."""
        self._here = here
        self._about = about
        self._turning = turning
        self._cancelling = Cancelling(here.store.cancels, here.settings.cancel_grace)
        self._held: set[Held] = set()
        self._lost: dict[Held, float] = {}  # with the time of their SIGKILL, by the monotonic clock
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
            self._held.add(held)

    def drop(self, held: Held) -> None:
        """Let go of it."""
        with self._lock:
            self._held.discard(held)
            self._lost.pop(held, None)

    def held(self) -> list[Held]:
        """What is in hand now."""
        with self._lock:
            return list(self._held)

    def later(self, action: Callable[[], None]) -> None:
        """Do `action` in the keeper's thread as soon as the store answers."""
        self._later.append(action)

    def _run(self) -> None:
        while not self._stopping.wait(STEP_S):
            self._try_step()
            # A worker waits for a store that is down, and must not be restarted for it.
            if self._turning() or not self._reachable:
                systemd_notify.watchdog()

    def _try_step(self) -> None:
        try:
            self._step(time.monotonic())
        except Unreachable as error:
            self._reachable = False
            outage_of("store").began(error, "leases")
            return
        except Exception as error:  # noqa: BLE001 - the edge of the thread: without it every lease would end
            words = f"{type(error).__name__}: {error}"
            emit("thread.crashed", error=words, traceback=traceback_text(error), thread="leases")
            return
        if not self._reachable:
            self._reachable = True
            outage_of("store").ended("leases")

    def _step(self, now: float) -> None:
        self._drain()
        if now - self._renewed_at >= RENEW_EVERY_S:
            self._renew()
            self._renewed_at = now
        self._cancel(now)
        self._end_lost(now)
        if now - self._signed_at >= SIGN_EVERY_S and self._turning():
            about = {**self._about(), "running": [held.run_id for held in self.held()]}
            self._here.store.presence.sign_in("workers", self._here.worker, about)
            self._signed_at = now

    def _cancel(self, now: float) -> None:
        for each, number in self._cancelling.due(self.held(), now):
            with self._lock:  # or its child might have gone on to another run
                sent = each in self._held and signal_group(each.pid, number)
                if sent and number is signal.SIGKILL:
                    end_all(each.pid, each.run_id, each.attempt, self._here.worker)
            if sent and number is signal.SIGKILL:
                self.later(partial(endings.killed, each))

    def _drain(self) -> None:
        while self._later:
            action = self._later.popleft()
            try:
                action()
            except Unreachable:
                self._later.appendleft(action)
                raise

    def _renew(self) -> None:
        held = self.held()
        if not held:
            return
        pairs = [(each.run_id, each.attempt) for each in held]
        lost = self._here.store.runs.renew(self._here.worker, pairs, LEASE)
        for each in held:
            if each.run_id in lost:
                self._lose(each)

    def _lose(self, held: Held) -> None:
        """Another worker has the run, or it has ended: nothing that its job still does here counts, so it is to stop.

        Where the job itself has just ended the run, its child is done with it and heeds no SIGTERM.
        """
        with self._lock:
            if held in self._held:
                self._held.discard(held)
                self._lost[held] = time.monotonic() + self._here.settings.cancel_grace.total_seconds()
                signal_group(held.pid, signal.SIGTERM)

    def _end_lost(self, now: float) -> None:
        """SIGKILL to the jobs that were to stop and have not."""
        with self._lock:  # or a child might have gone on to another run
            for each in [held for held, kill_at in self._lost.items() if now >= kill_at]:
                del self._lost[each]
                end_all(each.pid, each.run_id, each.attempt, self._here.worker)
