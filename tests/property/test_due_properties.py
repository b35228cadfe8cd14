"""What is owed after downtime, against a walk of every tick written from docs/how-to/catch-up.md alone."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from scheduler.cadences.day_calendar import DayCalendar
from scheduler.cadences.moved import DIRECTIONS
from scheduler.catchup import Backlog
from scheduler.closure import Hold
from scheduler.disposition import Disposition
from scheduler.due import MOST_TICKS, Due, due_ticks
from scheduler.entry import Entry
from scheduler.exclusion import Exclusion
from scheduler.schedule import Crontab, Interval, Moved, Schedule

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)

FRIDAY = DayCalendar.of("friday", {date(2026, 11, 20): "Closed"})
WEEKEND = DayCalendar.of("weekend", {}, weekdays=frozenset({5, 6}))  # NOON is on a Saturday

moved: st.SearchStrategy[Schedule] = st.builds(
    Moved,
    st.sampled_from(
        [Interval(timedelta(hours=1)), Crontab("30 9 * * *"), Crontab("0 */3 * * 5", "Europe/Berlin")]
    ),
    st.sampled_from(DIRECTIONS),
    st.sampled_from(["UTC", "America/New_York"]),
    st.sampled_from([(FRIDAY,), (DayCalendar.of("saturday", {date(2026, 11, 21): ""}),)]),
)
schedules: st.SearchStrategy[Schedule] = st.one_of(
    st.sampled_from([1, 7, 60, 600, 3_600]).map(lambda seconds: Interval(seconds * SECOND)),
    st.sampled_from(["*/5 * * * *", "0 * * * *", "30 9 * * *", "*/2 9,10 * * *"]).map(Crontab),
    moved,
)
spans = st.sampled_from([1, 5, 90, 1_000, 5_000, 100_000]).map(lambda seconds: seconds * SECOND)
exclusions = st.none() | st.builds(
    Exclusion,
    st.sampled_from(["UTC", "Asia/Seoul", "America/New_York"]),
    st.sampled_from([(), (), (FRIDAY,), (WEEKEND,), (FRIDAY, WEEKEND)]),
    st.sampled_from([(), ("* 11 * * *",), ("*/3 * * * *",), ("* * * * *",), ("* 8-10 * * *", "5 11 * * *")]),
)
offsets = st.integers(-100_000, 2_000).map(lambda seconds: NOON + seconds * SECOND)
holds = st.lists(
    st.tuples(offsets, st.integers(1, 30_000)).map(
        lambda one: Hold(one[0], one[0] + one[1] * SECOND, f"paused {one[1]}")
    ),
    max_size=2,
)
entries = st.builds(
    Entry,
    name=st.just("one"),
    job=st.just("jobs.x"),
    schedule=schedules,
    overlap=st.sampled_from(["skip", "allow"]),
    max_active=st.just(10 * MOST_TICKS),  # what waits for room is told of in tests/unit/test_due.py
    catchup=st.sampled_from(["none", "latest", "all"]),
    catchup_window=spans,
    start_deadline=st.none() | spans,
    exclusion=exclusions,
)


def fates(
    entry: Entry, last_at: datetime, now: datetime, pauses: Sequence[Hold]
) -> dict[datetime, Disposition]:
    """The rules, one tick at a time."""
    assert entry.schedule is not None
    ticks = list(entry.schedule.ticks_between(last_at, now))
    if any(pause.until is None or pause.until > now for pause in pauses):
        return dict.fromkeys(ticks, Disposition.SKIPPED_PAUSED)
    found: dict[datetime, Disposition] = {}
    for tick in ticks:
        if any(pause.since <= tick and (pause.until is None or tick < pause.until) for pause in pauses):
            found[tick] = Disposition.SKIPPED_PAUSED
        elif entry.exclusion is not None and entry.exclusion.reason_for(tick):
            found[tick] = Disposition.SKIPPED_CALENDAR
    left = [tick for tick in ticks if tick not in found]
    limit = min(entry.catchup_window, entry.start_deadline or entry.catchup_window)
    in_time = [tick for tick in left if now - tick <= limit]
    newest = in_time[-1] if in_time else ticks[-1] if ticks else now
    following = entry.schedule.next_after(newest)
    assert following is not None
    grace = min(max((following - newest) / 10, 2 * SECOND), 60 * SECOND)
    for tick in left:
        missed = now - tick > grace
        if entry.catchup == "all":
            found[tick] = Disposition.DISPATCHED if tick in in_time else Disposition.SKIPPED_DEADLINE
        elif entry.catchup == "latest":
            older = Disposition.COALESCED if in_time else Disposition.SKIPPED_DEADLINE
            found[tick] = Disposition.DISPATCHED if in_time and tick == newest else older
        elif missed or tick not in in_time:
            found[tick] = Disposition.SKIPPED_DEADLINE
        else:
            found[tick] = Disposition.DISPATCHED if tick == newest else Disposition.COALESCED
    return found


def decisions(entry: Entry, last_at: datetime, now: datetime, pauses: Sequence[Hold]) -> list[Due]:
    """One decision after the other, at a moment that stands still, until nothing more is owed."""
    found: list[Due] = []
    since: datetime | None = None
    while not found or (found[-1].next_at is not None and found[-1].next_at <= now):
        backlog = Backlog(since, active=0, dispatched_at=now)
        found.append(due_ticks(entry, last_at=last_at, now=now, holds=pauses, backlog=backlog))
        last_at, since = found[-1].last_at, found[-1].since
    return found


@given(entries, st.integers(0, 100_000), st.integers(0, 999), holds)
def test_after_downtime_every_tick_has_the_disposition_that_the_rules_give_it(
    entry: Entry, seconds: int, milliseconds: int, pauses: list[Hold]
) -> None:
    now = NOON + timedelta(milliseconds=milliseconds)
    last_at = NOON - seconds * SECOND
    expected = fates(entry, last_at, now, pauses)
    found: dict[datetime, Disposition] = {}
    for due in decisions(entry, last_at, now, pauses):
        assert len(due.dispatched) <= MOST_TICKS
        assert len(due.left_out) <= 20
        assert due.expected == len(due.dispatched) + sum(each.count for each in due.left_out)
        decided = set(due.dispatched)
        exact = [each for each in due.left_out if not each.scattered]
        for some in due.left_out:
            inside = {tick for tick in expected if some.first_at <= tick <= some.last_at}
            if some.scattered:
                inside = {tick for tick in inside if expected[tick] is some.disposition}
                inside -= {tick for each in exact for tick in inside if each.first_at <= tick <= each.last_at}
            assert len(inside) == some.count
            assert all(expected[tick] is some.disposition for tick in inside)
            assert not inside & decided
            decided |= inside
            found |= dict.fromkeys(inside, some.disposition)
        found |= dict.fromkeys(due.dispatched, Disposition.DISPATCHED)
        assert list(due.dispatched) == sorted(due.dispatched)
    assert found == expected
