"""[calendars] of a file, and what entries make of them."""

import functools
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path

import pytest
import time_machine

from scheduler.entry import Entry
from scheduler.entry_ticks import coming_ticks
from scheduler.reading.schedule_file import ScheduleFile
from tests.support.schedule_files import problems_of, read_in

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ICS = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//tests//EN
BEGIN:VEVENT
UID:inventory
DTSTART;VALUE=DATE:20261126
DTEND;VALUE=DATE:20261128
SUMMARY:Inventory
END:VEVENT
END:VCALENDAR
"""
DAILY = '[schedules.daily]\njob = "jobs.tidy"\ncrontab = "0 9 * * *"\n'
PAYROLL = '[schedules.daily]\njob = "jobs.tidy"\ncrontab = "0 9 25 * *"\ntimezone = "Europe/Berlin"\n'
DE = '[calendars.de]\ncountry = "DE"\n'
CLOSED = '[calendars.closed]\ndates = ["2026-11-23"]\n'


@pytest.fixture
def read(tmp_path: Path) -> Iterator[Callable[..., ScheduleFile]]:
    (tmp_path / "company.ics").write_text(ICS)
    with time_machine.travel(NOW, tick=False):
        yield functools.partial(read_in, tmp_path)


def only(file: ScheduleFile) -> Entry:
    assert problems_of(file) == []
    (entry,) = file.entries.values()
    return entry


def next_days(entry: Entry, count: int = 4) -> list[str]:
    return [f"{tick:%m-%d}" for tick in islice(coming_ticks(entry, NOW), count)]


@pytest.mark.parametrize(
    ("calendar", "days"),
    {
        "dates = [2026-11-22]": ["11-23", "11-24", "11-25", "11-26"],
        'dates = "2026-11-22/2026-11-24"': ["11-25", "11-26", "11-27", "11-28"],
        'dates = ["2026-11-22..2026-11-24", "11-26"]': ["11-25", "11-27", "11-28", "11-29"],
        'dates = ["11-24 to 11-25"]': ["11-22", "11-23", "11-26", "11-27"],
        'dates = { "2026-11-22" = "A", "11-24" = "B" }': ["11-23", "11-25", "11-26", "11-27"],
        'dates = [{ from = 2026-11-22, until = "2026-11-23", name = "A" }]': [
            "11-24",
            "11-25",
            "11-26",
            "11-27",
        ],
        'dates = [{ from = "11-23", until = "11-24" }]': ["11-22", "11-25", "11-26", "11-27"],
        'weekdays = ["sun", "Monday", "tues"]': ["11-25", "11-26", "11-27", "11-28"],
        'weekdays = "sunday"': ["11-23", "11-24", "11-25", "11-26"],
        'ics = "company.ics"\ndates = [2026-11-28]': ["11-22", "11-23", "11-24", "11-25"],
        'country = "US"': ["11-22", "11-23", "11-24", "11-25"],
    }.items(),
)
def test_a_calendar_takes_its_days_out(
    read: Callable[..., ScheduleFile], calendar: str, days: list[str]
) -> None:
    entry = only(read(f'[calendars.own]\n{calendar}\n{DAILY}exclude = "own"'))
    assert next_days(entry) == days


def test_holidays_have_their_names_in_the_countrys_language_or_in_another(
    read: Callable[..., ScheduleFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGUAGE", "th")
    of_country = '[calendars.de]\ncountry = "DE"\nsubdivision = "BY"\n'
    for language, name in (("", "Heilige Drei Könige"), ('language = "en_US"\n', "Epiphany")):
        entry = only(read(f'{of_country}{language}{DAILY}exclude = ["de"]'))
        assert entry.exclusion is not None
        at = datetime(2027, 1, 6, 9, tzinfo=UTC)
        assert entry.exclusion.reason_for(at) == f"excluded by calendar de: {name}"


def test_dates_have_the_names_that_they_are_given(read: Callable[..., ScheduleFile]) -> None:
    text = '[calendars.own]\ndates = [{ date = 2026-11-24, name = "Founders" }, { date = "11-25", name = "After" }]\n'
    entry = only(read(f'{text}{DAILY}exclude = ["own", "* 9 26 11 *"]'))
    assert entry.exclusion is not None
    reasons = [entry.exclusion.reason_for(datetime(2026, 11, day, 9, tzinfo=UTC)) for day in (23, 24, 25, 26)]
    assert reasons == [
        None,
        "excluded by calendar own: Founders",
        "excluded by calendar own: After",
        "excluded by crontab * 9 26 11 *",
    ]


def test_an_events_days_have_its_summary(read: Callable[..., ScheduleFile]) -> None:
    entry = only(read(f'[calendars.own]\nics = "company.ics"\n{DAILY}exclude = ["own"]'))
    assert entry.exclusion is not None
    assert entry.exclusion.calendars[0].days == {
        date(2026, 11, 26): "Inventory",
        date(2026, 11, 27): "Inventory",
    }


def test_a_day_is_that_of_the_entrys_zone_for_an_interval_too(read: Callable[..., ScheduleFile]) -> None:
    often = (
        '[schedules.often]\njob = "jobs.tidy"\ninterval = "6h"\ntimezone = "Asia/Seoul"\nexclude = ["closed"]'
    )
    entry = only(read(f"{CLOSED}{often}"))
    ticks = [f"{tick:%d %H}" for tick in islice(coming_ticks(entry, NOW), 8)]
    assert ticks == ["21 18", "22 00", "22 06", "22 12", "23 18", "24 00", "24 06", "24 12"]


def test_own_words_replace_those_of_defaults(read: Callable[..., ScheduleFile]) -> None:
    text = f'{CLOSED}[defaults]\nexclude = ["closed"]\n{DAILY}'
    assert next_days(only(read(text)), 2) == ["11-22", "11-24"]
    assert next_days(only(read(f'{text}on_holiday = "run"')), 2) == ["11-22", "11-23"]
    both = f'{text}[schedules.other]\njob = "jobs.tidy"\ncrontab = "0 9 * * *"\nexclude = []'
    assert next_days(read(both).entries["other"], 2) == ["11-22", "11-23"]


@pytest.mark.parametrize(
    ("keys", "days"),
    {
        'on_holiday = "skip"': ["11-25", "01-25"],
        'on_holiday = "run"': ["11-25", "12-25"],
        'on_holiday = "previous"': ["11-25", "12-24"],
        'on_holiday = "next"': ["11-25", "12-27"],
        'on_holiday = "next"\nexclude = ["* * * * sun"]': ["11-25", "01-25"],
        'on_holiday = "next"\nexclude = ["de"]': ["11-25", "12-27"],
        'on_holiday = "previous"\nholidays = "de"': ["11-25", "12-24"],
    }.items(),
)
def test_on_holiday_says_what_becomes_of_ticks_on_holidays(
    read: Callable[..., ScheduleFile], keys: str, days: list[str]
) -> None:
    assert next_days(only(read(f"{DE}{PAYROLL}{keys}")), 2) == days


def test_holidays_are_those_that_are_named_and_other_calendars_take_out_as_ever(
    read: Callable[..., ScheduleFile],
) -> None:
    more = '[calendars.weekend]\nweekdays = ["sat", "sun"]\n[calendars.eve]\ndates = ["12-24"]\n'
    keys = 'on_holiday = "{}"\nholidays = ["de", "weekend"]\nexclude = ["eve"]'
    previous, following, skip = (
        only(read(f"{DE}{more}{PAYROLL}{keys.format(word)}")) for word in ("previous", "next", "skip")
    )
    assert next_days(previous, 3) == ["11-25", "01-25", "02-25"]
    assert next_days(following, 3) == ["11-25", "12-28", "01-25"]
    assert next_days(skip, 3) == ["11-25", "01-25", "02-25"]


def test_entries_share_what_they_have_in_common(read: Callable[..., ScheduleFile]) -> None:
    entries = "".join(
        f'[schedules.e{index}]\njob = "jobs.tidy"\ncrontab = "{index} 9 * * *"\nexclude = ["de"]\n'
        for index in range(3)
    )
    file = read(f"{DE}{entries}")
    exclusions = [entry.exclusion for entry in file.entries.values()]
    assert all(each is exclusions[0] for each in exclusions)
    again = [Entry.from_json(entry.to_json()).exclusion for entry in file.entries.values()]
    assert again == exclusions
    assert again[0] is not None
    assert exclusions[0] is not None
    assert again[0].calendars[0] is exclusions[0].calendars[0]
    assert len(exclusions[0].calendars[0].text) < 700


def test_a_changed_ics_file_is_another_digest_and_is_among_the_files(
    read: Callable[..., ScheduleFile], tmp_path: Path
) -> None:
    text = f'[calendars.own]\nics = "company.ics"\n{DAILY}exclude = ["own"]'
    before = read(text)
    (tmp_path / "company.ics").write_text(ICS.replace("20261126", "20261125"))
    after = read(text)
    assert before.digest != after.digest
    assert tmp_path / "company.ics" in before.files


def test_an_included_file_brings_its_calendars_and_their_files_are_beside_it(
    read: Callable[..., ScheduleFile], tmp_path: Path
) -> None:
    (tmp_path / "teams").mkdir()
    (tmp_path / "company.ics").rename(tmp_path / "teams" / "company.ics")
    (tmp_path / "teams" / "one.toml").write_text('[calendars.own]\nics = "company.ics"\n')
    entry = only(read(f'include = ["teams/*.toml"]\n{DAILY}exclude = ["own"]'))
    assert next_days(entry, 6) == ["11-22", "11-23", "11-24", "11-25", "11-28", "11-29"]


def test_a_calendar_of_two_files_is_an_error_that_names_both(
    read: Callable[..., ScheduleFile], tmp_path: Path
) -> None:
    (tmp_path / "one.toml").write_text(CLOSED)
    (problem,) = read(f'include = ["one.toml"]\n{CLOSED}{DAILY}exclude = "closed"').problems
    first = tmp_path / "s.toml"
    assert (
        problem.message
        == f"the calendar 'closed' is declared in {first}:2 as well; one of the two needs another name"
    )
    assert problem.file == str(tmp_path / "one.toml")


WRONG = {
    f'{CLOSED}{DAILY}exclude = ["closd"]': [
        "6:12+7 exclude: unknown calendar 'closd'; did you mean 'closed'?"
    ],
    f'{DAILY}exclude = ["company"]': [
        "4:12+9 exclude: unknown calendar 'company'; declare it: [calendars.company]"
    ],
    f'{CLOSED}{DAILY}exclude = ["closed", "75 * * * *"]': ["6:23+2 exclude: minute 75 is out of range 0-59"],
    f"{CLOSED}{DAILY}exclude = [2026-12-24]": [
        "6:12+10 exclude: 2026-12-24 is a date; dates stand in a calendar, such as [calendars.closed]"
    ],
    f'{CLOSED}{DAILY}exclude = "*"': ["6:11+3 exclude: '*' is neither a crontab nor the name of a calendar"],
    f'{DAILY}exclude = ["0 H 31 H(2-2) *"]': [
        "4:11+19 exclude: for this entry's H it never comes: no month of 'H(2-2)' has a day 31"
    ],
    f'{DAILY}on_holiday = "skip"': [
        '4:14+6 on_holiday: there is no calendar; declare one, such as [calendars.de] with country = "DE"'
    ],
    f'{CLOSED}{DE}{DAILY}on_holiday = "skip"': [
        '8:14+6 on_holiday: which of the calendars closed, de? write holidays = ["closed"] beside it'
    ],
    f'{CLOSED}{DAILY}on_holiday = "skipp"': [
        "6:14+7 on_holiday: 'skipp' is not one of run, skip, previous, next; did you mean 'skip'?"
    ],
    f'{CLOSED}{DAILY}holidays = "closed"': [
        "6:12+8 holidays: says whose days on_holiday is about; write on_holiday too: run, skip, previous or next"
    ],
    f'{CLOSED}[schedules.hand]\njob = "jobs.tidy"\nexclude = ["closed"]': [
        "5:1+7 exclude: the entry has no ticks that it could be about: it is run by hand"
    ],
    f'{CLOSED}[schedules.often]\njob = "jobs.tidy"\ninterval = "10s"\non_holiday = "next"': [
        "6:14+6 on_holiday: 'next' moves ticks to another day, and this entry has 8640 of them a day; write \"skip\""
    ],
    f"{CLOSED}{DAILY}": [
        "1:12+6 the calendar 'closed' is used by no entry; its name stands in exclude or holidays"
    ],
}


@pytest.mark.parametrize(("text", "expected"), WRONG.items())
def test_a_wrong_word_of_an_entry_is_explained(
    read: Callable[..., ScheduleFile], text: str, expected: list[str]
) -> None:
    assert problems_of(read(text)) == expected


WRONG_CALENDARS = {
    "": ["1:12+1 the calendar 'x' has no days; write dates, ics, country or weekdays"],
    'state = "BY"': ["2:1+5 unknown key 'state'; did you mean 'subdivision'?"],
    'cuontry = "DE"': ["2:1+7 unknown key 'cuontry'; did you mean 'country'?"],
    'country = "DD"': ["2:11+4 country: unknown country 'DD'; countries are codes such as DE"],
    'country = "de"': ["2:11+4 country: unknown country 'de'; did you mean 'DE'?"],
    "country = 5": ["2:11+1 country: 5 is not a text in quotes"],
    'country = "AT"\nsubdivision = "Wein"': [
        "3:15+6 subdivision: AT has no subdivision 'Wein'; did you mean 'Wien'?"
    ],
    'subdivision = "BY"': ["2:1+11 subdivision: only a country has one; write country beside it"],
    'country = "DE"\nlanguage = "en"': [
        "3:12+4 language: DE has no holidays' names in 'en'; there are: de, en_US, th, uk"
    ],
    'country = "DE"\ncategories = 5': ['3:14+1 categories: 5 is no list such as ["public", "bank"]'],
    'country = "DE"\ncategories = "bnk"': [
        "3:14+5 categories: DE has no category 'bnk'; there are: catholic, public, school"
    ],
    'dates = ["2026-02-30"]': ["2:10+12 dates: '2026-02-30': there is no such day as 2026-02-30"],
    'dates = ["12-24", "soon"]': [
        "2:19+6 dates: 'soon' is no day; write 2026-12-24, 2026-12-24/2026-12-31, or 12-24 for every year"
    ],
    "dates = [2026-01-01T00:00:00Z]": [
        "2:10+20 dates: 2026-01-01T00:00:00+00:00 has a time of day; a day is written 2026-01-01"
    ],
    "dates = [{}]": ["2:10+2 dates: has no date; write date = 2026-12-24, or from and until"],
    'dates = [{ date = "12-24", until = "12-25" }]': [
        "2:10+35 dates: has a date, and from or until; write one day or a span"
    ],
    'dates = [{ from = "12-24/12-25", until = "12-25" }]': ["2:10+41 dates: from and until are one day each"],
    'dates = [{ dat = "12-24" }]': ["2:10+17 dates: unknown key 'dat'; did you mean 'date'?"],
    'dates = ["2026-12-31/2026-12-24"]': [
        "2:10+23 dates: the span ends on 2026-12-24, before it begins on 2026-12-31"
    ],
    'dates = ["2026-12-31/12-24"]': [
        "2:10+18 dates: '2026-12-31/12-24': both ends of a span have a year, or neither has one"
    ],
    'dates = ["1900-01-01/2026-12-24"]': ["2:10+23 dates: the span has 46379 days; at most 3660 are a span"],
    'dates = { "soon" = "x" }': [
        "2:11+6 dates: 'soon' is no day; write 2026-12-24, 2026-12-24/2026-12-31, or 12-24 for every year"
    ],
    'dates = { "12-24" = 5 }': ["2:21+1 dates: name: 5 is not a text in quotes"],
    'weekdays = ["caturday", 6]': [
        "2:13+10 weekdays: 'caturday' is no day of the week; did you mean 'saturday'?",
        "2:25+1 weekdays: 6 is no day of the week; write 'sat' or 'saturday'",
    ],
    'weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]': [
        "1:12+1 the calendar 'x' has all days of the week: no other day is left"
    ],
    'ics = "https://example.org/x.ics"': [
        "2:7+27 ics: 'https://example.org/x.ics' is no file; an address is fetched beforehand, by a job"
    ],
    "ics = 5": ["2:7+1 ics: 5 is not a text in quotes"],
}


@pytest.mark.parametrize(("keys", "expected"), WRONG_CALENDARS.items())
def test_a_wrong_calendar_is_explained_and_its_entry_does_not_say_it_again(
    read: Callable[..., ScheduleFile], keys: str, expected: list[str]
) -> None:
    file = read(f"[calendars.x]\n{keys}\n{DAILY}exclude = ['x']")
    assert problems_of(file) == expected
    assert not file.entries


def test_the_line_of_a_wrong_ics_file_is_named(read: Callable[..., ScheduleFile], tmp_path: Path) -> None:
    text = f'[calendars.x]\nics = "{{}}"\n{DAILY}exclude = "x"'
    (tmp_path / "wrong.ics").write_text(ICS.replace("DTSTART;VALUE=DATE:20261126", "DTSTART:soon"))
    (tmp_path / "page.ics").write_text("<html>")
    (tmp_path / "part.ics").write_text(ICS[:100])
    says = {
        "wrong.ics": f"{tmp_path}/wrong.ics:4: the event's DTSTART can't be read: ",
        "page.ics": f"{tmp_path}/page.ics:1: is no iCalendar file: that begins with BEGIN:VCALENDAR, this ",
        "part.ics": f"{tmp_path}/part.ics:4: the file ends within the VEVENT that begins here; is it whole?",
        "missing.ics": f"{tmp_path}/missing.ics: no such file; it is looked for beside the file that names it",
        "/dev/zero": "/dev/zero: is no file",
    }
    for name, words in says.items():
        (problem,) = read(text.format(name)).problems
        assert (problem.line, problem.code) == (2, "ics")
        assert problem.message.startswith(f"ics: {words}")


def test_a_calendar_without_a_day_and_one_that_is_too_large_are_said(
    read: Callable[..., ScheduleFile],
) -> None:
    text = f'[calendars.x]\n{{}}\n{DAILY}exclude = "x"'
    empty = problems_of(read(text.format('country = "DE"\ncategories = "catholic"')))
    assert empty == ["1:12+1 the calendar 'x' has no day from 2025 to 2030"]
    long = "x" * 190
    many = ", ".join(
        f'{{ date = "20{year}-0{month}-01", name = "{year}{month}{long}" }}'
        for year in range(10, 99)
        for month in range(1, 6)
    )
    (problem,) = problems_of(read(text.format(f"dates = [{many}]")))
    assert "characters long, and every entry that uses it carries it along; at most 65536 are kept" in problem


def test_a_calendar_that_only_another_environment_uses_is_used(read: Callable[..., ScheduleFile]) -> None:
    overlay = '[env.prod.schedules.daily]\nexclude = ["closed"]\n'
    assert problems_of(read(f"{CLOSED}{overlay}{DAILY}")) == []
