"""Recurrence rules against a walk through every minute of days on which clocks change, written from RFC 5545."""

# ruff: noqa: DTZ001 - times on the wall have no zone

from datetime import UTC, datetime
from itertools import islice, pairwise

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from scheduler.cadences.rule_text import RuleProblem
from scheduler.cadences.wall_steps import DST_FOLDS, DST_GAPS, DstFold, DstGap
from scheduler.schedule import Rule
from tests.support.rule_words import DAY, HOURS, Recurrence, recurrences
from tests.support.walks import CHANGES, MINUTE, SECOND, steps_around, ticks_by_walking


@settings(max_examples=20)  # each of them walks through 8,640 minutes
@given(
    recurrences(),
    st.sampled_from(CHANGES),
    st.sampled_from(DST_GAPS),
    st.sampled_from(DST_FOLDS),
    st.integers(0, 4 * 86_400),
    st.integers(0, 4 * 86_400),
)
@example(Recurrence("HOURLY", 2, ()), CHANGES[0], "shift", "both", 0, 4 * 86_400)
@example(Recurrence("HOURLY", 1, ()), CHANGES[1], "shift", "first", 0, 4 * 86_400)
def test_ticks_are_those_of_a_walk_through_every_minute(
    rule: Recurrence, change: tuple[str, datetime], gap: DstGap, fold: DstFold, first: int, length: int
) -> None:
    zone, moment = change
    walk = steps_around(zone, moment, 3 * DAY, MINUTE)
    after = walk[0][0] + DAY + SECOND * first
    until = min(after + SECOND * length, walk[-1][0])
    expected = [tick for tick in ticks_by_walking(rule, walk, MINUTE, gap, fold) if after < tick <= until]
    try:
        schedule = Rule(rule.text, zone, gap, fold)
    except RuleProblem:
        assert not expected
        assume(False)
        raise
    assert list(schedule.ticks_between(after, until)) == expected
    assert schedule.count_between(after, until) == len(expected)
    assert schedule.latest_between(after, until) == (expected[-1] if expected else None)


@given(recurrences(), st.datetimes(datetime(2001, 1, 1), datetime(2060, 1, 1)), st.integers(1, 30))
def test_over_years_next_count_and_latest_agree_with_each_other(
    rule: Recurrence, start: datetime, length: int
) -> None:
    try:
        schedule = Rule(rule.text, "Europe/Berlin")
    except RuleProblem:
        assume(False)
        raise
    after = start.replace(tzinfo=UTC)
    ticks = list(islice(schedule.ticks_between(after, after + 3_000 * DAY), length))
    assume(ticks)
    assert schedule.count_between(after, ticks[-1]) == len(ticks)
    assert schedule.latest_between(after, ticks[-1] + SECOND / 2) == ticks[-1]
    assert schedule.next_after(ticks[-1] - SECOND) == ticks[-1]


POSITIONS = st.lists(st.sampled_from([1, 2, 3, -1, -2]), min_size=1, max_size=2, unique=True)


@settings(max_examples=20)  # dateutil takes its time
@given(
    st.sampled_from(["YEARLY", "MONTHLY", "DAILY"]),
    st.integers(1, 3),
    HOURS,
    POSITIONS,
    st.datetimes(datetime(2001, 1, 1), datetime(2040, 1, 1)),
)
def test_positions_and_counts_are_dateutils(
    frequency: str, interval: int, hours: object, positions: list[int], start: datetime
) -> None:
    text = (
        f"DTSTART:{start:%Y%m%dT%H%M%S}\nFREQ={frequency};INTERVAL={interval};BYDAY=MO,TU,WE,FR;"
        f"{hours.text};BYSETPOS={','.join(str(each) for each in positions)};COUNT=20"  # type: ignore[attr-defined]
    )
    try:
        schedule = Rule(text)
    except RuleProblem:
        assume(False)
        raise
    ticks = [
        tick.replace(tzinfo=None)
        for tick in schedule.ticks_between(schedule.start.replace(tzinfo=UTC) - SECOND, LATE)
    ]
    assert ticks == [tick for tick in rrulestr(text) if tick <= LATE.replace(tzinfo=None)]


LATE = datetime(2110, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("interval", [7, 35, 90, 1_441])
def test_minutes_are_counted_in_real_time_through_changes_of_the_clock(interval: int) -> None:
    schedule = Rule(f"FREQ=MINUTELY;INTERVAL={interval}", "Europe/Berlin")
    ticks = list(
        schedule.ticks_between(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 30, tzinfo=UTC))
    )
    assert {late - early for early, late in pairwise(ticks)} == {MINUTE * interval}
