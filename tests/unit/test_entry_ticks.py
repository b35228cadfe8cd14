"""The ticks of an entry that are to run."""

import time
from datetime import UTC, date, datetime, timedelta
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from scheduler.cadences.day_calendar import DayCalendar
from scheduler.entry import Entry
from scheduler.entry_ticks import coming_ticks, count_between, excluded_between, next_tick, ticks_between
from scheduler.exclusion import Exclusion
from scheduler.schedule import Crontab, Interval, Schedule

NOW = datetime(2026, 12, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
CHRISTMAS = DayCalendar.of("de", {date(2026, 12, 25): "Weihnachten", date(2026, 12, 26): "Weihnachten"})


def entry(schedule: Schedule | None, exclusion: Exclusion | None = None) -> Entry:
    return Entry(name="one", job="jobs.x", schedule=schedule, exclusion=exclusion)


def test_excluded_days_are_left_out() -> None:
    daily = entry(Crontab("0 9 * * *"), Exclusion("UTC", (CHRISTMAS,)))
    assert [tick.day for tick in islice(coming_ticks(daily, NOW), 3)] == [24, 27, 28]
    assert [tick.day for tick in ticks_between(daily, NOW, NOW + 5 * DAY)] == [24, 27, 28]
    assert count_between(daily, NOW, NOW + 5 * DAY) == 3
    assert excluded_between(daily, NOW, NOW + 5 * DAY) == 2


def test_without_a_schedule_there_is_none() -> None:
    assert next_tick(entry(None), NOW) is None
    assert count_between(entry(None), NOW, NOW + DAY) == 0
    assert not list(ticks_between(entry(None), NOW, NOW + DAY))


def test_a_schedule_that_is_excluded_for_ever_has_no_next_tick_and_says_so_at_once() -> None:
    started = time.process_time()
    for schedule, crontab in (
        (Crontab("0 * * * *"), "* * * * *"),
        (Interval(timedelta(seconds=1)), "* * * * *"),
        (Crontab("*/5 * * * *"), "*/5 * * * *"),
        (Interval(timedelta(seconds=2)), "*/2 * * * * *"),
        (Crontab("0 12 25 12 *"), "* * 25 12 *"),
    ):
        assert next_tick(entry(schedule, Exclusion("UTC", (), (crontab,))), NOW) is None
    assert time.process_time() - started < 5


def test_a_month_of_seconds_is_counted_by_spans() -> None:
    often = entry(Interval(timedelta(seconds=1)), Exclusion("UTC", (CHRISTMAS,), ("* 2 * * *",)))
    started = time.process_time()
    assert count_between(often, NOW, NOW + 30 * DAY) == 28 * 86_400 - 28 * 3_600
    assert time.process_time() - started < 2


@given(
    st.sampled_from([Interval(timedelta(minutes=7)), Crontab("*/20 1-3,12 * * *", "Europe/Berlin")]),
    st.sampled_from(
        [Exclusion("Europe/Berlin", (CHRISTMAS,), ("20 * * * *",)), Exclusion("UTC", (CHRISTMAS,))]
    ),
    st.timedeltas(timedelta(0), timedelta(days=7)),
)
def test_each_way_to_ask_gives_the_same(schedule: Schedule, exclusion: Exclusion, length: timedelta) -> None:
    one, until = entry(schedule, exclusion), NOW + length
    wanted = [tick for tick in schedule.ticks_between(NOW, until) if exclusion.reason_for(tick) is None]
    assert list(ticks_between(one, NOW, until)) == wanted
    assert list(islice(coming_ticks(one, NOW), len(wanted))) == wanted
    assert count_between(one, NOW, until) == len(wanted)
