"""Entries that follow on others: names that are none, and rings, are found and told in words."""

from scheduler.entry import Entry
from scheduler.entry_chain import broken_chains
from scheduler.store.followers import followers_of


def entries(**after: str) -> dict[str, Entry]:
    return {name: Entry(name=name, job="jobs.x", after=tuple(names.split())) for name, names in after.items()}


def test_a_line_a_fan_and_a_diamond_are_well() -> None:
    wanted = entries(a="", b="a", c="a", d="b c", e="d")
    assert list(broken_chains(wanted, set(wanted))) == []
    assert followers_of(wanted) == {"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": ["e"]}


def test_a_name_that_is_none_is_told_with_the_likeliest() -> None:
    (broken,) = broken_chains(entries(extract="", load="extrakt"), {"extract", "load"})
    assert (broken.entry, broken.key, broken.name) == ("load", "after", "extrakt")
    assert broken.message == "there is no entry 'extrakt'; did you mean 'extract'?"


def test_a_ring_is_told_by_each_of_its_entries() -> None:
    found = {
        broken.entry: broken.message
        for broken in broken_chains(entries(a="c", b="a", c="b"), {"a", "b", "c"})
    }
    assert found == {
        "a": "the entries wait for each other: a → c → b → a",
        "b": "the entries wait for each other: b → a → c → b",
        "c": "the entries wait for each other: c → b → a → c",
    }


def test_one_that_waits_for_itself_does_so_by_failures_too() -> None:
    itself = {"a": Entry(name="a", job="jobs.x", after_failed=("a",))}
    (broken,) = broken_chains(itself, {"a"})
    assert broken.message == "the entries wait for each other: a → a"
