"""A part of `make proof`: crontabs by chance through whole years, minute by minute."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.property.test_crontab_words import HALF_PAST_TWO, LAST_FRIDAY, SOME_QUARTERS, crontab
from tests.support.crontab_words import Cron, minutely
from tests.support.year_walk import year_walk

YEARS = [("Pacific/Apia", 2011), ("Africa/Casablanca", 2026)]


@pytest.mark.timeout(300)
@settings(max_examples=3)
@given(minutely, st.sampled_from(YEARS))
@example(HALF_PAST_TWO, YEARS[0])
@example(LAST_FRIDAY, YEARS[0])
@example(SOME_QUARTERS, YEARS[1])
def test_a_year_of_ticks_is_that_of_a_walk_through_every_minute(cron: Cron, year: tuple[str, int]) -> None:
    zone, number = year
    year_walk(zone, number).assert_same(cron, crontab(cron, zone))
