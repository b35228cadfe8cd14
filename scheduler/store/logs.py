"""What runs wrote: one stream of JSON lines for each."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

from scheduler.store.connection import SOCKET_TIMEOUT_S, Client
from scheduler.store.keys import Keys
from scheduler.store.scripts import Scripts

MAX_LINES: Final = 1_000


class Logs:
    """The logs of all runs."""

    def __init__(self, client: Client, keys: Keys, scripts: Scripts) -> None:
        self._client: Any = client  # redis-py's types: bytes or str
        self._keys = keys
        self._scripts = scripts

    def append(self, run_id: str, lines: Sequence[str], *, keep_for: timedelta) -> None:
        """Keep lines, each a JSON object as text; the oldest go where there are too many."""
        if lines:
            lifetime_ms = keep_for // timedelta(milliseconds=1)
            args: list[str | int] = [MAX_LINES, lifetime_ms, uuid4().hex[:8], *lines]
            self._scripts.call("append", [self._keys.log(run_id)], args)

    def read(
        self, run_id: str, after: str = "-", limit: int = MAX_LINES
    ) -> list[tuple[str, Mapping[str, Any]]]:
        """The lines after the position `after` (`-`: from the start), each with its own position."""
        low = after if after == "-" else f"({after}"
        rows = self._client.xrange(self._keys.log(run_id), min=low, count=limit)
        return [(position, json.loads(fields["l"])) for position, fields in rows]

    def follow(self, run_id: str, after: str, wait: timedelta) -> list[tuple[str, Mapping[str, Any]]]:
        """The lines after `after` ("0": from the start), waiting for the first of them for as long as `wait`."""
        wait_ms = min(wait, timedelta(seconds=SOCKET_TIMEOUT_S / 2)) // timedelta(milliseconds=1)
        answer = self._client.xread({self._keys.log(run_id): after}, block=max(1, wait_ms), count=MAX_LINES)
        if not answer:
            return []
        rows = answer[0][1] if isinstance(answer, list) else next(iter(answer.values()))[0]
        return [(position, json.loads(fields["l"])) for position, fields in rows]
