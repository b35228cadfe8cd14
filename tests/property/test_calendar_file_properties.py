"""Whatever stands in a calendar or an ICS file: days or a problem in words, soon, and never a traceback."""

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.reading.calendar_table import KEYS
from scheduler.reading.ics_days import ics_days
from scheduler.reading.ics_lines import IcsProblem
from tests.support.schedule_files import read_in

YEARS = (2025, 2030)
WHOLE = b"""BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//tests//EN\r
BEGIN:VTIMEZONE\r
TZID:Own\r
BEGIN:STANDARD\r
DTSTART:19700101T000000\r
TZOFFSETFROM:+0100\r
TZOFFSETTO:+0100\r
END:STANDARD\r
END:VTIMEZONE\r
BEGIN:VEVENT\r
UID:1\r
DTSTART;VALUE=DATE:20260105\r
DTEND;VALUE=DATE:20260107\r
RRULE:FREQ=MONTHLY;BYDAY=1MO;INTERVAL=2;COUNT=9\r
EXDATE;VALUE=DATE:20260504\r
SUMMARY:A long\r
  name\r
END:VEVENT\r
BEGIN:VEVENT\r
UID:1\r
RECURRENCE-ID;VALUE=DATE:20260302\r
DTSTART;VALUE=DATE:20260303\r
END:VEVENT\r
BEGIN:VEVENT\r
UID:2\r
DTSTART;TZID=Own:20260610T220000\r
DURATION:PT4H\r
RDATE;TZID=Own:20260710T220000\r
SUMMARY:Night\r
END:VEVENT\r
END:VCALENDAR\r
"""
LINES = WHOLE.split(b"\r\n")
OTHERS = [
    b"RRULE:FREQ=SECONDLY",
    b"RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
    b"RRULE:FREQ=DAILY;INTERVAL=0",
    b"RRULE:FREQ=YEARLY;BYWEEKNO=54",
    b"DTSTART:00010101T000000",
    b"DTSTART;VALUE=DATE:99991231",
    b"DTEND;VALUE=DATE:99991231",
    b"DURATION:-P9W",
    b"DURATION:P1Y",
    b"RDATE;VALUE=PERIOD:20260101T000000Z/PT1H",
    b"EXDATE:20260101T000000Z",
    b"RECURRENCE-ID:soon",
    b"BEGIN:VEVENT",
    b"END:VCALENDAR",
    b"STATUS:CANCELLED",
    b"UID:1",
    b"TZOFFSETTO:+9900",
    b";:=",
    b"\xff",
]


def test_events_that_repeat_with_their_exceptions_are_days() -> None:
    days = ics_days(WHOLE, YEARS)
    repeated = ["01-05", "01-06", "03-03", "07-06", "07-07", "09-07", "09-08", "11-02", "11-03"]
    nights = ["06-10", "06-11", "07-10", "07-11"]
    assert [f"{day:%m-%d}" for day in sorted(days) if day.year == 2026] == sorted([*repeated, *nights])
    assert days[date(2026, 1, 6)] == "A long name"
    assert days[date(2026, 6, 11)] == "Night"


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, len(LINES) - 1), st.sampled_from(OTHERS) | st.sampled_from(LINES)),
        max_size=4,
    ),
    st.lists(st.tuples(st.integers(0, len(WHOLE)), st.binary(max_size=3)), max_size=3),
)
def test_a_changed_ics_file_is_days_or_a_problem(
    lines: list[tuple[int, bytes]], pieces: list[tuple[int, bytes]]
) -> None:
    changed = list(LINES)
    for index, line in lines:
        changed[index] = line
    content = b"\r\n".join(changed)
    for place, piece in pieces:
        content = content[:place] + piece + content[place + 1 :]
    days, problem = days_or_problem(content)
    if problem is not None:
        assert str(problem)
        assert problem.line is None or 1 <= problem.line <= content.count(b"\n") + 1
    assert all(YEARS[0] <= day.year <= YEARS[1] for day in days)


def days_or_problem(content: bytes) -> tuple[Mapping[date, str], IcsProblem | None]:
    try:
        return ics_days(content, YEARS), None
    except IcsProblem as problem:
        return {}, problem


def test_events_that_would_take_long_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scheduler.reading.ics_days.LONGEST_S", -1.0)
    with pytest.raises(
        IcsProblem, match=r"its events take more than -1 s to work out, up to this one"
    ) as caught:
        ics_days(WHOLE + b"\r\n", YEARS)
    assert caught.value.line == 12
    with pytest.raises(IcsProblem, match="repeats it within a day"):
        ics_days(WHOLE.replace(b"FREQ=MONTHLY", b"FREQ=HOURLY"), YEARS)
    monkeypatch.setattr("scheduler.reading.ics_days.MOST_EVENTS", 2)
    with pytest.raises(IcsProblem, match="has 3 events; a calendar of days has at most 2"):
        ics_days(WHOLE + b"\r\n\r\n", YEARS)


values = st.recursive(
    st.one_of(
        st.integers(-5, 3_000),
        st.booleans(),
        st.floats(allow_nan=False),
        st.text(max_size=8),
        st.dates(),
        st.datetimes(datetime(1900, 1, 1), datetime(9000, 1, 1)),  # noqa: DTZ001 - TOML's local ones
        st.sampled_from(
            ["DE", "12-24", "2026-12-24", "2026-12-24/2027-01-02", "sat", "s.ics", "--", "0-0", "${X}"]
        ),
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["date", "from", "until", "name", "12-24", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from([*KEYS, "state", "x"]), values, max_size=4), values, values)
def test_any_calendar_of_any_values_is_days_or_a_problem(
    calendar: dict[str, object], exclude: object, holidays: object
) -> None:
    entry = {
        "job": "jobs.tidy",
        "interval": 60,
        "exclude": exclude,
        "holidays": holidays,
        "on_holiday": "skip",
    }
    text = tomli_w.dumps({"calendars": {"DE": calendar}, "schedules": {"a": entry}})
    with TemporaryDirectory() as folder:
        (Path(folder) / "s.ics").write_bytes(WHOLE)
        file = read_in(Path(folder), text, {"X": "y"})
    for problem in file.problems:
        assert problem.line is not None
        assert problem.message
    assert bool(file.errors) == (not file.entries)
