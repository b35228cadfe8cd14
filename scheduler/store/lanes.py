"""Runs that wait for the end of another: `overlap = "queue"` and `"replace"`. See lanes.lua for how they are kept."""

import json
from collections.abc import Iterable
from typing import Any, Final

from scheduler.entry import Entry
from scheduler.store.connection import Client
from scheduler.store.keys import Keys
from scheduler.store.scripts import Scripts

BATCH: Final = 100


class Lanes:
    """What limits how many runs are active at once, and what waits for a place."""

    def __init__(self, client: Client, keys: Keys, scripts: Scripts) -> None:
        self._client: Any = client  # redis-py's types: bytes or str
        self._keys = keys
        self._scripts = scripts

    def release(self) -> int:
        """Publish what waits and has a place, in the lanes whose turn it is; how many lanes those were."""
        count: int = self._scripts.call(
            "release", [self._keys.own("waiting")], [self._keys.own_prefix, BATCH]
        )
        return count

    def waiting(self, entries: Iterable[Entry]) -> dict[str, str]:
        """The run that waits of each of these entries, if one does, by the entry's name."""
        names = {entry.name: lane_of(entry) for entry in entries}
        pipeline = self._client.pipeline(transaction=False)
        for name, lane in names.items():
            pipeline.hget(self._keys.own("waiting", lane), name)
        found = zip(names, pipeline.execute(), strict=True)
        return {name: json.loads(text)["id"] for name, text in found if text}

    def active(self, entry: Entry) -> set[str]:
        """The ids of the runs that count against the limit of `entry`: its own, or those of its group."""
        members = set(self._client.smembers(self._keys.own(lane_of(entry))))
        return members - set(self.waiting([entry]).values())


def lane_of(entry: Entry) -> str:
    """The lane of an entry, as its keys name it."""
    return f"group:{entry.group}" if entry.group else f"active:{entry.name}"
