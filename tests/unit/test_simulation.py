"""The load of a span: minutes, crowds, overlaps, runs at once, and freer minutes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scheduler.entry import Entry
from scheduler.foresight.freer_minute import Move, moves
from scheduler.foresight.overlap_forecast import AtOnce, Overlaps, most_at_once, overlaps
from scheduler.foresight.run_times import RunTime, given_run_times, measured, run_times
from scheduler.foresight.simulation import Simulation, simulation
from scheduler.foresight.tick_series import Span, all_series
from scheduler.schedule import Crontab, Interval, Later, Schedule

START = datetime(2026, 11, 21, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))
HOUR_SPAN, DAY_SPAN = Span(START, START + HOUR), Span(START, START + DAY)


def entry(name: str, schedule: Schedule | str, **more: Any) -> Entry:
    schedule = Crontab(schedule) if isinstance(schedule, str) else schedule
    return Entry(name=name, job="jobs.a", schedule=schedule, **more)


def simulated(entries: list[Entry], span: Span = HOUR_SPAN) -> Simulation:
    return simulation(all_series(entries, span), span)


def test_each_minute_has_the_ticks_that_fall_into_it() -> None:
    entries = [entry("a", "0 * * * *"), entry("b", Interval(20 * SECOND)), entry("c", Interval(90 * SECOND))]
    found = simulated(entries)
    assert found.by_minute[:4].tolist() == [1 + 3 + 1, 3 + 1, 3, 3 + 1]  # type: ignore[attr-defined]
    assert found.ticks == 1 + 180 + 40


def test_an_interval_that_does_not_divide_a_minute_is_counted_exactly() -> None:
    found = simulated([entry("a", Interval(timedelta(milliseconds=700), START + 3 * SECOND))])
    ticks = [START + 3 * SECOND + n * timedelta(milliseconds=700) for n in range(-4, 6000)]
    by_minute = [
        sum(START + m * MINUTE <= tick < START + (m + 1) * MINUTE for tick in ticks) for m in range(60)
    ]
    assert list(found.by_minute) == by_minute


def test_the_busiest_minutes_name_their_entries_and_how_often_they_come() -> None:
    found = simulated(
        [entry("a", "0,30 * * * *"), entry("b", "0 * * * *"), entry("c", Interval(30 * SECOND))]
    )
    assert [(each.first_at, each.times, each.entries) for each in found.busiest] == [
        (START, 1, (("a", 1), ("b", 1), ("c", 2))),
        (START + 30 * MINUTE, 1, (("a", 1), ("c", 2))),
        (START + MINUTE, 58, (("c", 2),)),
    ]


def test_collisions_are_seconds_with_several_entries_and_no_others() -> None:
    jittered = Later(Crontab("0 * * * *"), 59 * SECOND, "d")
    entries = [
        entry("a", "*/15 * * * *"),
        entry("b", "0 * * * *"),
        entry("c", "*/30 * * * *"),
        entry("d", jittered),
    ]
    found = simulated(entries)
    assert found.collided == 2
    assert [(each.first_at, each.times, [name for name, _ in each.entries]) for each in found.collisions] == [
        (START, 1, ["a", "b", "c"]),
        (START + 30 * MINUTE, 1, ["a", "c"]),
    ]


def test_several_ticks_of_one_entry_in_a_second_are_no_collision() -> None:
    assert simulated([entry("a", Interval(timedelta(milliseconds=100)))]).collided == 0


def time(seconds: float) -> RunTime:
    return RunTime(seconds * SECOND, seconds * SECOND, "given")


def overlap(each: Entry, seconds: float) -> tuple[int, int]:
    """What a walk and what the short way for even ticks say."""
    (series,) = all_series([each], HOUR_SPAN)
    uneven = type(series)(series.entries, list(series.ticks))
    times = {each.name: time(seconds)}
    found = [[one.often for one in overlaps([some], times)] or [0] for some in (series, uneven)]
    return found[0][0], found[1][0]


@pytest.mark.parametrize("seconds", [0.5, 10, 10.5, 20, 35, 59, 4000])
@pytest.mark.parametrize("most", [1, 2, 3])
@pytest.mark.parametrize("policy", ["skip", "allow", "replace", "queue"])
def test_the_short_way_for_an_interval_finds_what_a_walk_finds(
    policy: Any, most: int, seconds: float
) -> None:
    short, walked = overlap(entry("a", Interval(10 * SECOND), overlap=policy, max_active=most), seconds)
    assert short == walked


def test_a_skipped_tick_starts_no_run_that_the_next_one_could_meet() -> None:
    assert overlap(entry("a", Interval(10 * SECOND)), 15) == (180, 180)
    assert overlap(entry("a", Interval(10 * SECOND), overlap="allow"), 15) == (359, 359)


def test_an_entry_is_listed_with_its_shortest_gap_and_what_is_usual_and_what_is_often() -> None:
    each = entry("a", "0,10,40 * * * *")
    series = all_series([each], HOUR_SPAN)
    known = RunTime(5 * MINUTE, 11 * MINUTE, "measured", 20)
    assert overlaps(series, {"a": known}) == [Overlaps(each, known, 3, 10 * MINUTE, 0, 1)]
    assert overlaps(series, {"a": time(60)}) == []
    assert overlaps(series, {}) == []


def test_the_most_runs_at_once_are_found_for_each_queue() -> None:
    entries = [entry("a", "0 0 * * *"), entry("b", "5 0 * * *"), entry("c", "5 0 * * *", queue="slow")]
    series = all_series(entries, HOUR_SPAN)
    times = {each.name: time(301) for each in entries}
    assert most_at_once(series, times, HOUR_SPAN) == [
        AtOnce("default", 2, START + 5 * MINUTE, 2),
        AtOnce("slow", 1, START + 5 * MINUTE, 1),
    ]
    assert most_at_once(series, {}, HOUR_SPAN) == []


@pytest.mark.parametrize(("every_ms", "seconds", "most", "expected"), [
    (10_000, 25, None, 3), (10_000, 25, 1, 1), (10_000, 25, 2, 2), (250, 1, None, 4), (250, 1, 1, 1),
])  # fmt: skip
def test_an_entry_never_has_more_runs_at_once_than_it_may(
    every_ms: int, seconds: int, most: int | None, expected: int
) -> None:
    policy = {"overlap": "allow"} if most is None else {"max_active": most}
    each = entry("a", Interval(timedelta(milliseconds=every_ms)), **policy)
    (found,) = most_at_once(all_series([each], HOUR_SPAN), {"a": time(seconds)}, HOUR_SPAN)
    assert found.runs == expected


def test_run_times_are_percentiles_by_the_nearest_rank() -> None:
    assert measured([n * SECOND for n in range(20, 0, -1)]) == RunTime(
        10 * SECOND, 19 * SECOND, "measured", 20
    )
    assert measured([SECOND]) == RunTime(SECOND, SECOND, "measured", 1)
    with pytest.raises(ValueError, match="nothing was measured"):
        measured([])


def test_an_entry_without_a_measured_time_has_its_time_out() -> None:
    entries = [entry("a", "@daily", timeout=HOUR), entry("b", "@daily", timeout=HOUR), entry("c", "@daily")]
    assert run_times(entries, {"a": time(3)}) == {"a": time(3), "b": RunTime(HOUR, HOUR, "timeout")}


def test_given_run_times_are_durations_or_percentiles() -> None:
    text = '{"a": "1m", "b": {"p50": 2, "p95": "4s", "source": "measured"}}'
    assert given_run_times(text, ["a", "b"]) == {"a": time(60), "b": RunTime(2 * SECOND, 4 * SECOND, "given")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON: Expecting property name"),
        ("[]", 'is not an object such as {"backup": "90s"}'),
        ('{"backp": 1}', "no such entry: 'backp'; did you mean 'backup'?"),
        ('{"backup": true}', "backup: true is not a duration, such as"),
        ('{"backup": "soon"}', "backup: 'soon' is not a duration"),
        ('{"backup": {"p50": 1}}', "backup: a table has no p50 and p95"),
        ('{"backup": {"p50": 2, "p95": 1}}', "backup: p95 is less than p50"),
    ],
)
def test_what_is_wrong_with_given_run_times_is_said(text: str, message: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - its text is looked at below
        given_run_times(text, ["backup"])
    assert str(raised.value).startswith(message)


def test_crowded_entries_are_moved_to_the_next_free_minute_until_no_crowd_is_left() -> None:
    entries = [entry(name, "0 2 * * *") for name in "abcde"]
    entries += [entry("f", "1 2 * * *"), entry("always", "* * * * *"), entry("often", Interval(10 * SECOND))]
    found = moves(all_series(entries, DAY_SPAN), DAY_SPAN, most=5)
    assert found == [
        Move(entries[0], 0, 2, 4, 0, "2 2 * * *", "H 2 * * *"),
        Move(entries[1], 0, 3, 3, 0, "3 2 * * *", "H 2 * * *"),
    ]


def test_what_repeats_is_moved_where_it_is_free_all_day_and_an_alias_is_written_out() -> None:
    entries = [entry(name, "@hourly") for name in "abcd"] + [
        entry("e", "1 13 * * *"),
        entry("f", "2 14 * * *"),
    ]
    (move,) = moves(all_series(entries, DAY_SPAN), DAY_SPAN, most=5)
    assert (move.entry.name, move.before, move.after, move.crontab) == ("a", 0, 3, "3 * * * *")


def test_only_a_crontab_with_one_minute_and_no_jitter_is_moved() -> None:
    fixed = [
        entry("a", Interval(HOUR)),
        entry("b", "*/30 * * * *"),
        entry("c", Later(Crontab("0 * * * *"), timedelta(milliseconds=10), "c")),
        entry("d", Interval(DAY)),
    ]
    assert moves(all_series(fixed, DAY_SPAN), DAY_SPAN, most=5) == []
    movable = all_series([*fixed, entry("e", "0 0 0 * * *")], DAY_SPAN)
    assert [each.crontab for each in moves(movable, DAY_SPAN, most=5)] == ["0 1 0 * * *"]
