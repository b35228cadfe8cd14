"""Moments: written for programs and for people, and read from what people write."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from scheduler.timestamps import local, milliseconds, parse_moment, relative, rfc3339, rough

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def test_documents_have_rfc_3339_in_utc_to_the_millisecond() -> None:
    assert rfc3339(datetime(2026, 7, 1, 14, 0, 0, 123_456, tzinfo=BERLIN)) == "2026-07-01T12:00:00.123Z"
    assert rfc3339(None) is None


def test_durations_of_documents_are_whole_milliseconds() -> None:
    assert milliseconds(timedelta(seconds=1.2345)) == 1234
    assert milliseconds(None) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.25, "250ms"),
        (4.25, "4.2s"),
        (5, "5s"),
        (12.9, "12s"),
        (60, "1m"),
        (200, "3m 20s"),
        (601, "10m"),
        (18_600, "5h 10m"),
        (86_400, "1d"),
        (273_600, "3d 4h"),
        (86_400 * 30 + 3600, "30d"),
    ],
)
def test_a_rough_duration_has_two_units_at_most(seconds: float, text: str) -> None:
    assert rough(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(12, "in 12s"), (-200, "3m 20s ago"), (0.4, "now"), (-0.4, "now")]
)
def test_a_relative_moment_says_its_direction(seconds: float, text: str) -> None:
    assert relative(NOW + timedelta(seconds=seconds), NOW) == text


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOW, "13:00:00"),
        (NOW + timedelta(days=2), "Mon 23 Nov 13:00:00"),
        (NOW.replace(year=2024), "2024-11-21 13:00:00"),
    ],
)
def test_a_local_moment_names_the_day_where_it_is_another(moment: datetime, text: str) -> None:
    assert local(moment, BERLIN, NOW) == text


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("now", NOW),
        ("2026-11-21T14:00Z", NOW + timedelta(hours=2)),
        ("2026-11-21T14:00+02:00", NOW),
        ("2026-11-21 14:00", NOW + timedelta(hours=1)),
        ("2026-11-22", NOW + timedelta(hours=11)),
        ("10m", NOW + timedelta(minutes=10)),
        ("+10m", NOW + timedelta(minutes=10)),
        ("-10m", NOW - timedelta(minutes=10)),
        ("14:00", NOW + timedelta(hours=1)),
        ("12:59:30", NOW + timedelta(hours=23, minutes=59, seconds=30)),
    ],
)
def test_a_person_may_write_a_moment_in_many_ways(text: str, moment: datetime) -> None:
    assert parse_moment(text, now=NOW, zone=BERLIN) == moment


@pytest.mark.parametrize(("text", "hours"), [("1h", -1), ("14:00", -23), ("12:00", -1), ("+1h", 1)])
def test_backwards_an_unsigned_duration_and_a_clock_point_into_the_past(text: str, hours: int) -> None:
    assert parse_moment(text, now=NOW, zone=BERLIN, backwards=True) == NOW + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("here", "text", "moment"),
    [
        ("15:00", "02:30", "2026-11-21T02:30"),
        ("15:00", "23:30", "2026-11-21T23:30"),
        ("15:00", "15:00", "2026-11-21T15:00"),
        ("00:10", "23:50", "2026-11-20T23:50"),
        ("00:10", "02:30", "2026-11-21T02:30"),
    ],
)
def test_near_a_clock_is_todays_or_yesterdays_where_that_is_nearer(here: str, text: str, moment: str) -> None:
    now = datetime.fromisoformat(f"2026-11-21T{here}").replace(tzinfo=BERLIN)
    wanted = datetime.fromisoformat(moment).replace(tzinfo=BERLIN)
    assert parse_moment(text, now=now, zone=BERLIN, clock="near") == wanted


@pytest.mark.parametrize(
    "text", ["soon", "", "25:00", "2026-13-01", "2026-11-21T", "9999999999999d", "0001-01-01"]
)
def test_what_is_no_moment_is_refused_with_the_forms_that_are(text: str) -> None:
    with pytest.raises(
        ValueError, match=r'is not a time; write "2026-11-21T14:00Z", "14:00" or a duration'
    ) as caught:
        parse_moment(text, now=NOW, zone=BERLIN)
    assert str(caught.value).startswith(repr(text))
