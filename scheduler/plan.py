"""The plan: what the file wants minus what the store has, as data. Applied in one transaction, or shown."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from scheduler.entry import Entry
from scheduler.schedule import but_for_days


@dataclass(frozen=True, slots=True)
class Change:
    """An entry that is in both, and differs. `rescheduled`: its ticks begin anew, for its cadence is another one."""

    before: Entry
    after: Entry
    rescheduled: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """The entries to add, to change and to remove, each by name; the rest stays as it is."""

    added: tuple[Entry, ...]
    changed: tuple[Change, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]
    taken: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """True when the store already matches the file."""
        return not (self.added or self.changed or self.removed)


def plan(wanted: Mapping[str, Entry], stored: Mapping[str, Entry]) -> Plan:
    """The changes that make the entries of source `file` in `stored` match `wanted`.

    Entries made through the API are left alone; `taken` names those whose name the file uses as well, which it
    takes over.
    """
    ours = {name: entry for name, entry in stored.items() if entry.source == "file"}
    foreign = {name: entry for name, entry in stored.items() if entry.source != "file"}
    changed = [
        Change(before, after, rescheduled(before, after))
        for name, after in wanted.items()
        if (before := stored.get(name)) is not None and differ(before, after)
    ]
    return Plan(
        added=tuple(entry for name, entry in wanted.items() if name not in stored),
        changed=tuple(changed),
        removed=tuple(name for name in ours if name not in wanted),
        unchanged=tuple(
            name
            for name, entry in wanted.items()
            if (before := stored.get(name)) is not None and not differ(before, entry)
        ),
        taken=tuple(name for name in wanted if name in foreign),
    )


def differ(before: Entry, after: Entry) -> bool:
    """Whether the two say different things. 1, 1.0 and true are the same to Python, and not to a job."""
    return before != after or _arguments(before) != _arguments(after)


def _arguments(entry: Entry) -> str:
    return json.dumps([entry.args, dict(entry.kwargs)], sort_keys=True) if entry.args or entry.kwargs else ""


def rescheduled(before: Entry, after: Entry) -> bool:
    """True when the ticks of `after` are to be counted from now on: another cadence, or enabled again.

    Other days in a calendar are no other cadence: what is owed stays owed.
    """
    if after.enabled and not before.enabled:
        return True
    return before.schedule != after.schedule and but_for_days(before.schedule) != but_for_days(after.schedule)
