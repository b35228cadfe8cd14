"""Runs that somebody wants stopped: cancelled at once where they wait, asked for where they run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from scheduler.run import RunState
from scheduler.store.connection import Client
from scheduler.store.keys import Keys
from scheduler.store.scripts import Scripts

Answer = Literal["cancelled", "asked", "over", "gone"]

KEY: Final = "cancels"


@dataclass(frozen=True, slots=True)
class Stopping:
    """What came of asking: `cancelled` now, `asked` of the worker that runs it, `over` before, or `gone`."""

    answer: Answer
    state: RunState | None
    attempt: int


class Cancels:
    """The wish that runs stop."""

    def __init__(self, client: Client, keys: Keys, scripts: Scripts) -> None:
        self._client: Any = client  # redis-py's types: bytes or str
        self._keys = keys
        self._scripts = scripts

    def ask(self, run_id: str, *, by: str, reason: str) -> Stopping:
        """Cancel the run, or have its worker do it. Asked for twice, the first one stays on record."""
        keys = self._keys
        answer, state, attempt = self._scripts.call(
            "cancel", [keys.run(run_id), keys.own(KEY)], [run_id, by, reason, keys.own_prefix]
        )
        return Stopping(answer, RunState(state) if state else None, int(attempt))

    def asked(self, run_ids: Sequence[str]) -> list[str]:
        """Those of these running runs that somebody wants stopped: one command."""
        if not run_ids:
            return []
        scores = self._client.zmscore(self._keys.own(KEY), list(run_ids))
        return [run_id for run_id, score in zip(run_ids, scores, strict=True) if score is not None]
