"""The entries: read, and changed by a plan. Each is RedBeat's hash with fields of ours beside its own."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from redis.exceptions import WatchError

from scheduler import redbeat_entry
from scheduler.disposition import Disposition, TickRange
from scheduler.entry import Entry
from scheduler.plan import Plan, plan
from scheduler.schedule import calendars_of
from scheduler.store.connection import Client
from scheduler.store.keys import Keys
from scheduler.store.ledger import MOST_RANGES, range_json
from scheduler.store.moments import milliseconds, moment_of_score, moment_or_none, score

_FIELDS: Final = ("definition", "meta", "onbeat", "tick")
_BATCH: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEntry:
    """An entry as the store has it. `entry` is None, and `trouble` says why, where it can't be read.

    `applied` is the entry as the file had it when it was applied: without what RedBeat's API changed since.
    """

    name: str
    entry: Entry | None
    applied: Entry | None = None
    trouble: str | None
    next_at: datetime | None
    last_tick_at: datetime | None
    last_run_at: datetime | None


@dataclass(frozen=True, slots=True)
class Applied:
    """Which schedules are in force: their digest, their revision, since when, by whom, and of which environment."""

    digest: str | None
    revision: int
    applied_at: datetime | None
    by: str | None
    env: str | None = None


class Outdated(Exception):
    """The store holds schedules of a higher revision; ours must not replace them."""

    def __init__(self, revision: int) -> None:
        super().__init__(f"the store has revision {revision}")
        self.revision = revision


class Entries:
    """All entries of one deployment."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client: Any = client  # redis-py's types: bytes or str
        self._keys = keys

    def all(self) -> dict[str, StoredEntry]:
        """Every entry by name, in the order of the names."""
        rows = self._client.zrange(self._keys.schedule, 0, -1, withscores=True)
        return dict(sorted(self._read(rows).items()))

    def some(self, names: Collection[str]) -> dict[str, StoredEntry]:
        """Those of these entries that there are."""
        pipeline = self._client.pipeline(transaction=False)
        keys = [self._keys.entry(name) for name in names]
        for key in keys:
            pipeline.zscore(self._keys.schedule, key)
        scores = zip(keys, pipeline.execute(), strict=True)
        return self._read([(key, due) for key, due in scores if due is not None])

    def _read(self, rows: Sequence[tuple[str, float]]) -> dict[str, StoredEntry]:
        found: dict[str, StoredEntry] = {}
        for start in range(0, len(rows), _BATCH):
            batch = rows[start : start + _BATCH]
            pipeline = self._client.pipeline(transaction=False)
            for key, _ in batch:
                pipeline.hmget(key, *_FIELDS)
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
        pipeline.hmget(key, *_FIELDS)
        due, fields = pipeline.execute()
        return None if due is None else stored_entry(name, due, fields)

    def applied(self) -> Applied:
        """Which schedules are in force."""
        fields = self._client.hgetall(self._keys.own("applied"))
        return Applied(
            fields.get("digest"),
            int(fields.get("revision", 0)),
            moment_or_none(fields.get("applied_at")),
            fields.get("by"),
            fields.get("env") or None,
        )

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
        applied_key = self._keys.own("applied")
        while True:
            pipeline = self._client.pipeline()
            try:
                pipeline.watch(applied_key)
                in_force = self.applied()
                if in_force.revision > revision:
                    raise Outdated(in_force.revision)
                stored = self.all()
                before = {name: each.applied for name, each in stored.items() if each.applied is not None}
                changes = plan(wanted, before)
                if changes.empty and (in_force.digest, in_force.revision) == (digest, revision):
                    return changes
                touched = [*(each.after.name for each in changes.changed), *changes.removed]
                if touched:
                    pipeline.watch(*(self._keys.entry(name) for name in touched))
                    if any(each != stored[name] for name, each in self.some(touched).items()):
                        continue
                over = self._had_all_runs(changes)
                pipeline.multi()
                self._write(pipeline, changes, stored, over, now)
                fields = {"digest": digest, "revision": revision, "applied_at": milliseconds(now), "by": by}
                fields["env"] = env or ""
                pipeline.hset(applied_key, mapping=fields)
                pipeline.execute()
            except WatchError:
                continue
            finally:
                pipeline.reset()
            return changes

    def _had_all_runs(self, changes: Plan) -> set[str]:
        """The changed entries that have had as many runs as they may have now."""
        limits = {
            each.after.name: each.after.max_runs
            for each in changes.changed
            if each.after.max_runs is not None
        }
        pipeline = self._client.pipeline(transaction=False)
        for name in limits:
            pipeline.hget(self._keys.ledger(name), Disposition.DISPATCHED)
        counts = zip(limits.items(), pipeline.execute(), strict=True)
        return {name for (name, limit), count in counts if int(count or 0) >= limit}

    def _write(  # type: ignore[no-untyped-def]
        self,
        pipeline,  # noqa: ANN001 - redis-py's pipeline has no usable type
        changes: Plan,
        stored: Mapping[str, StoredEntry],
        over: Collection[str],
        now: datetime,
    ) -> None:
        withdrawn: list[tuple[str, TickRange]] = []
        for entry in changes.added:
            self._put(pipeline, entry, tick=now, next_at=_next_at(entry, now))
        for change in changes.changed:
            entry, was = change.after, stored[change.after.name]
            # One that has had all its runs begins anew where it may have more.
            more = change.before.max_runs != entry.max_runs and was.next_at is None
            if change.rescheduled or more or not entry.enabled or entry.schedule is None:
                withdrawn += _withdrawn(
                    was, now, "disabled" if not entry.enabled else "given another schedule"
                )
                tick = max(now, was.last_tick_at or now)
                next_at = None if entry.name in over else _next_at(entry, tick)
                self._put(pipeline, entry, tick=tick, next_at=next_at)
            else:
                self._put(pipeline, entry)
                self._advance(pipeline, entry, now)
        for name in changes.removed:
            withdrawn += _withdrawn(stored[name], now, "removed")
        self._record(pipeline, withdrawn, now)
        for name in changes.removed:
            pipeline.zrem(self._keys.schedule, self._keys.entry(name))
            pipeline.delete(self._keys.entry(name), self._keys.ledger(name), self._keys.ticks(name))

    def _put(  # type: ignore[no-untyped-def]
        self,
        pipeline,  # noqa: ANN001 - as above
        entry: Entry,
        *,
        tick: datetime | None = None,
        next_at: datetime | None = None,
    ) -> None:
        """Write the entry; with `tick` its ticks are counted from then on, and `next_at` is the first."""
        key = self._keys.entry(entry.name)
        definition = redbeat_entry.definition(entry)
        pipeline.hset(key, mapping={"definition": definition, "onbeat": _own_field(entry, definition)})
        pipeline.hsetnx(key, "meta", redbeat_entry.NEVER_RUN)
        if tick is not None:
            pipeline.hset(key, "tick", milliseconds(tick))
            pipeline.hdel(key, "parked", "behind")
            pipeline.zadd(self._keys.schedule, {key: score(next_at)})

    def _advance(self, pipeline, entry: Entry, now: datetime) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - as above
        """With other holidays its next tick may come sooner; where it comes later a beat finds nothing owed yet."""
        if entry.schedule is None or not calendars_of(entry.schedule):
            return
        if (sooner := entry.schedule.next_after(now)) is not None:
            pipeline.zadd(self._keys.schedule, {self._keys.entry(entry.name): score(sooner)}, lt=True)

    def _record(  # type: ignore[no-untyped-def]
        self,
        pipeline,  # noqa: ANN001 - as above
        withdrawn: Sequence[tuple[str, TickRange]],
        now: datetime,
    ) -> None:
        for name, some in withdrawn:
            pipeline.lpush(self._keys.ticks(name), range_json(some, now))
            pipeline.ltrim(self._keys.ticks(name), 0, MOST_RANGES - 1)
            for ledger in (self._keys.ledger(name), self._keys.ledger()):
                pipeline.hincrby(ledger, "expected", some.count)
                pipeline.hincrby(ledger, some.disposition, some.count)


def _next_at(entry: Entry, after: datetime) -> datetime | None:
    return entry.schedule.next_after(after) if entry.schedule is not None and entry.enabled else None


def _withdrawn(was: StoredEntry, now: datetime, what: str) -> list[tuple[str, TickRange]]:
    """The ticks of an entry that are due by now and that nobody has decided."""
    entry, after = was.entry, was.last_tick_at
    if entry is None or entry.schedule is None or not entry.enabled or after is None or was.next_at is None:
        return []
    first, last = entry.schedule.next_after(after), entry.schedule.latest_between(after, now)
    if first is None or last is None:
        return []
    reason = f"the entry was {what} before a beat had decided"
    count = entry.schedule.count_between(after, now)
    return [(was.name, TickRange(Disposition.SKIPPED_DEADLINE, first, last, count, reason))]


def _own_field(entry: Entry, definition: str) -> str:
    """What RedBeat has no room for, with the definition it was written beside, to notice an edit through RedBeat."""
    return json.dumps({"entry": entry.to_json(), "beside": definition})


def stored_entry(name: str, due: float | str, fields: list[str | None]) -> StoredEntry:
    """What the fields of an entry's hash say: `definition`, `meta`, `onbeat`, `tick`."""
    definition, meta, own, tick = (field or None for field in fields)
    entry: Entry | None = None
    applied: Entry | None = None
    trouble: str | None = None
    try:
        entry = read_entry(name, definition or "", own or "")
        applied = written(own)[0] if own else entry
    except ValueError as error:
        trouble = str(error)
    return StoredEntry(
        name=name,
        entry=entry,
        applied=applied,
        trouble=trouble,
        next_at=moment_of_score(due),
        last_tick_at=moment_or_none(tick),
        last_run_at=redbeat_entry.last_run_at(meta or ""),
    )


@lru_cache(maxsize=65_536)
def written(own: str) -> tuple[Entry, str]:
    """The entry as we wrote it, and the definition it was written beside. Raises ValueError where it can't be read."""
    try:
        document = json.loads(own)
        return Entry.from_json(document["entry"]), document["beside"]
    except redbeat_entry.UNREADABLE as error:
        message = f"its field `onbeat` can't be read: {type(error).__name__}: {error}"
        raise ValueError(message) from error


@lru_cache(maxsize=65_536)
def read_entry(name: str, definition: str, own: str) -> Entry:
    """The entry that a hash holds, kept by content: thousands of reads cost one parse.

    What was edited through RedBeat's API since we wrote it is taken from the definition.
    Raises ValueError where it can't be read.
    """
    if not definition:
        message = "its definition is missing"
        raise ValueError(message)
    if not own:
        return replace(redbeat_entry.entry_from_definition(definition), name=name)
    entry, beside = written(own)
    if beside == definition:
        return entry
    return replace(entry, **redbeat_entry.edits(beside, definition))
