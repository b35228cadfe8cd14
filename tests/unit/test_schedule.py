"""Crontabs and intervals by tables: where they come, across changes of the clock, and what is refused how."""

from datetime import UTC, datetime, timedelta, timezone
from time import process_time
from zoneinfo import ZoneInfo

import pytest

from scheduler.cadences.wall_steps import DstFold, DstGap
from scheduler.schedule import Crontab, CrontabProblem, Crontabs, Interval, Schedule, schedule_from_json

SUMMER_DAY = datetime(2026, 7, 1, 12, 0, 30, tzinfo=UTC)

NEXT_IN_UTC = {
    "* * * * *": "2026-07-01 12:01",
    "*/15 * * * *": "2026-07-01 12:15",
    "7 */6 * * *": "2026-07-01 12:07",
    "0 9-17/4 * * *": "2026-07-01 13:00",
    "5,10,20 12 * * *": "2026-07-01 12:05",
    "0 0 1 * *": "2026-08-01 00:00",
    "0 0 29 2 *": "2028-02-29 00:00",
    "0 0 31 * *": "2026-07-31 00:00",
    "0 0 * * MON": "2026-07-06 00:00",
    "0 0 * * 0": "2026-07-05 00:00",
    "0 0 * * 7": "2026-07-05 00:00",
    "0 0 * * fri-7": "2026-07-03 00:00",
    "0 0 * JAN,mar *": "2027-01-01 00:00",
    "0 0 10 * FRI": "2026-07-03 00:00",  # either day, where both are restricted
    "0 0 */10 * FRI": "2026-07-31 00:00",  # both, where one begins with a star: 1, 11, 21, 31
    "30/10 * * * *": "2026-07-01 12:30",
    "0 8-8/2 * * *": "2026-07-02 08:00",
    "@hourly": "2026-07-01 13:00",
    "@daily": "2026-07-02 00:00",
    "@midnight": "2026-07-02 00:00",
    "@weekly": "2026-07-05 00:00",
    "@monthly": "2026-08-01 00:00",
    "@yearly": "2027-01-01 00:00",
    "@Annually": "2027-01-01 00:00",
}


NEXT_IN_UTC |= {
    "0 0 L * *": "2026-07-31 00:00",
    "0 0 L-3 * *": "2026-07-28 00:00",
    "0 0 L 2 *": "2027-02-28 00:00",
    "0 0 LW 10 *": "2026-10-30 00:00",  # the 31st is a Saturday
    "0 0 15W 8 *": "2026-08-14 00:00",  # the 15th is a Saturday
    "0 0 1W 8 *": "2026-08-03 00:00",  # so is the 1st, and July is no day of August
    "0 0 31w 1 *": "2027-01-29 00:00",
    "0 0 * * 5#3": "2026-07-17 00:00",
    "0 0 * * MON#1": "2026-07-06 00:00",
    "0 0 * * 0#5": "2026-08-30 00:00",
    "0 0 * * 5L": "2026-07-31 00:00",
    "0 0 * * friL": "2026-07-31 00:00",
    "0 0 1,L * *": "2026-07-31 00:00",
    "0 0 L * 3#2": "2026-07-08 00:00",  # either day, where both are restricted
    "0 0 * 2 7#5": "2032-02-29 00:00",
}


@pytest.mark.parametrize(("expression", "expected"), NEXT_IN_UTC.items())
def test_a_crontab_comes_next_when_cron_says(expression: str, expected: str) -> None:
    tick = Crontab(expression).next_after(SUMMER_DAY)
    assert tick is not None
    assert f"{tick:%F %R}" == expected


def test_a_field_for_seconds_comes_first() -> None:
    ticks = Crontab("*/20 30 12 * * *").ticks_between(SUMMER_DAY, SUMMER_DAY + timedelta(hours=1))
    assert [f"{tick:%T}" for tick in ticks] == ["12:30:00", "12:30:20", "12:30:40"]
    assert Crontab("30 0 12 * * *").next_after(SUMMER_DAY) == SUMMER_DAY + timedelta(days=1)


NIGHTS = Crontabs((Crontab("0 22 * * 1-5"), Crontab("*/30 22 * * 5"), Crontab("0 12 * * 6")))


def test_a_list_of_crontabs_has_the_ticks_of_each_once() -> None:
    thursday, sunday = datetime(2026, 7, 2, tzinfo=UTC), datetime(2026, 7, 5, tzinfo=UTC)
    ticks = list(NIGHTS.ticks_between(thursday, sunday))
    assert [f"{tick:%a %R}" for tick in ticks] == ["Thu 22:00", "Fri 22:00", "Fri 22:30", "Sat 12:00"]
    assert NIGHTS.count_between(thursday, sunday) == len(ticks)
    assert NIGHTS.latest_between(thursday, sunday) == NIGHTS.next_after(ticks[-2]) == ticks[-1]
    assert NIGHTS.latest_between(thursday, thursday) is None
    assert Crontabs((Crontab("@yearly"),)).next_after(datetime(9999, 12, 31, tzinfo=UTC)) is None


def test_crontabs_that_tick_every_second_are_counted_and_not_walked_through() -> None:
    texts = ("* * * * * *", "*/2 * * * * 1-5", "* * 9-17 * * *", "* 0-59 1-3 * * *", "30 0-59 2 * * *")
    schedule = Crontabs(tuple(Crontab(text, "Europe/Berlin") for text in texts))
    year = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    began = process_time()
    assert schedule.count_between(*year) == 365 * 86_400
    assert schedule.latest_between(*year) == year[1]
    assert process_time() - began < 1


@pytest.mark.parametrize(
    "expression",
    [
        "0 0 30 2 *",
        "0 0 31 2,4,6,9,11 *",
        "0 0 31 2/2 1#5,7#5",
        "* * * 30 2 *",
        "0 0 31W 4 *",
        "0 0 29 2 1#1",
    ],
)
def test_a_crontab_that_never_or_hardly_comes_is_answered_at_once(expression: str) -> None:
    began = process_time()
    try:
        Crontab(expression, "Europe/Berlin").next_after(SUMMER_DAY)
    except CrontabProblem as problem:
        assert "never comes" in str(problem)  # noqa: PT017 - some of them come
    assert process_time() - began < 1


@pytest.mark.parametrize("interval_ms", [1, 7, 250, 999, 1_001])
def test_an_interval_below_the_minute_is_exact_to_the_millisecond_years_from_its_anchor(
    interval_ms: int,
) -> None:
    schedule = Interval(timedelta(milliseconds=interval_ms))
    tick = SUMMER_DAY
    for _ in range(50):
        later = schedule.next_after(tick)
        assert later is not None
        assert (later - datetime(1970, 1, 1, tzinfo=UTC)) % timedelta(milliseconds=interval_ms) == timedelta(
            0
        )
        assert timedelta(0) < later - tick <= timedelta(milliseconds=interval_ms)
        tick = later


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ((), "at least one"),
        ((Crontab("@daily"), Crontab("@hourly", "Asia/Seoul")), "in one zone"),
    ],
)
def test_a_list_that_can_not_be_is_refused(members: tuple[Crontab, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Crontabs(members)


# Expression, zone, the day of the change; its ticks before 06:00 as the clock on the wall shows them.
ACROSS_CHANGES = [
    ("30 2 * * *", "Europe/Berlin", "2026-03-29", ["03:00+0200"]),
    ("0,30 2 * * *", "Europe/Berlin", "2026-03-29", ["03:00+0200"]),
    ("30 2,3 * * *", "Europe/Berlin", "2026-03-29", ["03:00+0200", "03:30+0200"]),
    ("0 2,3 * * *", "Europe/Berlin", "2026-03-29", ["03:00+0200"]),
    ("0 */2 * * *", "Europe/Berlin", "2026-03-29", ["00:00+0100", "03:00+0200", "04:00+0200"]),
    ("0 1-4 * * *", "Europe/Berlin", "2026-03-29", ["01:00+0100", "03:00+0200", "04:00+0200"]),
    (
        "*/30 1-3 * * *",
        "Europe/Berlin",
        "2026-03-29",
        ["01:00+0100", "01:30+0100", "03:00+0200", "03:30+0200"],
    ),
    ("*/15 2 * * *", "Europe/Berlin", "2026-03-29", []),
    ("30 2 * * *", "Europe/Berlin", "2026-10-25", ["02:30+0200"]),
    ("0,30 2 * * *", "Europe/Berlin", "2026-10-25", ["02:00+0200", "02:30+0200"]),
    ("0 */2 * * *", "Europe/Berlin", "2026-10-25", ["00:00+0200", "02:00+0200", "04:00+0100"]),
    ("0 1-3 * * *", "Europe/Berlin", "2026-10-25", ["01:00+0200", "02:00+0200", "03:00+0100"]),
    (
        "*/30 2 * * *",
        "Europe/Berlin",
        "2026-10-25",
        ["02:00+0200", "02:30+0200", "02:00+0100", "02:30+0100"],
    ),
    (
        "15 * * * *",
        "Europe/Berlin",
        "2026-10-25",
        ["00:15+0200", "01:15+0200", "02:15+0200", "02:15+0100", "03:15+0100", "04:15+0100", "05:15+0100"],
    ),
    ("15 2 * * *", "Australia/Lord_Howe", "2026-10-04", ["02:30+1100"]),
    ("45 1 * * *", "Australia/Lord_Howe", "2026-04-05", ["01:45+1100"]),
    ("0 0 * * *", "Africa/Cairo", "2026-04-24", ["01:00+0300"]),
    ("30 2 * * *", "Asia/Seoul", "2026-03-29", ["02:30+0900"]),
]


@pytest.mark.parametrize(("expression", "zone", "day", "expected"), ACROSS_CHANGES)
def test_a_crontab_across_a_change_of_the_clock(
    expression: str, zone: str, day: str, expected: list[str]
) -> None:
    place = ZoneInfo(zone)
    midnight = datetime.fromisoformat(day).replace(tzinfo=place)
    before = midnight - timedelta(seconds=1)
    ticks = Crontab(expression, zone).ticks_between(before, before.replace(day=midnight.day, hour=5))
    assert [f"{tick.astimezone(place):%R%z}" for tick in ticks] == expected


# Rules, day of the change in Berlin; ticks of `30 2 * * *` on it, as the clock on the wall shows them.
BY_OTHER_RULES: list[tuple[DstGap, DstFold, str, list[str]]] = [
    ("skip", "first", "2026-03-29", []),
    ("shift", "both", "2026-03-29", ["03:00+0200"]),
    ("shift", "first", "2026-10-25", ["02:30+0200"]),
    ("shift", "second", "2026-10-25", ["02:30+0100"]),
    ("skip", "both", "2026-10-25", ["02:30+0200", "02:30+0100"]),
]


@pytest.mark.parametrize(("gap", "fold", "day", "expected"), BY_OTHER_RULES)
def test_other_rules_for_changes_of_the_clock(
    gap: DstGap, fold: DstFold, day: str, expected: list[str]
) -> None:
    place = ZoneInfo("Europe/Berlin")
    midnight = datetime.fromisoformat(day).replace(tzinfo=place)
    schedule = Crontab("30 2 * * *", "Europe/Berlin", dst_gap=gap, dst_fold=fold)
    ticks = schedule.ticks_between(midnight, midnight + timedelta(hours=12))
    assert [f"{tick.astimezone(place):%R%z}" for tick in ticks] == expected
    real_time = Crontab("*/15 * * * *", "Europe/Berlin", dst_gap=gap, dst_fold=fold)
    assert real_time == Crontab("*/15 * * * *", "Europe/Berlin")


def test_a_rule_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="no rules for changes of the clock"):
        schedule_from_json({"crontab": "@daily", "timezone": "UTC", "dst_fold": "third"})


def test_a_day_that_never_was_still_has_its_tick() -> None:
    """Samoa went over the date line: the clock jumped from the end of 29 December 2011 to the 31st."""
    ticks = Crontab("0 9 * * *", "Pacific/Apia").ticks_between(
        datetime(2011, 12, 29, 12, tzinfo=UTC), datetime(2011, 12, 31, tzinfo=UTC)
    )
    shown = [f"{tick.astimezone(ZoneInfo('Pacific/Apia')):%d %R}" for tick in ticks]
    assert shown == ["29 09:00", "31 00:00", "31 09:00"]


def test_ticks_are_utc_whatever_zone_they_are_asked_in() -> None:
    moment = SUMMER_DAY.astimezone(timezone(timedelta(hours=9)))
    tick = Crontab("0 14 * * *", "Europe/Berlin").next_after(moment)
    assert tick == datetime(2026, 7, 2, 12, tzinfo=UTC)
    assert tick.tzinfo is UTC


@pytest.mark.parametrize("schedule", [Crontab("* * * * *"), Interval(timedelta(seconds=1))])
def test_a_moment_without_a_zone_is_refused(schedule: Schedule) -> None:
    with pytest.raises(ValueError, match="has no zone"):
        schedule.next_after(datetime(2026, 1, 1))  # noqa: DTZ001 - the very mistake


@pytest.mark.parametrize("schedule", [Crontab("0 0 1 1 *"), Interval(timedelta(days=400))])
def test_at_the_end_of_the_calendar_nothing_comes(schedule: Schedule) -> None:
    assert schedule.next_after(datetime(9999, 12, 31, tzinfo=UTC)) is None


def test_a_rare_crontab_is_found_and_a_common_one_before_it_counted() -> None:
    assert Crontab("0 0 29 2 */7").next_after(SUMMER_DAY) == datetime(2032, 2, 29, tzinfo=UTC)
    decade = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))
    count = Crontab("* * * * *", "Europe/Berlin").count_between(*decade)
    assert count == (decade[1] - decade[0]) // timedelta(minutes=1)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Europe/Berlim", "unknown time zone 'Europe/Berlim'; did you mean 'Europe/Berlin'?"),
        ("europe/berlin ", "unknown time zone 'europe/berlin '; did you mean 'Europe/Berlin'?"),
        ("asia/seul", "unknown time zone 'asia/seul'; did you mean 'Asia/Seoul'?"),
        ("", "unknown time zone ''; names look like 'Europe/Berlin'"),
        ("Europe", "unknown time zone 'Europe'; did you mean 'Europe/Rome'?"),
        ("../../etc/passwd", "unknown time zone '../../etc/passwd'; names look like 'Europe/Berlin'"),
        ("a\0b", "unknown time zone 'a\\x00b'; names look like 'Europe/Berlin'"),
    ],
)
def test_a_wrong_zone_is_refused_with_a_likely_name(name: str, message: str) -> None:
    with pytest.raises(ValueError, match="unknown time zone") as problem:
        Crontab("* * * * *", name)
    assert str(problem.value) == message


def test_spaces_between_fields_make_no_other_schedule() -> None:
    assert Crontab(" 0   9 * *  1 ") == Crontab("0 9 * * 1")
    assert hash(Crontab(" 0   9 * *  1 ")) == hash(Crontab("0 9 * * 1"))


def test_intervals_stand_on_their_anchor() -> None:
    half_minute = Interval(timedelta(seconds=30))
    assert half_minute.next_after(SUMMER_DAY) == SUMMER_DAY.replace(minute=1, second=0)
    shifted = Interval(timedelta(seconds=30), anchor=datetime(2030, 1, 1, 0, 0, 7, tzinfo=UTC))
    assert shifted.next_after(SUMMER_DAY) == SUMMER_DAY.replace(second=37)


def test_intervals_are_exact_to_the_millisecond() -> None:
    quarter = Interval(timedelta(milliseconds=250))
    ticks = quarter.ticks_between(SUMMER_DAY, SUMMER_DAY + timedelta(seconds=1))
    assert [tick.microsecond // 1_000 for tick in ticks] == [250, 500, 750, 0]


@pytest.mark.parametrize(
    ("every", "message"),
    [
        (timedelta(0), "an interval of nothing never moves on; the shortest is 1ms"),
        (timedelta(seconds=-1), "an interval of nothing never moves on; the shortest is 1ms"),
        (timedelta(microseconds=1_500), "an interval is a whole number of milliseconds"),
    ],
)
def test_an_interval_that_can_not_be_is_refused(every: timedelta, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Interval(every)


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        (Crontab("*/5  * * * *", "Europe/Berlin"), "*/5 * * * * Europe/Berlin"),
        (Crontab("@daily"), "@daily UTC"),
        (NIGHTS, "0 22 * * 1-5 | */30 22 * * 5 | 0 12 * * 6 UTC"),
        (Interval(timedelta(minutes=90)), "every 1h30m"),
    ],
)
def test_a_schedule_is_said_in_few_words(schedule: Schedule, text: str) -> None:
    assert schedule.describe() == text


@pytest.mark.parametrize(
    "schedule",
    [
        Crontab("*/5 * * * *", "Europe/Berlin"),
        Crontab("H 3 * * *", "Asia/Seoul", "nightly"),
        NIGHTS,
        Crontab("30 2 * * *", "Asia/Seoul", dst_gap="skip", dst_fold="both"),
        Crontabs((Crontab("30 2 * * *", dst_fold="second"), Crontab("@monthly"))),
        Interval(timedelta(milliseconds=250)),
        Interval(timedelta(hours=1), anchor=datetime(2026, 1, 1, 0, 7, tzinfo=UTC)),
    ],
)
def test_a_schedule_survives_the_store(schedule: Schedule) -> None:
    assert schedule_from_json(schedule.to_json()) == schedule
