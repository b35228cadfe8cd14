"""The ticks of many entries at once are those that each schedule gives by itself."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.cadences.day_calendar import DayCalendar
from scheduler.entry import Entry
from scheduler.exclusion import Exclusion
from scheduler.foresight.tick_series import Series, Span, all_series
from scheduler.schedule import Cadence, Crontab, Crontabs, Interval, Later, Moments, Moved, Schedule, Within

START = datetime(2026, 3, 28, 22, tzinfo=UTC)  # a day before the clock changes in Berlin
DAY = Span(START, START + timedelta(days=1))
MINUTE = timedelta(minutes=1)
LEAST = timedelta(microseconds=1)

SUNDAYS = DayCalendar.of("sundays", {}, weekdays=frozenset({6}))
CADENCES: list[Cadence | Moved] = [
    Crontab("*/7 * * * *"),
    Crontab("H H * * *", "Europe/Berlin", entry="a"),
    Crontab("30 2 * * *", "Europe/Berlin"),
    Crontabs((Crontab("@hourly"), Crontab("*/90 * * * *"))),
    Interval(timedelta(minutes=7)),
    Interval(timedelta(milliseconds=1700), START + timedelta(seconds=3)),
    Moved(Crontab("0 */5 * * *"), "next", "Europe/Berlin", (SUNDAYS,)),
    Moments((START, START + MINUTE, START + timedelta(days=1))),
]
schedules = st.sampled_from(CADENCES).flatmap(
    lambda cadence: st.one_of(
        st.just(cadence),
        st.builds(
            Later, st.just(cadence), st.sampled_from([MINUTE, timedelta(hours=30)]), st.sampled_from("ab")
        ),
        st.builds(
            lambda low, length: Within(cadence, START + low * MINUTE, START + (low + length) * MINUTE),
            st.integers(-100, 1500),
            st.integers(0, 2000),
        ),
    )
)


def entry(schedule: Schedule | None, name: str = "a", **more: object) -> Entry:
    return Entry(name=name, job="jobs.a", schedule=schedule, **more)  # type: ignore[arg-type]


def walked(each: Entry, span: Span) -> list[datetime]:
    assert each.schedule is not None
    ticks = each.schedule.ticks_between(span.start_at - LEAST, span.until - LEAST)
    return [tick for tick in ticks if each.exclusion is None or each.exclusion.reason_for(tick) is None]


def by_name(series: list[Series], span: Span) -> dict[str, list[datetime]]:
    return {each.name: [span.moment(tick) for tick in one.ticks] for one in series for each in one.entries}


@given(st.lists(schedules, min_size=1, max_size=4))
def test_the_ticks_are_those_of_a_walk_through_each_schedule(found: list[Schedule]) -> None:
    entries = [entry(schedule, f"e{index}") for index, schedule in enumerate(found)]
    expected = {each.name: ticks for each in entries if (ticks := walked(each, DAY))}
    assert by_name(all_series(entries, DAY), DAY) == expected


def test_entries_of_one_schedule_share_their_ticks_and_so_do_hashes_that_agree() -> None:
    names = [f"e{index}" for index in range(200)]
    shared = [entry(Crontab("@daily"), name) for name in names]
    hashed = [entry(Crontab("H * * * *", entry=name), name) for name in names]
    assert [len(each.entries) for each in all_series(shared, DAY)] == [200]
    assert len(all_series(hashed, DAY)) <= 60


def test_an_interval_is_a_range_however_many_ticks_it_has() -> None:
    (series,) = all_series([entry(Interval(timedelta(milliseconds=1)))], DAY)
    assert series.ticks == range(86_400_000)


@pytest.mark.parametrize("schedule", [CADENCES[0], CADENCES[4]])
def test_what_is_excluded_is_left_out(schedule: Schedule) -> None:
    calendar = DayCalendar.of("closed", {date(2026, 3, 29): "Sunday"})
    exclusion = Exclusion("Europe/Berlin", (calendar,), ("0-29 * * * *",))
    each = entry(schedule, exclusion=exclusion)
    ticks = by_name(all_series([each], DAY), DAY)["a"]
    assert ticks == walked(each, DAY)
    assert len(ticks) > 2


def test_an_entry_of_few_runs_has_its_first_ticks() -> None:
    (series,) = all_series([entry(CADENCES[4], max_runs=3)], DAY)
    assert len(series.ticks) == 3


def test_disabled_entries_and_those_run_by_hand_have_none() -> None:
    done: list[int] = []
    assert all_series([entry(None), entry(CADENCES[0], enabled=False)], DAY, done.append) == []
    assert sum(done) == 2


@pytest.mark.parametrize(
    ("start", "until", "message"),
    [
        (START, START, "the span ends before it begins"),
        (START + timedelta(seconds=1), START + MINUTE, "2026-03-28T22:00:01+00:00 is no whole minute"),
    ],
)
def test_a_span_is_of_whole_minutes_and_not_empty(start: datetime, until: datetime, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("+", r"\+")):
        Span(start, until)
