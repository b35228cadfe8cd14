"""Health: decided from signs, by the store's clock."""

from datetime import UTC, datetime, timedelta

import pytest

from scheduler.health import ask, health_of
from scheduler.store.presence import Sign

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
TEN_SECONDS = timedelta(seconds=10)


def sign(member: str, *, host: str = "here", age_s: float = 0) -> Sign:
    return Sign(member, {"host": host}, NOW - timedelta(seconds=age_s))


def test_a_beat_that_ended_its_turn_lately_is_well() -> None:
    health = health_of("beat", {"b": sign("b", age_s=4)}, host="here", now=NOW, max_age=TEN_SECONDS)
    assert health.well
    assert health.why == "b ended its last turn 4s ago"


def test_the_limit_itself_is_still_well() -> None:
    assert health_of("beat", {"b": sign("b", age_s=10)}, host="here", now=NOW, max_age=TEN_SECONDS).well


def test_a_beat_that_is_frozen_is_not() -> None:
    health = health_of("beat", {"b": sign("b", age_s=25)}, host="here", now=NOW, max_age=TEN_SECONDS)
    assert not health.well
    assert health.why == "b ended its last turn 25s ago; at most 10s is well"


def test_the_newest_of_several_decides() -> None:
    signs = {"old": sign("old", age_s=60), "new": sign("new", age_s=1)}
    assert health_of("worker", signs, host="here", now=NOW, max_age=TEN_SECONDS).well


def test_a_beat_of_another_host_does_not_count() -> None:
    health = health_of("beat", {"b": sign("b", host="there")}, host="here", now=NOW, max_age=TEN_SECONDS)
    assert not health.well
    assert health.why == "no beat of this host (here) has signed in; 1 on other hosts"


def test_a_sign_from_the_future_is_a_fresh_one() -> None:
    health = health_of("beat", {"b": sign("b", age_s=-3)}, host="here", now=NOW, max_age=TEN_SECONDS)
    assert health.why == "b ended its last turn 0ms ago"


def test_the_web_part_is_unwell_for_it_does_not_exist_yet() -> None:
    health = ask("web", max_age=TEN_SECONDS)
    assert not health.well
    assert health.why == "the web part does not exist in this version"


@pytest.mark.parametrize("signs", [{}])
def test_where_nobody_signed_in_nobody_is_well(signs: dict[str, Sign]) -> None:
    health = health_of("worker", signs, host="here", now=NOW, max_age=TEN_SECONDS)
    assert health.why == "no worker of this host (here) has signed in"
