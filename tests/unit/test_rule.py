"""Recurrence rules: the examples of RFC 5545, changes of the clock, what is refused and how, and that nothing hangs."""

# ruff: noqa: E501 - a rule and what is said of it stand in one line

from datetime import UTC, datetime, timedelta
from itertools import islice
from time import process_time
from zoneinfo import ZoneInfo

import pytest

from scheduler.cadences.rule_text import RuleProblem
from scheduler.foresight.rule_explanation import rule_sentences
from scheduler.schedule import Rule, schedule_from_json

YEAR = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
NEW_YORK = ZoneInfo("America/New_York")
SECOND = timedelta(seconds=1)

# RFC 5545, section 3.8.5.3: all begin on 2 September 1997 at 09:00 in New York, unless they say otherwise.
RFC_5545 = {
    "FREQ=DAILY;UNTIL=19971224T000000Z": (113, "0902 0903 0904"),
    "FREQ=DAILY;INTERVAL=10;COUNT=5": (5, "0902 0912 0922 1002 1012"),
    "FREQ=WEEKLY;COUNT=10": (10, "0902 0909 0916"),
    "FREQ=WEEKLY;INTERVAL=2;WKST=SU": (None, "0902 0916 0930 1014"),
    "FREQ=WEEKLY;COUNT=10;WKST=SU;BYDAY=TU,TH": (10, "0902 0904 0909"),
    "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR": (24, "0903 0905 0915"),
    "FREQ=MONTHLY;COUNT=10;BYDAY=1FR": (10, "0905 1003 1107"),
    "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU": (10, "0907 0928 1102 1130"),
    "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO": (6, "0922 1020 1117"),
    "FREQ=MONTHLY;BYMONTHDAY=-3": (None, "0928 1029 1128"),
    "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15": (10, "0902 0915 1002"),
    "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15": (10, "0910 0911 0912"),
    "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13": (None, "0213 0313 1113"),
    "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13": (None, "0913 1011 1108"),
    "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3": (3, "0904 1007 1106"),
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2": (None, "0929 1030 1127"),
    "FREQ=YEARLY;BYDAY=20MO": (None, "0518 0517 0515"),
    "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO": (None, "0511 0517 0515"),
    "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200": (10, "0101 0409 0718"),
    "FREQ=YEARLY;BYMONTH=6,7,8;BYDAY=TH": (None, "0604 0611 0618"),
    "FREQ=DAILY;BYMONTH=1;BYDAY=MO": (None, "0105 0112 0119"),
}


@pytest.mark.parametrize(("rule", "expected"), RFC_5545.items())
def test_the_examples_of_the_rfc_come_as_it_says(rule: str, expected: tuple[int | None, str]) -> None:
    count, days = expected
    schedule = Rule(f"DTSTART;TZID=America/New_York:19970902T090000\nRRULE:{rule}", "America/New_York")
    start, end = datetime(1997, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)
    ticks = [
        tick.astimezone(NEW_YORK) for tick in islice(schedule.ticks_between(start, end), len(days.split()))
    ]
    assert " ".join(f"{tick:%m%d}" for tick in ticks) == days
    assert {f"{tick:%T}" for tick in ticks} == {"09:00:00"}
    if count is not None:
        assert schedule.count_between(start, end) == count


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T210000Z", "0900 1200 1500"),
        ("FREQ=MINUTELY;INTERVAL=15;COUNT=6", "0900 0915 0930 0945 1000 1015"),
        ("FREQ=MINUTELY;INTERVAL=90;COUNT=4", "0900 1030 1200 1330"),
        ("FREQ=DAILY;BYHOUR=9,10;BYMINUTE=0,20,40", "0900 0920 0940 1000"),
        ("FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10", "0900 0920 0940 1000"),
        ("FREQ=HOURLY;BYMINUTE=0,15,30;BYSETPOS=-1", "0930 1030 1130"),
    ],
)
def test_the_examples_within_a_day_come_as_the_rfc_says(rule: str, expected: str) -> None:
    schedule = Rule(f"DTSTART:19970902T090000\n{rule}", "America/New_York")
    ticks = islice(schedule.ticks_between(datetime(1997, 1, 1, tzinfo=UTC), YEAR[0]), len(expected.split()))
    assert " ".join(f"{tick.astimezone(NEW_YORK):%H%M}" for tick in ticks) == expected


WEEK_STARTS = {"MO": "05 10 19 24", "SU": "05 17 19 31"}


@pytest.mark.parametrize(("day", "expected"), WEEK_STARTS.items())
def test_where_a_week_begins_matters_to_every_second_week(day: str, expected: str) -> None:
    text = f"DTSTART:19970805T090000\nFREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST={day}"
    ticks = Rule(text).ticks_between(datetime(1997, 1, 1, tzinfo=UTC), YEAR[0])
    assert " ".join(f"{tick:%d}" for tick in ticks) == expected


# Without DTSTART what a rule leaves open is a Monday, the first, January, midnight.
OPEN = {
    "FREQ=DAILY": "2026-11-22 00:00",
    "FREQ=WEEKLY": "2026-11-23 00:00",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=WE": "2026-12-02 00:00",
    "FREQ=MONTHLY": "2026-12-01 00:00",
    "FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=9": "2026-11-27 09:00",
    "rrule:freq=monthly;byday=-1fr;byhour=9;": "2026-11-27 09:00",
    "FREQ=YEARLY;BYHOUR=6,18": "2027-01-01 06:00",
    "FREQ=YEARLY;BYMONTH=3": "2027-03-01 00:00",
    "FREQ=YEARLY;BYWEEKNO=1": "2027-01-04 00:00",
    "FREQ=YEARLY;BYWEEKNO=-1;BYDAY=FR": "2027-01-01 00:00",  # the last day of the last week of 2026
    "FREQ=YEARLY;BYDAY=-1SU": "2026-12-27 00:00",
    "FREQ=YEARLY;BYDAY=MO,-1SU": "2026-11-23 00:00",
    "FREQ=YEARLY;BYYEARDAY=-1": "2026-12-31 00:00",
    "FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=2,12": "2026-12-31 00:00",
    "FREQ=HOURLY;INTERVAL=6": "2026-11-21 18:00",
    "FREQ=MINUTELY;INTERVAL=35": "2026-11-21 12:25",
    "FREQ=SECONDLY;BYSECOND=30": "2026-11-21 12:00",
}


@pytest.mark.parametrize(("rule", "expected"), OPEN.items())
def test_a_rule_without_a_start_comes_next_when_the_page_says(rule: str, expected: str) -> None:
    tick = Rule(rule).next_after(datetime(2026, 11, 21, 12, tzinfo=UTC))
    assert tick is not None
    assert f"{tick:%F %R}" == expected


LINES = """
DTSTART:20260301T090000
RRULE:FREQ=DAILY;UNTIL=20260305
RDATE:20260310T120000,20260303T090000
RDATE:20260401T120000Z
EXDATE:20260302T090000
EXDATE;VALUE=DATE:20260304,20260310
"""


def test_rdate_adds_and_exdate_takes_out() -> None:
    schedule = Rule(LINES, "Europe/Berlin")
    ticks = list(schedule.ticks_between(*YEAR))
    assert [f"{tick:%m-%d %R}" for tick in ticks] == [
        "03-01 08:00",
        "03-03 08:00",
        "03-05 08:00",
        "04-01 12:00",
    ]
    assert schedule.count_between(*YEAR) == 4
    assert schedule.latest_between(*YEAR) == ticks[-1]
    assert schedule.latest_between(YEAR[0], ticks[2] - SECOND) == ticks[1]
    assert schedule.latest_between(YEAR[0], ticks[0] - SECOND) is None
    assert schedule.count_between(ticks[0], ticks[2]) == 2
    assert schedule.next_after(ticks[-1]) is None


def test_a_count_is_counted_from_the_start_and_not_from_now() -> None:
    schedule = Rule("DTSTART:20200101T000000\nFREQ=DAILY;COUNT=2500", "Europe/Berlin")
    last = datetime(2026, 11, 3, 23, tzinfo=UTC)
    assert schedule.latest_between(YEAR[0], YEAR[1]) == last
    assert schedule.next_after(last) is None
    assert schedule.count_between(datetime(1990, 1, 1, tzinfo=UTC), YEAR[1]) == 2_500


# Rule, day of the change in Berlin, its ticks on that day.
ACROSS_CHANGES = [
    ("FREQ=DAILY;BYHOUR=2;BYMINUTE=30", "2026-03-29", "03:00+0200"),
    ("FREQ=DAILY;BYHOUR=2;BYMINUTE=0,30", "2026-03-29", "03:00+0200"),
    ("FREQ=DAILY;BYHOUR=2;BYMINUTE=30", "2026-10-25", "02:30+0200"),
    ("FREQ=HOURLY;INTERVAL=2;BYHOUR=0,1,2,3,4", "2026-03-29", "00:00+0100 03:00+0200 04:00+0200"),
    ("FREQ=HOURLY;INTERVAL=2;BYHOUR=0,1,2,3,4", "2026-10-25", "00:00+0200 02:00+0200 04:00+0100"),
    ("FREQ=MINUTELY;INTERVAL=30;BYHOUR=2", "2026-03-29", ""),
    ("FREQ=MINUTELY;INTERVAL=30;BYHOUR=2", "2026-10-25", "02:00+0200 02:30+0200 02:00+0100 02:30+0100"),
    ("FREQ=MINUTELY;INTERVAL=90;BYHOUR=0,1,2,3", "2026-10-25", "01:00+0200 02:30+0200 03:00+0100"),
]


@pytest.mark.parametrize(("rule", "day", "expected"), ACROSS_CHANGES)
def test_a_rule_across_a_change_of_the_clock(rule: str, day: str, expected: str) -> None:
    zone = ZoneInfo("Europe/Berlin")
    midnight = datetime.fromisoformat(day).replace(tzinfo=zone)
    schedule = Rule(rule, zone.key)
    before, until = midnight - SECOND, midnight + timedelta(hours=20)
    ticks = schedule.ticks_between(before, until)
    assert " ".join(f"{tick.astimezone(zone):%R%z}" for tick in ticks) == expected
    assert schedule.count_between(before, until) == len(expected.split())


def test_other_rules_for_changes_of_the_clock_hold_for_rules_too() -> None:
    day = (datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 29, 12, tzinfo=UTC))
    night = "FREQ=DAILY;BYHOUR=2;BYMINUTE=30"
    assert Rule(night, "Europe/Berlin", dst_gap="skip").count_between(*day) == 0
    autumn = (datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 25, 12, tzinfo=UTC))
    assert Rule(night, "Europe/Berlin", dst_fold="both").count_between(*autumn) == 2
    hourly = Rule("FREQ=HOURLY", "Europe/Berlin", dst_fold="both")
    assert hourly == Rule("FREQ=HOURLY", "Europe/Berlin")
    with pytest.raises(ValueError, match="no rules for changes of the clock"):
        Rule(night, dst_gap="jump")  # type: ignore[arg-type]


def test_a_start_in_the_missing_hour_is_the_jump() -> None:
    schedule = Rule("DTSTART:20260329T023000\nFREQ=DAILY;COUNT=2", "Europe/Berlin")
    assert [f"{tick:%d %R}" for tick in schedule.ticks_between(*YEAR)] == ["29 01:00", "30 00:30"]


def test_a_rule_counted_in_real_time_may_come_only_in_summer() -> None:
    """Every 24 hours from 09:00 in winter is 10:00 in summer, and only there is BYHOUR=10."""
    text = "DTSTART:20260101T090000\nFREQ=MINUTELY;INTERVAL=1440;BYHOUR=10"
    schedule = Rule(text, "Europe/Berlin")
    assert schedule.next_after(YEAR[0]) == datetime(2026, 3, 29, 8, tzinfo=UTC)
    assert schedule.count_between(*YEAR) == 210


WRONG = [
    ("", "has no rule; write one such as FREQ=WEEKLY;BYDAY=MO,TH;BYHOUR=9", ""),
    ("DTSTART:20260101T000000", "has no rule; write one such as FREQ=WEEKLY;BYDAY=MO,TH;BYHOUR=9", None),
    ("every day", "'every day' is no line of a rule; there are DTSTART, RRULE, RDATE, EXDATE", "every day"),
    ("RULE:FREQ=DAILY", "'RULE' is no line of a rule; did you mean 'RRULE'?", "RULE"),
    (
        "EXRULE:FREQ=DAILY\nFREQ=DAILY",
        "EXRULE is no part of RFC 5545 any more; name the days in EXDATE, or use `exclude`",
        "EXRULE",
    ),
    ("BYHOUR=9", "FREQ is missing; it says how often: FREQ=DAILY", "BYHOUR=9"),
    ("FREQ=DAYLY", "FREQ 'DAYLY' is none; did you mean 'DAILY'?", "DAYLY"),
    ("FREQ=DAILY;BYHUOR=9", "unknown part 'BYHUOR'; did you mean 'BYHOUR'?", "BYHUOR"),
    ("FREQ=DAILY;9", "unknown part '9'; parts are NAME=VALUE, parted by ;", "9"),
    ("FREQ=DAILY;;BYHOUR=9", "an empty part; parts are NAME=VALUE, parted by ;", ";"),
    ("FREQ=DAILY;BYHOUR=9;BYHOUR=10", "BYHOUR stands twice; write its values as a list", "BYHOUR"),
    ("FREQ=DAILY;BYHOUR=24", "BYHOUR 24 is out of range 0 to 23", "24"),
    ("FREQ=DAILY;BYHOUR=9,x", "BYHOUR 'x' is not a number", "x"),
    ("FREQ=DAILY;BYSECOND=60", "BYSECOND 60 is out of range 0 to 59", "60"),
    ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY 0 is out of range 1 to 31 or -31 to -1", "0"),
    ("FREQ=DAILY;INTERVAL=0", "INTERVAL 0 is out of range 1 to 1000000000", "0"),
    ("FREQ=WEEKLY;BYDAY=MO,XX", "'XX' is no day of the week; they are MO TU WE TH FR SA SU", "XX"),
    ("FREQ=WEEKLY;BYDAY=1MO", "a number before a day goes with FREQ=MONTHLY or FREQ=YEARLY, not with FREQ=WEEKLY", "1MO"),
    ("FREQ=YEARLY;BYWEEKNO=3;BYDAY=1MO", "a number before a day does not go with BYWEEKNO", "1MO"),
    ("FREQ=MONTHLY;BYDAY=54MO", "BYDAY 54 is out of range 1 to 53 or -53 to -1", "54"),
    ("FREQ=DAILY;BYWEEKNO=3", "BYWEEKNO goes with FREQ=YEARLY, not with FREQ=DAILY", "BYWEEKNO"),
    ("FREQ=DAILY;BYSETPOS=1", "BYSETPOS picks among what other BY… parts give, and there are none", "BYSETPOS"),
    ("FREQ=DAILY;UNTIL=2026-01-01", "'2026-01-01' is not a time of a calendar; write 20270131T090000 for the clock on the wall, with a Z for UTC", "2026-01-01"),
    ("FREQ=DAILY;UNTIL=20260230", "'20260230' is not on the calendar; write 20270131T090000 for the clock on the wall, with a Z for UTC", "20260230"),
    ("FREQ=DAILY;UNTIL=10000101", "the year 1000 is out of reach; write one from 1900 to 9998", "10000101"),
    ("DTSTART:20260101T000000\nFREQ=DAILY;COUNT=2;UNTIL=20270101", "COUNT and UNTIL both end the rule; keep one", "UNTIL"),
    ("FREQ=DAILY;COUNT=3", 'COUNT counts from DTSTART; put "DTSTART:20270101T090000" in a line before the rule', None),
    ("DTSTART:20270101T000000\nFREQ=DAILY;UNTIL=20260101", "ends before it starts: UNTIL is before DTSTART", None),
    ("DTSTART;X=1:20270101T000000\nFREQ=DAILY", "'X=1' means nothing here; TZID=…, VALUE=DATE and VALUE=DATE-TIME do", "X=1"),
    ("DTSTART;TZID=Asia/Seoul:20270101T000000\nFREQ=DAILY", "its TZID is Asia/Seoul, and timezone is UTC; keep one of them", None),
    ("FREQ=DAILY\nRRULE:FREQ=WEEKLY", "a second RRULE; a rule has one", "FREQ=WEEKLY"),
    ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "never comes: no year has a day with BYMONTH=2 and BYMONTHDAY=30", "BYMONTH=2;BYMONTHDAY=30"),
    ("DTSTART:20260101T090000\nFREQ=DAILY;BYHOUR=8;UNTIL=20260101", "never comes: no time before it ends is in all of its parts", None),
    ("FREQ=DAILY;INTERVAL=7;BYDAY=TU", "never comes: no time is in all of its parts", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message", "about"), WRONG)
def test_what_is_wrong_is_said_to_the_very_characters(text: str, message: str, about: str | None) -> None:
    with pytest.raises(RuleProblem) as problem:
        Rule(text)
    assert str(problem.value) == message
    assert text[problem.value.start : problem.value.end] == (text if about is None else about)


SIXTY = ",".join(str(each) for each in range(60))
HOURS = ",".join(str(each) for each in range(24))
ENDLESS = [
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=SECONDLY;INTERVAL=2;BYHOUR=3;BYMINUTE=1;BYSECOND=1",
    "FREQ=SECONDLY;INTERVAL=86400;BYHOUR=5",
    "FREQ=MINUTELY;INTERVAL=2016;BYDAY=TU;BYHOUR=0",
    "FREQ=SECONDLY;BYHOUR=3;BYSETPOS=2",
    "FREQ=YEARLY;INTERVAL=1000000000",
    "FREQ=DAILY;INTERVAL=999999999",
    "FREQ=SECONDLY;INTERVAL=1000000000",
    "FREQ=SECONDLY",
    f"FREQ=DAILY;BYHOUR={HOURS};BYMINUTE={SIXTY};BYSECOND={SIXTY}",
    f"FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR={HOURS};BYMINUTE={SIXTY};BYSECOND={SIXTY};BYSETPOS=366,-366",
    "DTSTART:19700101T000000\nFREQ=SECONDLY;COUNT=1000000000",
    "DTSTART:19700101T000000\nFREQ=YEARLY;COUNT=1000000000",
    "DTSTART:19000101T000000\nFREQ=MINUTELY;INTERVAL=7;BYDAY=MO",
]


@pytest.mark.parametrize("text", ENDLESS)
def test_no_rule_takes_a_second_of_work(text: str) -> None:
    began = process_time()
    try:
        schedule = Rule(text, "Europe/Berlin")
    except RuleProblem:
        assert process_time() - began < 1
        return
    tick = schedule.next_after(YEAR[0])
    assert (tick is not None and tick <= YEAR[1]) == (schedule.count_between(*YEAR) > 0)
    assert process_time() - began < 1


@pytest.mark.parametrize(
    "schedule",
    [Rule("FREQ=MONTHLY;BYDAY=-1FR"), Rule(LINES, "Asia/Seoul", "skip", "both"), Rule(" FREQ=DAILY ")],
)
def test_a_rule_survives_the_store(schedule: Rule) -> None:
    assert schedule_from_json(schedule.to_json()) == schedule


def test_a_rule_is_said_in_few_words() -> None:
    assert Rule("DTSTART:20260101T000000\n FREQ=DAILY ", "Asia/Seoul").describe() == (
        "DTSTART:20260101T000000 FREQ=DAILY Asia/Seoul"
    )


WORDS = {
    "FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=9": ["It ticks every month, on the last Friday of the month, at 09:00."],
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH": [
        "It ticks every 2 weeks, on Monday and Thursday, at 00:00.",
        "It is counted from 2001-01-01 00:00, for it has no DTSTART.",
    ],
    "DTSTART:20260101T093015\nFREQ=YEARLY;BYMONTH=3,10;BYMONTHDAY=1,-2;BYHOUR=9,18;COUNT=1": [
        (
            "It ticks every year, in March and October, on the first and second last day of the month, "
            "at 09:30:15 and 18:30:15."
        ),
        "It is counted from 2026-01-01 09:30:15.",
        "It ends after 1 tick.",
    ],
    "FREQ=YEARLY;BYWEEKNO=20,-1;UNTIL=20300101": [
        "It ticks every year, in the 20th and last week of the year, on Monday, at 00:00.",
        "It ends with 2030-01-01.",
    ],
    "FREQ=YEARLY;BYYEARDAY=100;UNTIL=20300101T000000Z": [
        "It ticks every year, on the 100th day of the year, at 00:00.",
        "It ends with 2030-01-01 00:00:00 UTC.",
    ],
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;BYMINUTE=0,5,10,15,20,25,30": [
        "It ticks every month, on Monday, Tuesday, Wednesday, Thursday and Friday, 7 times a day.",
        "Of these it takes only the last of each month.",
    ],
    "FREQ=HOURLY;INTERVAL=3;BYHOUR=9,12\nRDATE:20260101T000000\nEXDATE:20260102T090000": [
        "It ticks every 3 hours, in hour 9 and 12.",
        "It is counted from 2001-01-01 00:00, for it has no DTSTART.",
        "RDATE adds 2026-01-01 00:00:00.",
        "EXDATE takes out 2026-01-02 09:00:00.",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("text", "words"), WORDS.items())
def test_a_rule_is_explained(text: str, words: list[str]) -> None:
    *found, across = rule_sentences(Rule(text))
    assert found == words
    assert "clock" in across
