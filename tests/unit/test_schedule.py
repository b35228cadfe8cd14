"""Crontabs and intervals by tables: where they come, across changes of the clock, and what is refused how."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from scheduler.crontab_fields import CrontabProblem, written_out
from scheduler.schedule import Crontab, Crontabs, Interval, Schedule, schedule_from_json

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


# These may never change: what runs at 03:37 today runs then for ever.
HASHED = {
    ("H * * * *", "nightly-report"): "11 * * * *",
    ("H H * * *", "nightly-report"): "11 8 * * *",
    ("H(0-29)/10 H(1-4) H H H", "backup"): "4,14,24 2 14 3 1",
    ("H/15 * * * *", "backup"): "4,19,34,49 * * * *",
    ("H 0 0 * * *", "team.report"): "19 0 0 * * *",
    ("0 0 H/10 * *", "a"): "0 0 3,13,23 * *",
    ("@daily", "a"): "0 0 * * *",
}


@pytest.mark.parametrize(("crontab", "expected"), HASHED.items())
def test_h_stands_for_the_same_number_for_ever(crontab: tuple[str, str], expected: str) -> None:
    assert written_out(*crontab) == expected


def test_h_spreads_entries_over_the_hour_and_not_over_the_days_that_some_months_lack() -> None:
    minutes = [written_out("H * H * *", f"entry-{index}").split() for index in range(2_000)]
    assert {int(minute) for minute, *_ in minutes} == set(range(60))
    assert {int(day) for _, _, day, *_ in minutes} == set(range(1, 29))


def test_h_needs_a_name_and_other_crontabs_forget_it() -> None:
    with pytest.raises(ValueError, match="H is a hash of an entry's name, and here is none"):
        Crontab("H * * * *")
    assert Crontab("0 * * * *", entry="a") == Crontab("0 * * * *", entry="b")
    assert Crontab("H * * * *", entry="a") != Crontab("H * * * *", entry="b")


NIGHTS = Crontabs((Crontab("0 22 * * 1-5"), Crontab("*/30 22 * * 5"), Crontab("0 12 * * 6")))


def test_a_list_of_crontabs_has_the_ticks_of_each_once() -> None:
    thursday, sunday = datetime(2026, 7, 2, tzinfo=UTC), datetime(2026, 7, 5, tzinfo=UTC)
    ticks = list(NIGHTS.ticks_between(thursday, sunday))
    assert [f"{tick:%a %R}" for tick in ticks] == ["Thu 22:00", "Fri 22:00", "Fri 22:30", "Sat 12:00"]
    assert NIGHTS.count_between(thursday, sunday) == len(ticks)
    assert NIGHTS.latest_between(thursday, sunday) == NIGHTS.next_after(ticks[-2]) == ticks[-1]
    assert NIGHTS.latest_between(thursday, thursday) is None
    assert Crontabs((Crontab("@yearly"),)).next_after(datetime(9999, 12, 31, tzinfo=UTC)) is None


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


REFUSED = {
    "": ("is empty; write 5 fields: minute hour day-of-month month day-of-week", 0, 0),
    "* * *": ("3 fields, not 5: minute hour day-of-month month day-of-week", 0, 5),
    "*": ("1 field, not 5: minute hour day-of-month month day-of-week", 0, 1),
    "0 0 * * * * *": ("7 fields, not 5: minute hour day-of-month month day-of-week", 0, 13),
    "75 * * * *": ("minute 75 is out of range 0-59", 0, 2),
    "0 24 * * *": ("hour 24 is out of range 0-23", 2, 4),
    "0 0 0 * *": ("day of month 0 is out of range 1-31", 4, 5),
    "0 0 * 13 *": ("month 13 is out of range 1-12", 6, 8),
    "0 0 * * 8": ("day of week 8 is out of range 0-7", 8, 9),
    "5,75 * * * *": ("minute 75 is out of range 0-59", 2, 4),
    "x * * * *": ("minute 'x' is not a number", 0, 1),
    "-1 * * * *": ("minute range '-1' lacks an end", 0, 1),
    "1- * * * *": ("minute range '1-' lacks an end", 2, 3),
    "1,,2 * * * *": ("minute has an empty item in its list '1,,2'", 1, 3),
    "1, * * * *": ("minute has an empty item in its list '1,'", 1, 2),
    "*/0 * * * *": ("minute step 0 never moves on; a step is 1 or more", 2, 3),
    "*/x * * * *": ("minute step 'x' is not a number", 2, 3),
    "*/ * * * *": ("minute has no step after '/'", 1, 2),
    "50-10 * * * *": ("minute range 50-10 ends before it starts; write 50-59,0-10", 0, 5),
    "0 22-6 * * *": ("hour range 22-6 ends before it starts; write 22-23,0-6", 2, 6),
    "0 0 * * SAT-SUN": ("day of week range SAT-SUN ends before it starts; write SAT-7", 8, 15),
    "0 0 * * FRI-MON": ("day of week range FRI-MON ends before it starts; write FRI-7,1-MON", 8, 15),
    "0 0 * * MOO": ("day of week 'MOO' is not a number or name; did you mean 'MON'?", 8, 11),
    "0 0 * Q *": (
        "month 'Q' is not a number or name; the names are JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC",
        6,
        7,
    ),
    "0 0 ? * *": ("day of month '?' is Quartz's; write *", 4, 5),
    "0 0 L-31 * *": (
        "day of month 'L-31': no month has a day so far from its end; at most L-30",
        4,
        8,
    ),
    "0 0 1,32W * *": ("day of month 32 is out of range 1-31", 6, 9),
    "0 0 L/2 * *": ("day of month 'L' is not a number", 4, 5),
    "0 0 L-3W * *": ("day of month 'L' is not a number", 4, 5),
    "0 0 * * 5#6": (
        "day of week '5#6': a month has a first to fifth of them; write #1 to #5, or L for the last",
        8,
        11,
    ),
    "0 0 * * 8#1": ("day of week 8 is out of range 0-7", 8, 11),
    "0 0 * * MOO#1": ("day of week 'MOO' is not a number or name; did you mean 'MON'?", 8, 13),
    "0 0 * * L": ("day of week 'L' is not a number or name; the names are SUN MON TUE WED THU FRI SAT", 8, 9),
    "0 0 * * 9L": ("day of week 9 is out of range 0-7", 8, 10),
    "L * * * *": ("minute 'L' is not a number", 0, 1),
    "H/0 * * * *": ("minute step 0 never moves on; a step is 1 or more", 2, 3),
    "H/ * * * *": ("minute has no step after '/'", 1, 2),
    "H(0-75) * * * *": ("minute 75 is out of range 0-59", 4, 6),
    "H(30-10) * * * *": ("minute range 30-10 ends before it starts; write 30-59,0-10", 2, 7),
    "H(-5) * * * *": ("minute range '-5' lacks an end", 2, 3),
    "H(5) * * * *": ("minute 'H(5)' is not a number", 0, 4),
    "61 * * * * *": ("second 61 is out of range 0-59", 0, 2),
    "0 0 31W 2 *": ("never comes: no month of '2' has a day 31W", 4, 9),
    "0 0 L-29 2 *": ("never comes: no month of '2' has a day L-29", 4, 10),
    "0 0 */30 2 1#2": ("never comes: no year has such a day", 4, 14),
    "0 0 30 2 *": ("never comes: no month of '2' has a day 30", 4, 8),
    "0 0 31 4,6,SEP *": ("never comes: no month of '4,6,SEP' has a day 31", 4, 14),
    "@dayly": ("unknown alias '@dayly'; did you mean '@daily'?", 0, 6),
    "@reboot": ("'@reboot' names no time; jobs run at times, not when a beat starts", 0, 7),
    "@every 90s": ("'@every 90s' is an interval; write interval = \"90s\"", 0, 10),
    "  0 0 * * 9": ("day of week 9 is out of range 0-7", 10, 11),
    "٣ * * * *": ("minute '٣' is not a number", 0, 1),
}


@pytest.mark.parametrize(("expression", "refusal"), REFUSED.items())
def test_a_wrong_crontab_is_refused_at_the_very_characters(
    expression: str, refusal: tuple[str, int, int]
) -> None:
    with pytest.raises(CrontabProblem) as problem:
        Crontab(expression)
    assert (str(problem.value), problem.value.start, problem.value.end) == refusal


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
        Interval(timedelta(milliseconds=250)),
        Interval(timedelta(hours=1), anchor=datetime(2026, 1, 1, 0, 7, tzinfo=UTC)),
    ],
)
def test_a_schedule_survives_the_store(schedule: Schedule) -> None:
    assert schedule_from_json(schedule.to_json()) == schedule
