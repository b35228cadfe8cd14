"""An outage is said once when it begins and once when it ends, whoever of a process meets it."""

import time

import pytest

from scheduler.errors import Unreachable
from scheduler.outage import FIRST_PAUSE_S, LONGEST_PAUSE_S, Outage

DOWN = Unreachable("db:6379 can't be reached: connection refused", hint="is the server running there?")


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """The events, as they come."""
    events: list[dict[str, object]] = []
    monkeypatch.setattr(
        "scheduler.outage.emit", lambda event, **fields: events.append({"event": event, **fields})
    )
    return events


@pytest.fixture
def outage(said: list[dict[str, object]]) -> Outage:
    return Outage("store")


def test_the_pauses_grow_and_it_is_said_once(outage: Outage, said: list[dict[str, object]]) -> None:
    pauses = [outage.began(DOWN) for _ in range(8)]
    assert pauses[0] == FIRST_PAUSE_S
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE_S
    assert outage.lasts
    assert said == [{"event": "store.unreachable", "error": str(DOWN), "hint": DOWN.hint}]


def test_its_end_says_how_long_it_lasted(outage: Outage, said: list[dict[str, object]]) -> None:
    outage.began(DOWN)
    assert outage.ended(at=time.monotonic() + 90)
    assert not outage.ended()
    assert said[-1]["event"] == "store.reachable"
    assert 90_000 <= int(str(said[-1]["after_ms"])) < 91_000
    assert outage.began(DOWN) == FIRST_PAUSE_S


def test_it_ends_with_the_last_part_that_met_it(outage: Outage, said: list[dict[str, object]]) -> None:
    for part in ("leases", "messages", "leases"):
        outage.began(DOWN, part)
    assert not outage.ended("leases")
    assert outage.lasts
    assert outage.ended("messages")
    assert [each["event"] for each in said] == ["store.unreachable", "store.reachable"]


def test_one_that_never_began_has_no_end(outage: Outage, said: list[dict[str, object]]) -> None:
    assert not outage.ended()
    assert not outage.ended("leases")
    assert said == []


def test_a_part_that_gives_up_says_nothing_of_the_server(
    outage: Outage, said: list[dict[str, object]]
) -> None:
    outage.began(DOWN, "run")
    outage.left("run")
    assert not outage.lasts
    assert [each["event"] for each in said] == ["store.unreachable"]
