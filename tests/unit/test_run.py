"""What a run is called."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.epoch import milliseconds, moment
from scheduler.run import NAMESPACE, tick_run_id


@pytest.mark.parametrize("entry", ["one", "näme", "", "x" * 500, *map(str, range(20))])
def test_the_id_of_a_ticks_run_is_the_uuid5_of_entry_and_time(entry: str) -> None:
    at = datetime(2026, 11, 21, 12, 0, 0, 250_000, tzinfo=UTC)
    assert tick_run_id(entry, at) == str(uuid5(NAMESPACE, f"{entry}@{round(at.timestamp() * 1000)}"))


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZONES = (UTC, timezone(timedelta(hours=9, minutes=30)), timezone(timedelta(hours=-8)))


@given(number=st.integers(-(10**12), 253_370_000_000_000), zone=st.sampled_from(ZONES))
def test_a_tick_has_the_same_milliseconds_in_ids_messages_and_redis_as_ever(
    number: int, zone: timezone
) -> None:
    at = (EPOCH + timedelta(milliseconds=number)).astimezone(zone if number > 0 else UTC)
    assert milliseconds(at) == number == round((at - EPOCH) / timedelta(milliseconds=1))
    assert moment(milliseconds(at)) == at


@pytest.mark.parametrize(("microseconds", "expected"), [(0, 0), (499, 0), (501, 1), (1_499, 1), (1_501, 2)])
def test_a_finer_moment_is_rounded_to_the_nearest(microseconds: int, expected: int) -> None:
    for year in (1970, 2026):
        start = datetime(year, 1, 1, tzinfo=UTC)
        assert milliseconds(start + timedelta(microseconds=microseconds)) - milliseconds(start) == expected
