"""Entries that follow on others: what is wrong with whom they name. Pure."""

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from scheduler.entry import Entry
from scheduler.suggestion import did_you_mean


class Broken(NamedTuple):
    """An entry that can't follow: its key, which of the names is wrong, and why."""

    entry: str
    key: str
    name: str
    message: str


def broken_chains(entries: Mapping[str, Entry], known: Collection[str]) -> Iterator[Broken]:
    """What is wrong with `after` and `after_failed` of the entries; `known` are all names, of wrong entries too."""
    for entry in entries.values():
        for key, names in (("after", entry.after), ("after_failed", entry.after_failed)):
            for name in names:
                if name not in known:
                    hint = did_you_mean(name, known)
                    yield Broken(entry.name, key, name, f"there is no entry {name!r}{hint}")
                elif ring := _ring(entries, entry.name, name):
                    line = " → ".join(ring)
                    yield Broken(entry.name, key, name, f"the entries wait for each other: {line}")


def _ring(entries: Mapping[str, Entry], start: str, name: str) -> list[str] | None:
    """The way from `start` by `name` back to `start`, each following on the next; None where there is none."""
    seen: set[str] = set()
    ways = [[start, name]]
    while ways:
        way = ways.pop()
        if way[-1] == start:
            return way
        if way[-1] in seen or way[-1] not in entries:
            continue
        seen.add(way[-1])
        here = entries[way[-1]]
        ways += [[*way, each] for each in (*here.after, *here.after_failed)]
    return None
