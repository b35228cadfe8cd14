"""Messages that no worker could take: kept for a person to look at."""

import json
from typing import Any, Final

from scheduler.store.connection import Client
from scheduler.store.keys import Keys

KEPT: Final = 1_000
MAX_TEXT: Final = 8_192


class Refusals:
    """The newest messages that were refused."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client: Any = client  # redis-py's types: bytes or str
        self._key = keys.own("refused")

    def add(self, reason: str, headers: Any, body: str) -> None:
        """Keep a message, cut where it is long, with the reason why nobody could take it. Raises Unreachable."""
        seconds, microseconds = self._client.time()
        document = {
            "reason": reason,
            "refused_at": seconds * 1000 + microseconds // 1000,
            "headers": headers,
            "body": body[:MAX_TEXT],
        }
        pipeline = self._client.pipeline()
        pipeline.lpush(self._key, json.dumps(document, default=repr))
        pipeline.ltrim(self._key, 0, KEPT - 1)
        pipeline.execute()

    def newest(self, limit: int = 100) -> list[dict[str, Any]]:
        """The newest refused messages, newest first."""
        return [json.loads(text) for text in self._client.lrange(self._key, 0, limit - 1)]
