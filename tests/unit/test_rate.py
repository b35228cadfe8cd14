"""Rates: how much time they leave between two starts, and what is no rate."""

from datetime import timedelta

import pytest

from scheduler.rate import time_between


@pytest.mark.parametrize(
    ("rate", "gap"),
    [
        ("10/m", timedelta(seconds=6)),
        ("1/s", timedelta(seconds=1)),
        ("1000/s", timedelta(milliseconds=1)),
        ("7/m", timedelta(milliseconds=8572)),
        ("2/1h30m", timedelta(minutes=45)),
        (" 1 / 90s ", timedelta(seconds=90)),
        ("24/d", timedelta(hours=1)),
    ],
)
def test_a_rate_is_a_time_between_starts(rate: str, gap: timedelta) -> None:
    assert time_between(rate) == gap


@pytest.mark.parametrize("rate", ["", "10", "/m", "0/m", "-1/m", "10/x", "ten/m", "1001/s"])
def test_what_is_no_rate_is_refused(rate: str) -> None:
    with pytest.raises(ValueError, match=r"is not a|is no limit|not a duration"):
        time_between(rate)
