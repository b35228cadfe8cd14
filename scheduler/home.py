"""Which beat an entry's home is, by rendezvous hashing: every beat works it out alone, and all come to the same.

An entry falls into one of 4,096 slots by its key, and each slot has the beat as its home that weighs most there (Thaler
and Ravishankar, "A Name-Based Mapping Scheme for Rendezvous", 1996). When a beat joins or leaves, only those slots move
that it takes or leaves behind. Slots, because the store's script asks for thousands of entries at once whether they are
ours: it has a hash and a table, and no time for one hash a beat.
"""

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha1
from typing import Final

SLOTS: Final = 4_096
_DIGITS: Final = 3  # hexadecimal, of a slot


def slot(key: str) -> int:
    """The slot of the entry with this key: the first three hexadecimal digits of the key's SHA-1, as in select.lua."""
    return int(sha1(key.encode(), usedforsecurity=False).hexdigest()[:_DIGITS], 16)


@lru_cache(maxsize=32)
def homes(beats: frozenset[str]) -> tuple[str, ...]:
    """The home of each slot, of these beats. There must be one at least."""
    if len(beats) == 1:
        return tuple(beats) * SLOTS
    ordered = sorted(beats)
    return tuple(max(ordered, key=lambda beat: _weight(beat, number)) for number in range(SLOTS))


@lru_cache(maxsize=32)
def own_slots(beat: str, beats: frozenset[str]) -> str:
    """For each slot "1" where its home is `beat`, else "0"; the empty text where that is alone and all are its own."""
    if beats <= {beat}:
        return ""
    return "".join("1" if home == beat else "0" for home in homes(beats))


def entries_at_home(keys: Iterable[str], beats: frozenset[str]) -> Counter[str]:
    """How many of these entries, by their keys, have each beat as their home."""
    found = Counter(dict.fromkeys(beats, 0))
    if beats:
        where = homes(beats)
        found.update(where[slot(key)] for key in keys)
    return found


def _weight(beat: str, number: int) -> bytes:
    return sha1(f"{number} {beat}".encode(), usedforsecurity=False).digest()
