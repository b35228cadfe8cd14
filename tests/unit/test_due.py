"""What an entry owes at a moment: every tick since the last gets exactly one disposition."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from scheduler.catchup import Backlog
from scheduler.closure import Hold
from scheduler.disposition import Disposition
from scheduler.due import due_ticks, is_behind
from scheduler.entry import Entry
from scheduler.exclusion import Exclusion
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
    due = due_ticks(
        entry(),
        last_at=NOON,
        now=NOON + 3 * MINUTE,
        holds=[Hold(NOON + MINUTE, None, "paused by ada: migration")],
    )
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


DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def test_a_tick_that_is_a_little_late_was_not_missed() -> None:
    daily = entry(schedule=Crontab("0 12 * * *"), catchup="none")
    assert due_ticks(daily, last_at=NOON - DAY, now=NOON + timedelta(seconds=60)).dispatched == (NOON,)
    due = due_ticks(daily, last_at=NOON - DAY, now=NOON + timedelta(seconds=61))
    assert due.dispatched == ()
    (left_out,) = due.left_out
    assert left_out.disposition is Disposition.SKIPPED_DEADLINE
    assert "catchup is none" in (left_out.reason or "")


def test_how_late_a_tick_may_be_follows_from_how_often_there_is_one() -> None:
    often = entry(schedule=Interval(5 * SECOND), catchup="none")
    assert due_ticks(often, last_at=NOON - 5 * SECOND, now=NOON + 2 * SECOND).dispatched == (NOON,)
    assert due_ticks(often, last_at=NOON - 5 * SECOND, now=NOON + 3 * SECOND).dispatched == ()


@pytest.mark.parametrize(
    ("catchup", "missed"),
    [
        ("none", {Disposition.SKIPPED_DEADLINE: 2_591_997, Disposition.COALESCED: 2}),
        ("latest", {Disposition.COALESCED: 2_591_999}),
        ("all", {Disposition.SKIPPED_DEADLINE: 2_505_599}),
    ],
)
def test_a_month_of_missed_seconds_is_a_range_or_two(catchup: str, missed: dict[Disposition, int]) -> None:
    often = entry(schedule=Interval(SECOND), catchup=catchup, overlap="allow")
    due = due_ticks(often, last_at=NOON - 30 * DAY, now=NOON)
    assert {each.disposition: each.count for each in due.left_out} == missed
    assert len(due.dispatched) == (100 if catchup == "all" else 1)


def test_all_missed_ticks_run_in_their_order_a_hundred_at_a_time() -> None:
    every = entry(catchup="all", overlap="allow")
    first = due_ticks(every, last_at=NOON - 250 * MINUTE, now=NOON)
    assert first.dispatched == tuple(NOON + (index - 249) * MINUTE for index in range(100))
    assert (first.last_at, first.next_at) == (first.dispatched[-1], first.dispatched[-1] + MINUTE)
    assert first.since is None
    third = due_ticks(every, last_at=first.last_at + 100 * MINUTE, now=NOON)
    assert len(third.dispatched) == 50
    assert third.next_at == NOON + MINUTE


def test_caught_up_ticks_of_an_entry_whose_runs_do_not_overlap_run_one_after_the_other() -> None:
    every = entry(catchup="all")
    first = due_ticks(every, last_at=NOON - 10 * MINUTE, now=NOON)
    assert first.dispatched == (NOON - 9 * MINUTE,)
    assert first.since == NOON
    assert first.next_at == NOON + timedelta(milliseconds=100)

    now = NOON + 20 * SECOND
    backlog = Backlog(since=NOON, active=1, dispatched_at=NOON)
    waiting = due_ticks(every, last_at=first.last_at, now=now, backlog=backlog)
    assert (waiting.dispatched, waiting.expected, waiting.last_at) == ((), 0, first.last_at)
    assert (waiting.since, waiting.next_at) == (NOON, now + 5 * SECOND)

    now = NOON + 25 * SECOND
    going_on = due_ticks(
        every, last_at=first.last_at, now=now, backlog=Backlog(since=NOON, dispatched_at=NOON)
    )
    assert going_on.dispatched == (NOON - 8 * MINUTE,)


def test_what_comes_due_while_missed_ticks_wait_for_each_other_is_one_tick() -> None:
    """Or a job that takes longer than its interval would be late for ever."""
    every = entry(catchup="all")
    now = NOON + 5 * MINUTE
    due = due_ticks(every, last_at=NOON - MINUTE, now=now, backlog=Backlog(since=NOON, dispatched_at=NOON))
    assert due.dispatched == (NOON, now)
    (left_out,) = due.left_out
    assert (left_out.disposition, left_out.count) == (Disposition.COALESCED, 4)
    assert due.since is None


def test_a_live_tick_of_a_catching_up_entry_never_waits() -> None:
    """It is for the overlap rule to say what becomes of it."""
    every = entry(catchup="all")
    due = due_ticks(every, last_at=NOON - MINUTE, now=NOON, backlog=Backlog(active=1))
    assert due.dispatched == (NOON,)


def test_all_missed_ticks_are_spread_evenly() -> None:
    spread = entry(catchup="all", overlap="allow", catchup_spread=60 * SECOND)
    last_at, now, since = NOON - 20 * MINUTE, NOON, None
    went: list[tuple[datetime, datetime]] = []
    while not went or last_at < NOON:
        backlog = Backlog(since=since, dispatched_at=now)
        due = due_ticks(spread, last_at=last_at, now=now, backlog=backlog)
        went += [(now, tick) for tick in due.dispatched]
        assert due.next_at is not None
        last_at, now, since = due.last_at, due.next_at, due.since
    assert [tick for _, tick in went] == [NOON + (index - 19) * MINUTE for index in range(20)]
    offsets = [(moment - NOON) / SECOND for moment, _ in went]
    assert 0 <= offsets[0] < 3
    assert 56 <= offsets[-1] <= 60
    assert all(2 <= after - before <= 4 for before, after in pairwise(offsets))


def test_the_latest_ticks_of_many_entries_are_spread_each_at_its_own_place() -> None:
    places = []
    for index in range(200):
        one = entry(name=f"entry-{index}", schedule=Crontab("0 9 * * *"), catchup_spread=10 * MINUTE)
        held = due_ticks(one, last_at=NOON - DAY, now=NOON)
        assert (held.dispatched, held.expected, held.since) == ((), 0, NOON)
        assert held.next_at is not None
        places.append(held.next_at - NOON)
        due = due_ticks(one, last_at=NOON - DAY, now=held.next_at, backlog=Backlog(since=NOON))
        assert due.dispatched == (NOON.replace(hour=9),)
        assert due.since is None
    assert timedelta(0) <= min(places) < MINUTE
    assert 9 * MINUTE < max(places) < 10 * MINUTE
    assert len(set(places)) > 150


def test_a_spread_tick_does_not_make_the_next_one_wait() -> None:
    one = entry(catchup_spread=10 * DAY)
    held = due_ticks(one, last_at=NOON - 10 * MINUTE, now=NOON + 30 * SECOND)
    assert held.next_at == NOON + MINUTE
    due = due_ticks(one, last_at=held.last_at, now=NOON + MINUTE, backlog=Backlog(since=held.since))
    assert due.dispatched == (NOON + MINUTE,)
    assert due.expected == 11


def test_only_an_entry_whose_ticks_may_wait_is_behind() -> None:
    late = {"last_at": NOON - 10 * MINUTE, "now": NOON}
    assert is_behind(entry(catchup="all"), **late)
    assert is_behind(entry(catchup_spread=MINUTE), **late)
    assert not is_behind(entry(catchup="all", overlap="allow"), **late)
    assert not is_behind(entry(), **late)
    assert not is_behind(entry(catchup="all"), last_at=NOON - MINUTE, now=NOON + SECOND)


def test_a_tick_past_its_start_deadline_is_not_made_a_run() -> None:
    one = entry(schedule=Crontab("0 12 * * *"), start_deadline=5 * MINUTE)
    assert due_ticks(one, last_at=NOON - DAY, now=NOON + 5 * MINUTE).dispatched == (NOON,)
    due = due_ticks(one, last_at=NOON - DAY, now=NOON + 6 * MINUTE)
    (left_out,) = due.left_out
    assert left_out.disposition is Disposition.SKIPPED_DEADLINE
    assert left_out.reason == "its start_deadline of 5m had passed"


def test_a_pause_that_ended_while_no_beat_ran_takes_out_its_ticks_and_no_others() -> None:
    hold = Hold(NOON - 30 * MINUTE, NOON - 20 * MINUTE, "paused by ada: migration")
    due = due_ticks(entry(), last_at=NOON - 40 * MINUTE, now=NOON, holds=[hold])
    assert due.dispatched == (NOON,)
    assert [(each.disposition.value, each.count) for each in due.left_out] == [
        ("coalesced", 9),
        ("skipped_paused", 10),
        ("coalesced", 20),
    ]


def test_what_a_calendar_excludes_says_why() -> None:
    one = entry(exclusion=Exclusion("UTC", crontabs=("* 11 * * *",)))
    due = due_ticks(one, last_at=NOON - 2 * MINUTE, now=NOON - MINUTE)
    (left_out,) = due.left_out
    assert (left_out.disposition, left_out.count) == (Disposition.SKIPPED_CALENDAR, 1)
    assert left_out.reason == "excluded by crontab * 11 * * *"


def test_an_exclusion_that_opens_and_closes_thousands_of_times_is_a_handful_of_records() -> None:
    one = entry(schedule=Interval(SECOND), exclusion=Exclusion("UTC", crontabs=("*/2 * * * *",)))
    last_at, records, decided, decisions = NOON - 2 * DAY, 0, 0, 0
    while last_at < NOON + SECOND:
        due = due_ticks(one, last_at=last_at, now=NOON + SECOND)
        last_at, decisions = due.last_at, decisions + 1
        records, decided = records + len(due.left_out), decided + due.expected
    assert decided == 2 * 86_400 + 1
    assert decisions < 10
    assert records <= 20 * decisions


def test_decisions_go_on_where_many_exclusions_stand_before_the_first_tick() -> None:
    one = entry(schedule=Crontab("0 23 * * *"), exclusion=Exclusion("UTC", crontabs=("*/2 0-22 * * *",)))
    last_at, now = NOON - 2 * DAY, NOON
    dispatched: list[datetime] = []
    for _ in range(20):
        due = due_ticks(one, last_at=last_at, now=now)
        dispatched += due.dispatched
        last_at = due.last_at
        if due.next_at is not None and due.next_at > now:
            break
    assert dispatched == [NOON.replace(hour=23) - DAY]
