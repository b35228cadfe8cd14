"""What a beat makes of the signs of the others, and when it says that one came or left."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scheduler.beat import others
from scheduler.beat.others import Others
from scheduler.store.presence import Sign

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
Told = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    said: Told = []
    monkeypatch.setattr(others, "emit", lambda event, **fields: said.append((event, fields)))
    return said


def signs(after_s: float, **ages_s: float) -> dict[str, Sign]:
    """What the store answers to `a`, so many seconds after NOW: the others' signs are so old."""
    now = NOW + timedelta(seconds=after_s)
    return {
        name: Sign(name, {}, now - timedelta(seconds=age_s)) for name, age_s in {"a": 0.0, **ages_s}.items()
    }


def test_who_is_there_at_the_first_sign_has_not_joined(told: Told) -> None:
    some = Others("a")
    assert some.own_slots == ""
    assert some.hear(signs(0, b=1, long_dead=60))
    assert some.any
    assert set(some.own_slots) == {"0", "1"}
    assert told == []


def test_who_comes_and_who_signs_out_is_told_once(told: Told) -> None:
    some = Others("a")
    some.hear(signs(0))
    assert some.hear(signs(2, b=0.5))
    assert not some.hear(signs(4, b=0.5))
    assert some.hear(signs(6))
    assert not some.hear(signs(8))
    assert told == [
        ("beat.joined", {"beat": "b", "beats": 2}),
        ("beat.left", {"beat": "b", "beats": 1, "reason": "it signed out"}),
    ]


def test_who_falls_silent_has_left_and_may_come_back(told: Told) -> None:
    some = Others("a")
    some.hear(signs(0, b=1))
    assert not some.hear(signs(2, b=5.9))
    assert some.hear(signs(4, b=7.9))
    assert some.hear(signs(6, b=0))
    assert told == [
        ("beat.left", {"beat": "b", "beats": 1, "reason": "no sign for 8 s"}),
        ("beat.joined", {"beat": "b", "beats": 2}),
    ]


@pytest.mark.parametrize("after_s", [60, 3600, -3600])
def test_after_an_outage_or_a_step_of_the_clock_nobody_is_judged_by_old_signs(
    told: Told, after_s: float
) -> None:
    some = Others("a")
    some.hear(signs(0, b=1, long_dead=60))
    assert not some.hear(signs(after_s, b=after_s, long_dead=after_s + 60))
    assert not some.hear(signs(after_s + 2, b=1, long_dead=after_s + 62))
    assert some.hear(signs(after_s + 8, b=7, long_dead=after_s + 68))
    assert [event for event, _ in told] == ["beat.left"]


def test_the_number_of_beats_that_the_store_knows_says_that_one_came_or_went(told: Told) -> None:
    some = Others("a")
    some.hear(signs(0, b=1, long_dead=60))
    assert not some.changed(3)
    assert not some.changed(None)
    assert some.changed(2)
    assert some.changed(4)
