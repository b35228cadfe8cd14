"""The quarantine: messages that no worker could take, kept for a person to look at, drop or send again."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from scheduler.epoch import moment
from scheduler.store.connection import Client
from scheduler.store.keys import Keys

KEPT: Final = 1_000
LARGEST: Final = 32_768  # bytes of a message that is kept whole, and so can be sent again


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A message as it came, `item`: whole, or the first LARGEST bytes of its `size`."""

    id: str
    reason: str
    queue: str | None
    worker: str
    refused_at: datetime
    size: int
    item: bytes

    @property
    def whole(self) -> bool:
        """True where nothing was cut off."""
        return len(self.item) == self.size


class Refusals:
    """The newest messages that were refused."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client: Any = client  # redis-py's types: bytes or str
        self._keys = keys
        self._key = keys.own("refused")

    def add(self, item: bytes, *, queue: str | None, reason: str, worker: str) -> None:
        """Keep a message with the reason why nobody could take it. Raises Unreachable."""
        seconds, microseconds = self._client.time()
        document = {
            "id": uuid4().hex[:12],
            "reason": reason,
            "queue": queue,
            "worker": worker,
            "refused_at": seconds * 1000 + microseconds // 1000,
            "size": len(item),
            "item": base64.b64encode(item[:LARGEST]).decode(),
        }
        pipeline = self._client.pipeline()
        pipeline.lpush(self._key, json.dumps(document))
        pipeline.ltrim(self._key, 0, KEPT - 1)
        pipeline.execute()

    def count(self) -> int:
        """How many there are. Raises Unreachable."""
        return int(self._client.llen(self._key))

    def newest(self, limit: int = KEPT) -> list[Refusal]:
        """The newest refused messages, newest first. Raises Unreachable."""
        return [_refusal(text) for text in self._client.lrange(self._key, 0, limit - 1)]

    def drop(self, refusals: Sequence[Refusal]) -> int:
        """Forget them; returns how many were still there. Raises Unreachable."""
        gone = {each.id for each in refusals}
        pipeline = self._client.pipeline()
        for text in self._client.lrange(self._key, 0, -1):
            if _refusal(text).id in gone:
                pipeline.lrem(self._key, 0, text)
        return sum(pipeline.execute())

    def push_back(self, refusal: Refusal) -> None:
        """Put the message into its queue again, where the broker is this server. Raises Unreachable."""
        self._client.lpush(self._keys.queue(str(refusal.queue)), refusal.item)


def _refusal(text: str) -> Refusal:
    document = json.loads(text)
    return Refusal(
        id=document["id"],
        reason=document["reason"],
        queue=document["queue"],
        worker=document["worker"],
        refused_at=moment(document["refused_at"]),
        size=document["size"],
        item=base64.b64decode(document["item"]),
    )
