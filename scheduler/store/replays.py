"""Runs that ended badly and get another attempt because somebody says so."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from scheduler.run import RunState
from scheduler.store.keys import Keys
from scheduler.store.scripts import Scripts

Answer = Literal["queued", "active", "well", "gone"]

REPLAYABLE: Final = (RunState.FAILED, RunState.EXPIRED, RunState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of asking: `queued` now; `active`: it has not ended; `well`: it ended well; or `gone`."""

    answer: Answer
    state: RunState | None
    attempt: int


class Replays:
    """Another attempt for runs that have ended."""

    def __init__(self, keys: Keys, scripts: Scripts) -> None:
        self._keys = keys
        self._scripts = scripts

    def ask(self, run_ids: Sequence[str]) -> list[Replay]:
        """Queue these runs anew, each in the outbox. Asked for twice, it is done once."""
        keys = [self._keys.own("outbox"), self._keys.own("deadlines")]
        answers = self._scripts.call("replay", keys, [self._keys.own_prefix, *run_ids])
        return [
            Replay(answer, RunState(state) if state else None, int(attempt))
            for answer, state, attempt in answers
        ]
