"""The runs that must start by a moment: ended by any beat where nobody started them."""

from typing import Final

from scheduler.run import Run
from scheduler.store.keys import Keys
from scheduler.store.runs import Runs
from scheduler.store.scripts import Scripts

KEY: Final = "deadlines"
BATCH: Final = 500


class Deadlines:
    """The moments by which runs must have started."""

    def __init__(self, keys: Keys, scripts: Scripts, runs: Runs) -> None:
        self._keys = keys
        self._scripts = scripts
        self._runs = runs

    def expire(self, limit: int = BATCH) -> list[Run]:
        """End runs whose moment is over, the longest first, at most `limit`, and return them."""
        ids = self._scripts.call("expire", [self._keys.own(KEY)], [self._keys.own_prefix, limit])
        return self._runs.get_many(ids) if ids else []
