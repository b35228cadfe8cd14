"""Puts the entries of a file in force: what differs from what was applied is written, in one Lua call."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from scheduler import redbeat_entry
from scheduler.disposition import Disposition, TickRange
from scheduler.entry import Entry
from scheduler.epoch import milliseconds, moment_or_none, score
from scheduler.plan import Change, Plan, plan
from scheduler.schedule import calendars_of
from scheduler.store.connection import Client
from scheduler.store.entry_record import FIELDS, StoredEntry, mark, own_field, stored_entry
from scheduler.store.keys import Keys
from scheduler.store.ledger import MOST_RANGES, range_json
from scheduler.store.scripts import Scripts

_BATCH: Final = 1_000
_COMPARED: Final = ("digest", "revision", "applied_at", "by")


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


class _Read(NamedTuple):
    """An entry of the store, and the texts of its fields."""

    stored: StoredEntry
    definition: str
    own: str
    tick: str


class _Write(NamedTuple):
    """An entry to write. `tick`: the moment from which its ticks are counted, where `how` is "anew"."""

    entry: Entry
    how: Literal["anew", "sooner", "keep"]
    tick: datetime | None = None
    next_at: datetime | None = None


class Applying:
    """Applies files to one deployment. Remembers the marks of the last one's entries."""

    def __init__(self, client: Client, keys: Keys, scripts: Scripts) -> None:
        self._client: Any = client  # redis-py's types: bytes or str
        self._keys = keys
        self._scripts = scripts
        self._known: dict[str, tuple[Entry, str]] = {}

    def in_force(self) -> Applied:
        """Which schedules are in force."""
        return _applied(self._client.hgetall(self._keys.own("applied")))

    def apply(self, wanted: Mapping[str, Entry], ours: Applied, now: datetime) -> Plan:
        """Make the store's entries of the file match `wanted`, and return what that changed.

        1. Read which schedules are in force, the names of all entries, and a mark of each.
        2. Read those whose mark is not that of `wanted`, and plan: the others are as the file says.
        3. Write the plan in one call, unless something came in between: then begin again.

        Raises Outdated where schedules of a higher revision are in force.
        """
        while True:
            fields, keys = self._in_store()
            in_force = _applied(fields)
            if in_force.revision > ours.revision:
                raise Outdated(in_force.revision)
            marks = self._marks(keys)
            same = {name for name, entry in wanted.items() if marks.get(name) == self._mark(entry)}
            read = self._read([name for name in marks if name not in same])
            before = {
                name: each.stored.applied for name, each in read.items() if each.stored.applied is not None
            }
            changes = plan({name: entry for name, entry in wanted.items() if name not in same}, before)
            same |= set(changes.unchanged)
            changes = replace(changes, unchanged=tuple(name for name in wanted if name in same))
            as_ours = (in_force.digest, in_force.revision) == (ours.digest, ours.revision)
            if (changes.empty and as_ours) or self._write(changes, read, fields, ours, now):
                self._known = {name: self._known[name] for name in wanted}
                return changes

    def _mark(self, entry: Entry) -> str:
        known, text = self._known.get(entry.name, (None, ""))
        if known is not entry:
            self._known[entry.name] = entry, (text := mark(entry))
        return text

    def _in_store(self) -> tuple[Mapping[str, str], Sequence[str]]:
        pipeline = self._client.pipeline(transaction=False)
        pipeline.hgetall(self._keys.own("applied"))
        pipeline.zrange(self._keys.schedule, 0, -1)
        fields, keys = pipeline.execute()
        return fields, keys

    def _marks(self, keys: Sequence[str]) -> dict[str, str]:
        found: list[str] = []
        for start in range(0, len(keys), _BATCH):
            found += self._scripts.call("marks", keys[start : start + _BATCH], [])
        return {self._keys.entry_name(key): mark for key, mark in zip(keys, found, strict=True)}

    def _read(self, names: Sequence[str]) -> dict[str, _Read]:
        """Those of these entries that there are."""
        found: dict[str, _Read] = {}
        for start in range(0, len(names), _BATCH):
            batch = names[start : start + _BATCH]
            pipeline = self._client.pipeline(transaction=False)
            for name in batch:
                pipeline.zscore(self._keys.schedule, self._keys.entry(name))
                pipeline.hmget(self._keys.entry(name), *FIELDS)
            answers = iter(pipeline.execute(raise_on_error=False))
            for name, due, fields in zip(batch, answers, answers, strict=True):
                texts = fields if isinstance(fields, list) else [None] * len(FIELDS)
                if isinstance(due, float):
                    definition, _, own, tick = (text or "" for text in texts)
                    found[name] = _Read(stored_entry(name, due, texts), definition, own, tick)
        return found

    def _write(
        self,
        changes: Plan,
        read: Mapping[str, _Read],
        in_force: Mapping[str, str],
        ours: Applied,
        now: datetime,
    ) -> bool:
        stored = {name: each.stored for name, each in read.items()}
        over = self._had_all_runs(changes)
        writes = [_Write(entry, "anew", now, _next_at(entry, now)) for entry in changes.added]
        writes += [_written(change, stored[change.after.name], over, now) for change in changes.changed]
        touched = [*(change.after.name for change in changes.changed), *changes.removed]
        withdrawn = [*_withdrawn(changes, writes, stored, now)]
        keys = [self._keys.own("applied"), self._keys.schedule, self._keys.ledger()]
        keys += [self._keys.entry(each.entry.name) for each in writes]
        keys += [self._keys.entry(name) for name in touched]
        for name, _ in withdrawn:
            keys += [self._keys.ledger(name), self._keys.ticks(name)]
        keys += [key for name in changes.removed for key in self._keys_of(name)]
        args: list[str | int] = [*(in_force.get(field, "") for field in _COMPARED)]
        args += [ours.digest or "", ours.revision, milliseconds(now), ours.by or "", ours.env or ""]
        args += [redbeat_entry.NEVER_RUN, MOST_RANGES, len(writes), len(touched), len(withdrawn)]
        for each in writes:
            definition = redbeat_entry.definition(each.entry)
            tick = milliseconds(each.tick) if each.tick is not None else ""
            args += [definition, own_field(each.entry, definition), tick, score(each.next_at), each.how]
        for name in touched:
            args += [read[name].definition, read[name].own, read[name].tick]
        for _, some in withdrawn:
            args += [range_json(some, now), some.disposition, some.count]
        return bool(self._scripts.call("apply", keys, args))

    def _keys_of(self, name: str) -> Iterable[str]:
        return self._keys.entry(name), self._keys.ledger(name), self._keys.ticks(name)

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


def _applied(fields: Mapping[str, str]) -> Applied:
    return Applied(
        fields.get("digest"),
        int(fields.get("revision", 0)),
        moment_or_none(fields.get("applied_at")),
        fields.get("by"),
        fields.get("env") or None,
    )


def _written(change: Change, was: StoredEntry, over: Collection[str], now: datetime) -> _Write:
    entry = change.after
    # One that has had all its runs begins anew where it may have more.
    more = change.before.max_runs != entry.max_runs and was.next_at is None
    if change.rescheduled or more or not entry.enabled or entry.schedule is None:
        tick = max(now, was.last_tick_at or now)
        return _Write(entry, "anew", tick, None if entry.name in over else _next_at(entry, tick))
    if calendars_of(entry.schedule) and (sooner := entry.schedule.next_after(now)) is not None:
        # With other holidays its next tick may come sooner; where it comes later a beat finds nothing owed yet.
        return _Write(entry, "sooner", next_at=sooner)
    return _Write(entry, "keep")


def _next_at(entry: Entry, after: datetime) -> datetime | None:
    return entry.schedule.next_after(after) if entry.schedule is not None and entry.enabled else None


def _withdrawn(
    changes: Plan, writes: Sequence[_Write], stored: Mapping[str, StoredEntry], now: datetime
) -> Iterator[tuple[str, TickRange]]:
    """The ticks that are due by now, that nobody has decided, and whose entry will not have them any more."""
    changed = {change.after.name for change in changes.changed}
    for entry in (each.entry for each in writes if each.how == "anew" and each.entry.name in changed):
        what = "given another schedule" if entry.enabled else "disabled"
        yield from _undecided(stored[entry.name], now, what)
    for name in changes.removed:
        yield from _undecided(stored[name], now, "removed")


def _undecided(was: StoredEntry, now: datetime, what: str) -> Iterator[tuple[str, TickRange]]:
    entry, after = was.entry, was.last_tick_at
    if entry is None or entry.schedule is None or not entry.enabled or after is None or was.next_at is None:
        return
    first, last = entry.schedule.next_after(after), entry.schedule.latest_between(after, now)
    if first is not None and last is not None:
        reason = f"the entry was {what} before a beat had decided"
        count = entry.schedule.count_between(after, now)
        yield was.name, TickRange(Disposition.SKIPPED_DEADLINE, first, last, count, reason)
