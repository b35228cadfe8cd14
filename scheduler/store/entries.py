"""The entries: read, and changed by a plan. Each is RedBeat's hash with fields of ours beside its own."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from scheduler.entry import Entry
from scheduler.epoch import moment_or_none
from scheduler.garbage import collector_at_rest
from scheduler.plan import Plan
from scheduler.store.applying import Applied, Applying, Outdated
from scheduler.store.connection import Client
from scheduler.store.entry_record import FIELDS, StoredEntry, read_entry, stored_entry
from scheduler.store.followers import Followers
from scheduler.store.keys import Keys
from scheduler.store.scripts import Scripts

__all__ = ["Applied", "Entries", "Outdated", "StoredEntry", "read_entry"]

_BATCH: Final = 1_000


class Entries:
    """All entries of one deployment."""

    def __init__(self, client: Client, keys: Keys, scripts: Scripts, followers: Followers) -> None:
        self._client: Any = client  # redis-py's types: bytes or str
        self._keys = keys
        self._applying = Applying(client, keys, scripts)
        self._followers = followers

    def all(self) -> dict[str, StoredEntry]:
        """Every entry by name, in the order of the names."""
        rows = self._client.zrange(self._keys.schedule, 0, -1, withscores=True)
        return dict(sorted(self._read(rows).items()))

    def _read(self, rows: Sequence[tuple[str, float]]) -> dict[str, StoredEntry]:
        found: dict[str, StoredEntry] = {}
        for start in range(0, len(rows), _BATCH):
            batch = rows[start : start + _BATCH]
            pipeline = self._client.pipeline(transaction=False)
            for key, _ in batch:
                pipeline.hmget(key, *FIELDS)
            for (key, due), fields in zip(batch, pipeline.execute(raise_on_error=False), strict=True):
                name = self._keys.entry_name(key)
                found[name] = stored_entry(name, due, fields if isinstance(fields, list) else [None] * 4)
        return found

    def names(self) -> list[str]:
        """The names of all entries, sorted."""
        return sorted(self._keys.entry_name(key) for key in self._client.zrange(self._keys.schedule, 0, -1))

    def get(self, name: str) -> StoredEntry | None:
        """One entry, or None."""
        key = self._keys.entry(name)
        pipeline = self._client.pipeline(transaction=False)
        pipeline.zscore(self._keys.schedule, key)
        pipeline.hmget(key, *FIELDS)
        due, fields = pipeline.execute()
        return None if due is None else stored_entry(name, due, fields)

    def behind(self, name: str) -> datetime | None:
        """Since when missed ticks of the entry wait for their turn; None where none does."""
        return moment_or_none(self._client.hget(self._keys.entry(name), "behind"))

    def applied(self) -> Applied:
        """Which schedules are in force."""
        return self._applying.in_force()

    @collector_at_rest()
    def apply(
        self,
        wanted: Mapping[str, Entry],
        *,
        digest: str,
        revision: int,
        now: datetime,
        by: str,
        env: str | None = None,
    ) -> Plan:
        """Make the store's entries of the file match `wanted`, in one transaction, and return what that changed.

        What somebody changed through RedBeat's API stays until the file itself says something else of that entry.
        Ticks that were due and are not decided yet when their entry's schedule ends or changes go into the ledger as
        withdrawn; no tick is counted here that a beat decides at the same moment. Two beats that start at once agree:
        the second one finds nothing left to do. Raises Outdated where schedules of a higher revision are in force.
        """
        changes = self._applying.apply(wanted, Applied(digest, revision, now, by, env), now)
        self._followers.replace(wanted)
        self._note_gone(changes.removed, wanted)
        return changes

    def gone(self) -> list[str]:
        """The names of entries that may be gone while their runs are on record yet, sorted.

        Those that the file had once, and those that another program has made.
        """
        return sorted(self._client.smembers(self._keys.own("departed")))

    def _note_gone(self, removed: Collection[str], wanted: Mapping[str, Entry]) -> None:
        names = sorted({*self.gone(), *removed})
        pipeline = self._client.pipeline(transaction=False)
        for name in names:
            pipeline.exists(self._keys.runs(name), self._keys.entry(name))
        left = dict(zip(names, pipeline.execute(), strict=True))
        pipeline = self._client.pipeline()
        if fresh := [name for name in removed if left[name]]:
            pipeline.sadd(self._keys.own("departed"), *fresh)
        for name in names:
            if name in wanted or not left[name]:
                pipeline.srem(self._keys.own("departed"), name)
            if not left[name]:
                pipeline.delete(self._keys.ledger(name), self._keys.ticks(name))
        pipeline.execute()
