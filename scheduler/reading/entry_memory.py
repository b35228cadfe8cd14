"""The entries that were read last, for the next time: what stands as it stood costs next to nothing."""

import json
from collections.abc import Collection, Mapping

from scheduler.entry import Entry
from scheduler.job import JobDeclaration
from scheduler.plan import differ


class EntryMemory:
    """What was made of each entry's tables, and its text for the digest."""

    def __init__(self) -> None:
        self._jobs: Mapping[str, JobDeclaration] | None = None
        self._made: dict[str, tuple[str, Entry]] = {}
        self._said: dict[str, tuple[Entry, str]] = {}

    def begin(self, jobs: Mapping[str, JobDeclaration] | None) -> None:
        """Read for these jobs: with others, entries are checked anew."""
        if jobs != self._jobs:
            self._made.clear()
        self._jobs = jobs

    def made(self, name: str, tables: str) -> Entry | None:
        """The entry, if it came without a problem from exactly these tables."""
        before, entry = self._made.get(name, ("", None))
        return entry if before == tables else None

    def keep(self, name: str, tables: str, entry: Entry) -> None:
        """Remember what came of the tables."""
        self._made[name] = (tables, entry)

    def said(self, entry: Entry) -> str:
        """The entry as JSON, the same for all that mean the same."""
        before, text = self._said.get(entry.name, (None, ""))
        if before is None or (before is not entry and differ(before, entry)):
            text = json.dumps(entry.to_json(), sort_keys=True)
        self._said[entry.name] = (entry, text)
        return text

    def forget_others(self, names: Collection[str]) -> None:
        """Keep what concerns these entries."""
        self._made = {name: made for name, made in self._made.items() if name in names}
        self._said = {name: said for name, said in self._said.items() if name in names}
