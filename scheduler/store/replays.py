"""Runs that ended badly and get another attempt because somebody says so."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from scheduler.run import RunState
from scheduler.store.keys import Keys
from scheduler.store.scripts import Scripts

Answer = Literal["queued", "due", "active", "well", "gone"]


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of asking: `queued` now; `due`: its next attempt waits no more; `active`: it has not ended; `well`: it
    ended well; or `gone`.
    """

    answer: Answer
    state: RunState | None
    attempt: int


class Replays:
    """Another attempt for runs that have ended."""

    def __init__(self, keys: Keys, scripts: Scripts) -> None:
        self._keys = keys
        self._scripts = scripts

    def ask(self, run_ids: Sequence[str]) -> list[Replay]:
        """Put these runs into the outbox, or among the retries that are due. Asked for twice, it is done once."""
        keys = [self._keys.own("outbox"), self._keys.own("deadlines")]
        answers = self._scripts.call("replay", keys, [self._keys.own_prefix, *run_ids])
        return [
            Replay(answer, RunState(state) if state else None, int(attempt))
            for answer, state, attempt in answers
        ]
