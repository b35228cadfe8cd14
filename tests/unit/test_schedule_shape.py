"""What shapes the ticks of a schedule: bounds, jitter, and moments given one by one."""

from datetime import UTC, datetime, timedelta

import pytest

from scheduler.cadences.crontab_hash import hashed
from scheduler.schedule import (
    EPOCH,
    Crontab,
    Crontabs,
    Interval,
    Later,
    Moments,
    Schedule,
    Within,
    schedule_from_json,
)

YEAR = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
HOUR = timedelta(hours=1)

MAY = Within(Crontab("0 9 * * *"), datetime(2026, 5, 1, 9, tzinfo=UTC), datetime(2026, 5, 31, 9, tzinfo=UTC))


def test_a_schedule_within_bounds_has_the_ticks_on_them_and_none_beyond() -> None:
    ticks = list(MAY.ticks_between(*YEAR))
    assert (ticks[0], ticks[-1], len(ticks)) == (MAY.starts_at, MAY.ends_at, 31)
    assert MAY.count_between(*YEAR) == 31
    assert MAY.latest_between(*YEAR) == MAY.ends_at
    assert MAY.next_after(YEAR[0]) == MAY.starts_at
    assert MAY.next_after(ticks[-2]) == ticks[-1]
    assert MAY.next_after(ticks[-1]) is None


@pytest.mark.parametrize(
    "span",
    [
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 5, 1, 8, tzinfo=UTC)),
        (datetime(2026, 5, 31, 9, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)),
    ],
)
def test_before_its_start_and_after_its_end_a_schedule_has_no_tick(span: tuple[datetime, datetime]) -> None:
    assert list(MAY.ticks_between(*span)) == []
    assert MAY.count_between(*span) == 0
    assert MAY.latest_between(*span) is None


def test_an_interval_within_bounds_keeps_its_phase() -> None:
    start = datetime(2026, 1, 1, 0, 0, 10, tzinfo=UTC)
    schedule = Within(Interval(timedelta(seconds=30)), start, None)
    assert schedule.next_after(EPOCH) == start.replace(second=30)


def test_bounds_that_can_not_be_are_refused() -> None:
    with pytest.raises(ValueError, match="ends before it starts"):
        Within(Crontab("@daily"), MAY.ends_at, MAY.starts_at)
    with pytest.raises(ValueError, match="has no zone"):
        Within(Crontab("@daily"), datetime(2026, 1, 1), None)  # noqa: DTZ001 - the very mistake


NOON, EVE = datetime(2026, 12, 24, 12, tzinfo=UTC), datetime(2026, 12, 24, 18, tzinfo=UTC)


def test_moments_tick_once_each_in_their_order() -> None:
    schedule = Moments((EVE, NOON, EVE.astimezone()))
    assert list(schedule.ticks_between(*YEAR)) == [NOON, EVE]
    assert list(schedule.ticks_between(NOON, EVE)) == [EVE]
    assert schedule.count_between(*YEAR) == 2
    assert schedule.count_between(EVE, NOON) == 0
    assert schedule.latest_between(*YEAR) == EVE
    assert schedule.latest_between(EVE, YEAR[1]) is None
    assert schedule.next_after(YEAR[0]) == NOON
    assert schedule.next_after(NOON) == EVE
    assert schedule.next_after(EVE) is None


@pytest.mark.parametrize(
    ("moments", "message"),
    [
        ((), "at least one"),
        ((datetime(2026, 1, 1),), "has no zone"),  # noqa: DTZ001 - the very mistake
        ((datetime(2026, 1, 1, microsecond=500, tzinfo=UTC),), "whole number of milliseconds"),
    ],
)
def test_moments_that_can_not_be_are_refused(moments: tuple[datetime, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Moments(moments)


# These may never change: an entry keeps its place within the jitter for ever.
JITTERS = {
    ("nightly-report", HOUR): timedelta(seconds=1831),
    ("backup", HOUR): timedelta(seconds=343),
    ("backup", timedelta(minutes=5)): timedelta(seconds=65),
    ("backup", timedelta(milliseconds=500)): timedelta(milliseconds=366),
}


@pytest.mark.parametrize(("jitter", "later"), JITTERS.items())
def test_an_entrys_jitter_is_the_same_for_ever(jitter: tuple[str, timedelta], later: timedelta) -> None:
    name, upto = jitter
    schedule = Later(Crontab("0 3 * * *"), upto, name)
    assert schedule.by == later
    assert schedule.next_after(YEAR[0]) == YEAR[0] + 3 * HOUR + later


def test_jitter_is_never_more_than_was_said_and_reaches_both_ends() -> None:
    found = {Later(Crontab("@daily"), timedelta(seconds=3), f"entry-{index}").by for index in range(200)}
    assert found == {timedelta(seconds=count) for count in range(4)}
    assert timedelta(seconds=hashed("a", "jitter", 3_601)) == Later(Crontab("@daily"), HOUR, "a").by


@pytest.mark.parametrize(
    "cadence",
    [Crontab("*/20 * * * *", "Europe/Berlin"), Interval(timedelta(minutes=7)), Moments((NOON, EVE)),
     Crontabs((Crontab("0 9 * * *"), Crontab("30 2 * * *")))],
)  # fmt: skip
def test_all_ticks_are_later_by_the_same(cadence: Crontab | Crontabs | Interval | Moments) -> None:
    schedule = Later(cadence, HOUR, "backup")
    ticks = list(schedule.ticks_between(*YEAR))
    assert [tick - schedule.by for tick in ticks] == list(
        cadence.ticks_between(YEAR[0] - schedule.by, YEAR[1] - schedule.by)
    )
    assert schedule.count_between(*YEAR) == len(ticks)
    assert schedule.latest_between(*YEAR) == ticks[-1]
    assert [schedule.next_after(YEAR[0]), schedule.next_after(ticks[0])] == ticks[:2]
    assert schedule.latest_between(YEAR[0], YEAR[0]) is None


def test_jitter_ends_with_the_calendar() -> None:
    assert Later(Interval(HOUR), HOUR, "a").next_after(datetime(9999, 12, 31, 23, tzinfo=UTC)) is None


def test_bounds_hold_for_ticks_as_the_jitter_has_them() -> None:
    later = Later(Crontab("0 9 * * *"), HOUR, "backup")
    day = datetime(2026, 5, 1, tzinfo=UTC)
    assert Within(later, day, day + 9 * HOUR).next_after(day) is None
    assert Within(later, day, day + 9 * HOUR + later.by).next_after(day) == day + 9 * HOUR + later.by


@pytest.mark.parametrize(
    ("jitter", "entry", "message"),
    [
        (HOUR, "", "here is none"),
        (timedelta(0), "a", "at least one"),
        (timedelta(microseconds=1500), "a", "whole"),
    ],
)
def test_a_jitter_that_can_not_be_is_refused(jitter: timedelta, entry: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Later(Crontab("@daily"), jitter, entry)


SHAPED: dict[str, Schedule] = {
    "0 9 * * * UTC from 2026-05-01T09:00:00+00:00 until 2026-05-31T09:00:00+00:00": MAY,
    "at 2026-12-24T12:00:00+00:00": Moments((NOON,)),
    "at 2 moments up to 2026-12-24T18:00:00+00:00": Moments((NOON, EVE)),
    "@daily UTC, 5m43s later": Later(Crontab("@daily"), HOUR, "backup"),
    "every 1h, 5m43s later until 2026-12-24T12:00:00+00:00": Within(
        Later(Interval(HOUR), HOUR, "backup"), None, NOON
    ),
}


@pytest.mark.parametrize(("text", "schedule"), SHAPED.items())
def test_a_shaped_schedule_is_said_in_few_words_and_survives_the_store(text: str, schedule: Schedule) -> None:
    assert schedule.describe() == text
    assert schedule_from_json(schedule.to_json()) == schedule
