"""One entry's hash: RedBeat's fields with ours beside them, written as text and read again."""

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Final

from scheduler import redbeat_entry
from scheduler.entry import Entry
from scheduler.epoch import moment_of_score, moment_or_none

FIELDS: Final = ("definition", "meta", "onbeat", "tick")


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


def own_field(entry: Entry, definition: str) -> str:
    """What RedBeat has no room for, with the definition it was written beside, to notice an edit through RedBeat.

    It begins with the entry's mark, where marks.lua finds it.
    """
    return f'{{"mark": "{mark(entry)}", "entry": {entry.text()}, "beside": {json.dumps(definition)}}}'


def mark(entry: Entry) -> str:
    """A short text that is the same for entries that mean the same."""
    return hashlib.sha1(entry.text().encode(), usedforsecurity=False).hexdigest()


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
