"""Homes by rendezvous hashing: even, the same for all, and only what must move moves."""

from collections import Counter

import pytest

from scheduler.home import SLOTS, entries_at_home, homes, own_slots, slot

KEYS = [f"redbeat:entry-{number}" for number in range(10_000)]
THREE = frozenset({"a:1:x", "b:2:y", "c:3:z"})


@pytest.mark.parametrize("count", [2, 3, 5, 10])
def test_each_beat_has_about_the_same_number_of_entries(count: int) -> None:
    beats = frozenset(f"host-{number}:{1000 + number}:abc" for number in range(count))
    found = entries_at_home(KEYS, beats)
    assert found.total() == len(KEYS)
    even = len(KEYS) / count
    assert all(0.85 * even < found[beat] < 1.15 * even for beat in beats)


def test_a_beat_that_joins_takes_its_share_and_nothing_else_moves() -> None:
    before, after = homes(THREE), homes(THREE | {"d:4:w"})
    moved = [slot for slot in range(SLOTS) if before[slot] != after[slot]]
    assert {after[slot] for slot in moved} == {"d:4:w"}
    assert 0.8 * SLOTS / 4 < len(moved) < 1.2 * SLOTS / 4


def test_the_entries_of_a_beat_that_leaves_are_shared_by_the_others_and_nothing_else_moves() -> None:
    before, after = homes(THREE), homes(THREE - {"b:2:y"})
    assert all(before[slot] in ("b:2:y", after[slot]) for slot in range(SLOTS))
    heirs = Counter(after[slot] for slot in range(SLOTS) if before[slot] == "b:2:y")
    assert set(heirs) == THREE - {"b:2:y"}
    assert min(heirs.values()) > 0.8 * heirs.total() / 2


def test_every_slot_is_own_to_exactly_one_beat() -> None:
    for column in zip(*(own_slots(beat, THREE) for beat in THREE), strict=True):
        assert sorted(column) == ["0", "0", "1"]


def test_to_a_beat_alone_everything_is_its_own_without_a_table() -> None:
    assert own_slots("a:1:x", frozenset({"a:1:x"})) == ""
    assert entries_at_home(KEYS, frozenset({"a:1:x"})) == {"a:1:x": len(KEYS)}


def test_without_a_beat_no_entry_has_a_home() -> None:
    assert entries_at_home(KEYS, frozenset()) == {}


def test_what_two_versions_of_onbeat_must_agree_on() -> None:
    """A rolling upgrade has beats of both: whoever changes this lets entries wait 250 ms meanwhile."""
    assert slot("redbeat:nightly") == 1_988
    assert Counter(homes(THREE)) == {"b:2:y": 1_431, "a:1:x": 1_365, "c:3:z": 1_300}
