"""What a change of schedule moves, gains and loses, against sets of all ticks."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from scheduler.entry import Entry
from scheduler.entry_ticks import ticks_between
from scheduler.foresight.comparison import tick_change
from scheduler.schedule import Crontab, Interval, Later, Schedule, Within

NOW = datetime(2026, 10, 24, 12, 34, 56, 789_000, tzinfo=UTC)  # hours before an hour comes twice in Berlin
UNTIL = NOW + timedelta(hours=30)
SECOND = timedelta(seconds=1)

intervals = st.builds(
    lambda every, phase: Interval(every * 10 * SECOND, NOW + phase * SECOND),
    st.integers(1, 400),
    st.integers(0, 90),
)
crontabs = st.sampled_from(
    [Crontab(text, "Europe/Berlin") for text in ("*/15 * * * *", "30 2 * * *", "0 * * * *", "7,37 */3 * * *")]
)
schedules = st.one_of(
    intervals,
    crontabs,
    st.builds(lambda cadence: Later(cadence, timedelta(hours=1), "a"), crontabs),
    st.builds(
        lambda cadence: Within(cadence, NOW + timedelta(hours=3), NOW + timedelta(hours=20)), intervals
    ),
    st.none(),
)


def entry(schedule: Schedule | None, *, enabled: bool = True) -> Entry:
    return Entry(name="a", job="jobs.a", schedule=schedule, enabled=enabled)


@given(schedules, schedules, st.booleans())
def test_ticks_are_counted_as_sets_of_them_are(was: Schedule | None, will: Schedule | None, on: bool) -> None:
    before, after = entry(was), entry(will, enabled=on)
    old = set(ticks_between(before, NOW, UNTIL))
    new = set(ticks_between(after, NOW, UNTIL)) if on else set()
    change = tick_change(before, after, now=NOW, until=UNTIL)
    assert (change.lost + change.moved, change.gained + change.moved) == (len(old - new), len(new - old))
    assert min(change.lost, change.gained) == 0
    assert len(change.moves) <= min(change.moved, 10)
    assert {move[0] for move in change.moves} <= old - new
    assert {move[1] for move in change.moves} <= new - old
    assert len({move[1] for move in change.moves}) == len(change.moves)
