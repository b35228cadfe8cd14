"""Calendars of days: what is one of them, what it is called, and the compact form that an entry carries."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from scheduler.cadences.day_calendar import DayCalendar

HORIZON = (2025, 2030)
UNITY = {date(year, 10, 3): "Tag der Deutschen Einheit" for year in range(2025, 2031)}


def test_a_day_has_its_name_and_another_has_none() -> None:
    calendar = DayCalendar.of("de", UNITY, years=HORIZON)
    assert calendar.label(date(2026, 10, 3)) == "Tag der Deutschen Einheit"
    assert calendar.label(date(2026, 10, 4)) is None
    assert date(2026, 10, 3) in calendar
    assert calendar.said(date(2026, 10, 3)) == "calendar de: Tag der Deutschen Einheit"


def test_a_day_without_a_name_is_said_by_the_calendar_alone() -> None:
    calendar = DayCalendar.of("closed", {date(2026, 12, 24): ""})
    assert date(2026, 12, 24) in calendar
    assert calendar.said(date(2026, 12, 24)) == "calendar closed"


def test_weekdays_are_days_and_are_called_by_their_names_unless_they_have_another() -> None:
    calendar = DayCalendar.of("free", {date(2026, 12, 26): "Boxing Day"}, weekdays=frozenset({5, 6}))
    assert calendar.label(date(2026, 12, 27)) == "Sunday"
    assert calendar.label(date(2026, 12, 26)) == "Boxing Day"
    assert calendar.label(date(2026, 12, 28)) is None


def test_yearly_days_are_in_every_year_and_the_29th_of_february_where_there_is_one() -> None:
    calendar = DayCalendar.of("own", {}, yearly={(12, 24): "", (2, 29): "Leap"})
    assert date(1999, 12, 24) in calendar
    assert date(2400, 12, 24) in calendar
    assert [day for day, label in calendar.coming(date(2026, 1, 1)) if label] == [
        date(2028, 2, 29),
        date(2032, 2, 29),
    ]


def test_what_a_country_has_each_year_is_kept_once_and_only_for_the_years_that_are_known() -> None:
    calendar = DayCalendar.of("de", UNITY, years=HORIZON)
    assert calendar.to_json()["days"] == {"Tag der Deutschen Einheit": ["10-03"]}
    assert calendar.label(date(2031, 10, 3)) is None
    assert calendar.years == HORIZON


def test_neighbours_are_kept_as_a_span() -> None:
    days = {date(2026, 12, day): "" for day in (24, 27, 28, 29)}
    document = DayCalendar.of("closed", days).to_json()
    assert document == {"name": "closed", "days": {"": ["2026-12-24", "2026-12-27/2026-12-29"]}}


def test_two_calendars_of_the_same_days_are_one_object() -> None:
    one, other = (DayCalendar.of("de", dict(UNITY), years=HORIZON) for _ in range(2))
    assert one is other
    assert hash(one) == hash(other)
    assert DayCalendar.of("fr", UNITY, years=HORIZON) != one


days = st.dictionaries(
    st.dates(date(2024, 1, 1), date(2031, 12, 31)), st.sampled_from(["", "a", "b"]), max_size=40
)
years = st.none() | st.tuples(st.integers(2024, 2027), st.integers(2027, 2031))


@given(days, years, st.frozensets(st.integers(0, 6), max_size=3))
def test_what_is_written_is_read_again(
    days: dict[date, str], years: tuple[int, int] | None, weekdays: frozenset[int]
) -> None:
    calendar = DayCalendar.of("any", days, years=years, weekdays=weekdays)
    again = DayCalendar.from_json(calendar.to_json())
    assert again == calendar
    for number in range(date(2023, 12, 30).toordinal(), date(2032, 1, 3).toordinal()):
        day = date.fromordinal(number)
        usual = calendar.label(day) if day.weekday() in weekdays and day not in days else days.get(day)
        assert again.label(day) == usual
        assert (day in again) == (day in days or day.weekday() in weekdays)
