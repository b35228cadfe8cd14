"""Pauses, and what else a person did by a command, for a beat to log."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from scheduler.epoch import milliseconds, moment, moment_or_none
from scheduler.store.connection import Client
from scheduler.store.keys import Keys
from scheduler.timestamps import rfc3339

EVERY_ENTRY: Final = "*"
MOST_ANNOUNCEMENTS: Final = 1_000  # without a beat nobody takes them away


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Why, since when and until when an entry (or, by `*`, every entry) is paused. `until` None: until resumed."""

    entry: str
    by: str
    reason: str
    paused_at: datetime
    until: datetime | None

    def holds(self, now: datetime) -> bool:
        """True when the pause is in force at `now`."""
        return self.until is None or now < self.until


class Pauses:
    """The pauses of one deployment."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client: Any = client  # redis-py's types: bytes or str
        self._keys = keys

    def put(self, pause: Pause) -> None:
        """Pause, or change the pause that is there."""
        document = {
            "by": pause.by,
            "reason": pause.reason,
            "paused_at": milliseconds(pause.paused_at),
            "until": None if pause.until is None else milliseconds(pause.until),
        }
        self._client.hset(self._keys.own("paused"), pause.entry, json.dumps(document))

    def lift(self, entry: str) -> Pause | None:
        """Resume; the pause that was there, or None."""
        pipeline = self._client.pipeline()
        pipeline.hget(self._keys.own("paused"), entry)
        pipeline.hdel(self._keys.own("paused"), entry)
        text, _ = pipeline.execute()
        return None if text is None else pause_of(entry, json.loads(text))

    def all(self) -> dict[str, Pause]:
        """All pauses, those that ran out included, by entry; `*` is every entry."""
        rows = self._client.hgetall(self._keys.own("paused"))
        return {entry: pause_of(entry, json.loads(text)) for entry, text in sorted(rows.items())}

    def announce(self, event: str, **fields: Any) -> None:
        """Have a beat log this event: the command that did it has no log that an SRE reads.

        The field `at` says when it was done; the line comes up to a second later.
        """
        self.announce_all([(event, fields)])

    def announce_all(self, events: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """The same of several at once."""
        told = list(events)
        if not told:
            return
        at = rfc3339(self._now())
        texts = [json.dumps({"event": event, **fields, "at": at}) for event, fields in told]
        key = self._keys.own("announcements")
        pipeline = self._client.pipeline()
        pipeline.rpush(key, *texts)
        pipeline.ltrim(key, -MOST_ANNOUNCEMENTS, -1)
        pipeline.execute()

    def _now(self) -> datetime:
        seconds, microseconds = self._client.time()
        return moment(seconds * 1000 + microseconds // 1000)

    def take_announcements(self, limit: int = MOST_ANNOUNCEMENTS) -> list[dict[str, Any]]:
        """The announcements to log now; nobody else gets them."""
        rows = self._client.lpop(self._keys.own("announcements"), limit)
        return [json.loads(row) for row in rows or ()]


def pause_of(entry: str, document: Mapping[str, Any]) -> Pause:
    """The pause that the store's JSON tells of."""
    return Pause(
        entry=entry,
        by=document["by"],
        reason=document["reason"],
        paused_at=moment(document["paused_at"]),
        until=moment_or_none(document.get("until")),
    )


def pause_in_force(pauses: Mapping[str, Pause], entry: str, now: datetime) -> Pause | None:
    """The pause that holds `entry` at `now`, or None."""
    for name in (entry, EVERY_ENTRY):
        if (pause := pauses.get(name)) is not None and pause.holds(now):
            return pause
    return None
