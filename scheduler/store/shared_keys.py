"""The keys of all entries together, and those of them that somebody else has written to: of another type they stop all.

Nothing is set right by itself. What stood there is gone, what stands there now may be somebody's own, and whoever wrote
it may do so again: a person has to know. No tick is lost meanwhile, for each is decided when the key is mended.
"""

import shlex
from dataclasses import dataclass
from typing import Any, Final

from redis.exceptions import ResponseError

from scheduler.store.keys import Keys

TYPES: Final = {
    "followers": "hash",
    "departed": "set",
    "ledger": "hash",
    "paused": "hash",
    "beats": "hash",
    "workers": "hash",
    "applied": "hash",
    "ended": "zset",
    "outbox": "zset",
    "retries": "zset",
    "leases": "zset",
    "unclaimed": "zset",
    "deadlines": "zset",
    "cancels": "zset",
    "waiting": "zset",
    "announcements": "list",
    "refused": "list",
}
_IN_WORDS: Final = {"zset": "a sorted set", "string": "a string"}


@dataclass(frozen=True, slots=True)
class Misfit:
    """A key of ours that is of the type `found` and not `wanted`."""

    key: str
    found: str
    wanted: str

    def __str__(self) -> str:
        return f"the key {self.key} is {_in_words(self.found)}, and must be {_in_words(self.wanted)}"

    @property
    def mend(self) -> str:
        """The command that puts it out of the way, and keeps what is in it."""
        words = ["redis-cli", "RENAME", self.key, f"{self.key}.aside"]
        return f"find out who writes to it, and run `{shlex.join(words)}`"


def misfits(client: Any, keys: Keys) -> list[Misfit]:
    """The keys of all entries that are of another type than ours: one round trip. Raises Unreachable."""
    wanted = {keys.schedule: "zset", **{keys.own(name): kind for name, kind in TYPES.items()}}
    pipeline = client.pipeline(transaction=False)
    for key in wanted:
        pipeline.type(key)
    found = zip(wanted.items(), pipeline.execute(), strict=True)
    return [Misfit(key, kind, right) for (key, right), kind in found if kind not in ("none", right)]


def is_of_wrong_type(error: Exception) -> bool:
    """Whether the server said that a key is of another type than a command needs, by itself or in a pipeline."""
    return isinstance(error, ResponseError) and "WRONGTYPE" in str(error)


def _in_words(kind: str) -> str:
    return _IN_WORDS.get(kind, f"a {kind}")
