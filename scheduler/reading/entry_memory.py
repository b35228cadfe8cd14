"""The entries that were read last, for the next time: what stands as it stood costs next to nothing."""

from collections.abc import Collection, Mapping

from scheduler.entry import Entry
from scheduler.job import JobDeclaration
from scheduler.reading.entry_pattern import Pattern


class EntryMemory:
    """What was made of each entry's tables, and the patterns that entries share."""

    def __init__(self) -> None:
        self._jobs: Mapping[str, JobDeclaration] | None = None
        self._made: dict[str, tuple[Pattern, str, Entry]] = {}
        self._patterns: dict[str, Pattern] = {}

    def begin(self, jobs: Mapping[str, JobDeclaration] | None) -> None:
        """Read for these jobs: with others, entries are checked anew."""
        if jobs != self._jobs:
            self._made.clear()
            self._patterns.clear()
        self._jobs = jobs

    def pattern(self, tables: str) -> Pattern | None:
        """The pattern of entries that came without a problem from tables that say this, but for their arguments."""
        return self._patterns.get(tables)

    def keep_pattern(self, pattern: Pattern) -> None:
        """Remember what entries have in common."""
        self._patterns[pattern.tables] = pattern

    def made(self, name: str, pattern: Pattern, arguments: str) -> Entry | None:
        """The entry, if it was made of exactly these."""
        before, said, entry = self._made.get(name, (None, "", None))
        return entry if before is pattern and said == arguments else None

    def keep(self, entry: Entry, pattern: Pattern, arguments: str) -> None:
        """Remember what the entry was made of."""
        self._made[entry.name] = (pattern, arguments, entry)

    def forget_others(self, names: Collection[str]) -> None:
        """Keep what concerns these entries."""
        self._made = {name: made for name, made in self._made.items() if name in names}
        self._patterns = {pattern.tables: pattern for pattern, _, _ in self._made.values()}
