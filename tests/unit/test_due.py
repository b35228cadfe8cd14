"""What an entry owes at a moment: every tick since the last gets exactly one disposition."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.disposition import Disposition
from scheduler.due import due_ticks
from scheduler.entry import Entry
from scheduler.schedule import Crontab, Interval

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def entry(**changes: object) -> Entry:
    return Entry(**{"name": "one", "job": "jobs.x", "schedule": Interval(MINUTE), **changes})  # type: ignore[arg-type]


def test_nothing_is_owed_before_the_next_tick() -> None:
    due = due_ticks(entry(), last_at=NOON, now=NOON + timedelta(seconds=59))
    assert (due.dispatched, due.left_out, due.expected) == ((), (), 0)
    assert due.next_at == NOON + MINUTE
    assert due.last_at == NOON


def test_a_tick_is_owed_at_its_very_moment() -> None:
    due = due_ticks(entry(), last_at=NOON, now=NOON + MINUTE)
    assert due.dispatched == (NOON + MINUTE,)
    assert due.next_at == NOON + 2 * MINUTE
    assert due.expected == 1


def test_of_several_missed_ticks_the_newest_is_dispatched_and_the_others_coalesced() -> None:
    due = due_ticks(entry(), last_at=NOON, now=NOON + 10 * MINUTE)
    assert due.dispatched == (NOON + 10 * MINUTE,)
    (left_out,) = due.left_out
    assert left_out.disposition is Disposition.COALESCED
    assert (left_out.first_at, left_out.last_at, left_out.count) == (NOON + MINUTE, NOON + 9 * MINUTE, 9)
    assert due.expected == 10


def test_a_month_of_missed_seconds_is_one_range() -> None:
    often = entry(schedule=Interval(timedelta(seconds=1)))
    due = due_ticks(often, last_at=NOON - timedelta(days=30), now=NOON)
    assert due.left_out[0].count == 30 * 86_400 - 1
    assert due.dispatched == (NOON,)


def test_what_is_older_than_the_window_is_left_alone_with_its_reason() -> None:
    daily = entry(schedule=Crontab("0 9 * * 1"))
    due = due_ticks(daily, last_at=NOON - timedelta(days=14), now=NOON)
    assert due.dispatched == ()
    assert due.left_out[0].disposition is Disposition.SKIPPED_DEADLINE
    assert due.expected == due.left_out[0].count == 2


def test_a_pause_leaves_out_every_tick_and_says_why() -> None:
    due = due_ticks(entry(), last_at=NOON, now=NOON + 3 * MINUTE, paused="paused by ada: migration")
    assert due.dispatched == ()
    (left_out,) = due.left_out
    assert left_out.disposition is Disposition.SKIPPED_PAUSED
    assert (left_out.count, left_out.reason) == (3, "paused by ada: migration")
    assert due.last_at == NOON + 3 * MINUTE


def test_a_clock_that_went_back_dispatches_nothing_twice() -> None:
    due = due_ticks(entry(), last_at=NOON, now=NOON - timedelta(hours=1))
    assert due.dispatched == ()
    assert due.next_at == NOON + MINUTE


@pytest.mark.parametrize("changes", [{"enabled": False}, {"schedule": None}])
def test_an_entry_without_ticks_owes_none_and_has_no_next(changes: dict[str, object]) -> None:
    due = due_ticks(entry(**changes), last_at=NOON, now=NOON + timedelta(days=1))
    assert (due.dispatched, due.left_out, due.next_at, due.expected) == ((), (), None, 0)


@given(
    seconds=st.integers(1, 7_200),
    every_s=st.integers(1, 600),
    paused=st.booleans(),
    window_s=st.integers(0, 7_200),
)
def test_every_tick_since_the_last_is_accounted_for_once(
    seconds: int, every_s: int, paused: bool, window_s: int
) -> None:
    some = entry(schedule=Interval(timedelta(seconds=every_s)), catchup_window=timedelta(seconds=window_s))
    now = NOON + timedelta(seconds=seconds)
    due = due_ticks(some, last_at=NOON, now=now, paused="why" if paused else None)
    assert some.schedule is not None
    ticks = list(some.schedule.ticks_between(NOON, now))
    assert due.expected == len(ticks) == len(due.dispatched) + sum(each.count for each in due.left_out)
    assert due.next_at == some.schedule.next_after(now)
    covered = set(due.dispatched)
    for some_range in due.left_out:
        inside = {tick for tick in ticks if some_range.first_at <= tick <= some_range.last_at}
        assert len(inside) == some_range.count
        assert not inside & covered
        covered |= inside
    assert covered == set(ticks)
