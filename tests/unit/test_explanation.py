"""Schedules in plain words."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from scheduler.cli.explain import explanation_document
from scheduler.entry import Entry
from scheduler.foresight.explanation import clock_changes, crontabs_of, meanings, sentences
from scheduler.schedule import Crontab, Crontabs, Interval, Later, Moments, Rule, Schedule, Within

NOW = datetime(2026, 11, 21, tzinfo=UTC)
HOUR = timedelta(hours=1)

MEANINGS = {
    "30 2 * * *": ["30", "2", "every day", "every month", "every day"],
    "* * 1,15 * *": ["every minute", "every hour", "1st and 15th", "every month", "every day"],
    "*/15 8-18 * jan,MAR 1-5": [
        "0, 15, 30 and 45",
        "8 to 18",
        "every day",
        "January and March",
        "Monday to Friday",
    ],
    "*/5 0 22,23 * 7": ["0, 5, 10 and so on, up to 55", "0", "22nd and 23rd", "every month", "Sunday"],
    "0 0 L * *": ["0", "0", "the last day", "every month", "every day"],
    "0 0 L-1,L-3 * *": [
        "0",
        "0",
        "1 day before the last; 3 days before the last",
        "every month",
        "every day",
    ],
    "0 0 15W,LW,3 * *": [
        "0",
        "0",
        "the weekday nearest to the 15th; the last weekday; 3rd",
        "every month",
        "every day",
    ],
    "0 0 11 * 5#3,friL": ["0", "0", "11th", "every month", "the third Friday; the last Friday"],
    "H 3 * * *": ["11, by the entry's name", "3", "every day", "every month", "every day"],
    "@daily": ["0", "0", "every day", "every month", "every day"],
    "*/30 0 0 * * *": ["0 and 30", "0", "0", "every day", "every month", "every day"],
}


@pytest.mark.parametrize(("crontab", "means"), MEANINGS.items())
def test_each_field_is_said_in_words(crontab: str, means: list[str]) -> None:
    assert [each.means for each in meanings(Crontab(crontab, entry="nightly-report"))] == means


USUAL = "A time that the clock jumps over runs once, at the jump; one that comes twice runs the first time."
REAL_TIME = "It repeats within the hour, so it follows real time where the clock changes."
BACKUP = Later(Crontab("0 3 * * *"), HOUR, "backup")
SENTENCES: list[tuple[Schedule | None, list[str]]] = [
    (Rule("FREQ=DAILY"), ["It ticks every day, at 00:00.", USUAL]),
    (Rule("FREQ=HOURLY"), ["It ticks every hour.", REAL_TIME]),
    (None, ["It has no schedule: it runs only by hand."]),
    (Crontab("30 2 * * *"), [USUAL]),
    (Crontab("*/15 * * * *"), [REAL_TIME]),
    (
        Crontab("30 2 1 * 1", dst_gap="skip", dst_fold="both"),
        [
            "A day matches by month or by week: either is enough.",
            "A time that the clock jumps over does not run; one that comes twice runs both times.",
        ],
    ),
    (
        Crontab("30 2 */2 * 1"),
        ["A day must match both by month and by week, since one of the two begins with a star.", USUAL],
    ),
    (
        Crontabs((Crontab("@hourly"), Crontab("@daily"))),
        [
            "It has the ticks of each of its crontabs; a moment that several have is one tick.",
            f"@hourly: {REAL_TIME}",
            f"@daily: {USUAL}",
        ],
    ),
    (Interval(HOUR), ["It ticks every 1h, counted from the Unix epoch, on no clock on a wall."]),
    (
        Interval(HOUR, NOW + timedelta(minutes=7)),
        ["It ticks every 1h, counted from 2026-11-21T00:07:00Z, on no clock on a wall."],
    ),
    (
        Moments((NOW, NOW + HOUR)),
        ["It ticks at 2026-11-21T00:00:00Z, 2026-11-21T01:00:00Z, and never again."],
    ),
    (
        Within(BACKUP, NOW, NOW + HOUR),
        [
            USUAL,
            "Each tick is 5m43s later than that: its place within a jitter of 1h.",
            "There is no tick before 2026-11-21T00:00:00Z.",
            "There is no tick after 2026-11-21T01:00:00Z.",
        ],
    ),
]


@pytest.mark.parametrize(("schedule", "expected"), SENTENCES)
def test_what_the_fields_do_not_say_is_said_in_sentences(
    schedule: Schedule | None, expected: list[str]
) -> None:
    assert list(sentences(schedule)) == expected


def test_only_crontabs_have_fields() -> None:
    assert list(crontabs_of(Within(BACKUP, NOW, None))) == [Crontab("0 3 * * *")]
    assert list(crontabs_of(Interval(HOUR))) == list(crontabs_of(None)) == []


def test_the_next_two_changes_of_the_clock_are_found_where_there_are_any() -> None:
    found = clock_changes(ZoneInfo("Europe/Berlin"), NOW)
    assert [f"{each.at:%F %R}" for each in found] == ["2027-03-28 01:00", "2027-10-31 01:00"]
    assert [(each.after - each.before) // HOUR for each in found] == [1, -1]
    assert clock_changes(ZoneInfo("Asia/Seoul"), NOW) == []


def test_the_document_shows_the_ticks_of_the_days_on_which_the_clock_changes() -> None:
    entry = Entry(name="a", job="jobs.a", schedule=Crontab("30 2 * * *", "Europe/Berlin"))
    document = explanation_document(entry, ZoneInfo("Europe/Berlin"), NOW)
    assert [each["local"] for each in document["next"]][:2] == [
        "2026-11-21T02:30:00.000+01:00",
        "2026-11-22T02:30:00.000+01:00",
    ]
    spring, autumn = document["clock_changes"]
    assert (spring["day"], spring["from"], spring["to"]) == ("2027-03-28", "02:00", "03:00")
    assert [each["local"] for each in spring["ticks"]] == ["2027-03-28T03:00:00.000+02:00"]
    assert [each["local"] for each in autumn["ticks"]] == ["2027-10-31T02:30:00.000+02:00"]


def test_a_day_with_many_ticks_shows_the_first_and_counts_the_others() -> None:
    entry = Entry(name="a", job="jobs.a", schedule=Crontab("* * * * *", "Europe/Berlin"))
    document = explanation_document(entry, ZoneInfo("Europe/Berlin"), NOW)
    assert [(len(each["ticks"]), each["count"]) for each in document["clock_changes"]] == [
        (12, 1380),
        (12, 1500),
    ]


def test_an_entry_run_by_hand_has_nothing_to_show_but_that() -> None:
    document = explanation_document(Entry(name="a", job="jobs.a"), ZoneInfo("UTC"), NOW)
    assert (document["fields"], document["next"], document["clock_changes"]) == ([], [], [])
