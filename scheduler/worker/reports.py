"""What a job says of itself, on its way to the store: its checkpoints at once, its progress once a second at most."""

import json
import threading
import time
from datetime import timedelta
from typing import Any, Final

from scheduler.attempt import Claimed
from scheduler.errors import Unreachable
from scheduler.job import Cancelled
from scheduler.log_setup import hidden_values
from scheduler.secrecy import hidden
from scheduler.store.runs import Runs
from scheduler.worker import interruptions
from scheduler.worker.patience import patiently

TELL_EVERY_S: Final = 1.0
PATIENCE: Final = timedelta(seconds=60)


class StoreReports:
    """Of one attempt. Any thread of the job may use it."""

    def __init__(self, runs: Runs, claimed: Claimed, worker: str) -> None:
        self._runs = runs
        self._of = (claimed.run.run_id, claimed.run.attempt, worker)
        self._lock = threading.Lock()
        self._told_at = float("-inf")
        self._said: dict[str, Any] = {}
        self._untold = False
        self._answer = "kept"
        self._timer: threading.Timer | None = None
        self._stopped = False
        self._over = False

    def save(self, checkpoint: str) -> None:
        """Keep the checkpoint. Raises Unreachable after a minute without the store, and Cancelled."""
        answer = patiently(lambda: self._runs.report(*self._of, "cp", checkpoint), PATIENCE)
        self._heed(answer)

    def tell(self, progress: float | None, message: str | None) -> None:
        """Show how far the job is: now, or within a second, whatever it does meanwhile. Raises Cancelled."""
        self._heed(self._answer)
        with self._lock:
            # A hot loop pays for a clock and this, and for the store once a second.
            if progress is not None:
                self._said["progress"] = progress
            if message is not None:
                self._said["message"] = message
            self._untold = True
            if self._timer is not None or self._over:
                return
            wait_s = self._told_at + TELL_EVERY_S - time.monotonic()
            if wait_s > 0:
                self._timer = threading.Timer(wait_s, self._send)
                self._timer.daemon = True
                self._timer.start()
                return
        self._send()
        self._heed(self._answer)

    def close(self) -> None:
        """The attempt is over: what was not told yet is told now."""
        with self._lock:
            self._over = True
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
            self._send()

    def _send(self) -> None:
        with self._lock:
            untold, self._untold, self._timer = self._untold, False, None
            document = dict(self._said)
            self._told_at = time.monotonic()
        if not untold:
            return
        text = json.dumps(hidden(document, hidden_values()))
        try:
            self._answer = self._runs.report(*self._of, "p", text)
        except Unreachable:
            # The worker's main process says that the store is away; how far a job is can wait for the next time.
            self._answer = "kept"

    def _heed(self, answer: str) -> None:
        """Stop a job that is to stop: once, for it may want to set a checkpoint while it tidies up."""
        if answer == "fenced":
            raise Cancelled("the run was given to another worker, or has ended")
        if answer == "asked" and not self._stopped and not interruptions.by_signal():
            self._stopped = True
            raise Cancelled("somebody cancelled the run")
