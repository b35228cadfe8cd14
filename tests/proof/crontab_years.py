"""200 crontabs by chance in six zones and six years: each tick is that of a walk through every minute, and no other is.

`make proof` runs it; a part of it is in tests/property/test_crontab_years.py. A crontab that fails is shrunk to the
simplest one that does.
"""

import os

import pytest
from hypothesis import given, settings

from tests.property.test_crontab_words import crontab
from tests.support.crontab_words import Cron, minutely
from tests.support.year_walk import year_walk

EXPRESSIONS = int(os.environ.get("EXPRESSIONS", "200"))
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Asia/Seoul",
    "Pacific/Apia",
)
YEARS = (2011, 2024, 2025, 2026, 2027, 2028)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.timeout(7_200)
@settings(max_examples=EXPRESSIONS, derandomize=True, print_blob=True)
@given(cron=minutely)
def test_a_year_of_ticks_is_that_of_a_walk_through_every_minute(zone: str, cron: Cron) -> None:
    schedule = crontab(cron, zone)
    for year in YEARS:
        year_walk(zone, year).assert_same(cron, schedule)
