"""What takes ticks out, against a look at every minute and at every tick."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from scheduler.cadences.day_calendar import WEEKDAYS, DayCalendar
from scheduler.entry import Entry
from scheduler.exclusion import Exclusion
from scheduler.schedule import Crontab, Interval, Schedule

MINUTE = timedelta(minutes=1)
# Clocks change within these days in all but the last; in St John's they once did at a minute past midnight, so that a
# day went on after the next had begun.
ZONES = {
    "Europe/Berlin": datetime(2026, 10, 24, tzinfo=UTC),
    "America/New_York": datetime(2026, 10, 31, tzinfo=UTC),
    "America/St_Johns": datetime(2010, 11, 6, tzinfo=UTC),
    "Africa/Cairo": datetime(2026, 10, 28, tzinfo=UTC),
    "Pacific/Apia": datetime(2011, 12, 29, tzinfo=UTC),
    "Australia/Lord_Howe": datetime(2026, 4, 4, tzinfo=UTC),
    "UTC": datetime(2026, 10, 30, tzinfo=UTC),
}
# A crontab, and the same in words of Python.
CRONTABS: dict[str, Callable[[datetime], bool]] = {
    "* 2 * * *": lambda wall: wall.hour == 2,
    "*/2 * * * *": lambda wall: wall.minute % 2 == 0,
    "30 1-3 * * 0": lambda wall: wall.minute == 30 and wall.hour in (1, 2, 3) and wall.isoweekday() == 7,
    "0 0 L * *": lambda wall: (wall + timedelta(days=1)).day == 1 and (wall.hour, wall.minute) == (0, 0),
    "* * * * *": lambda wall: True,
    "59 23 * * *": lambda wall: (wall.hour, wall.minute) == (23, 59),
}


@st.composite
def exclusions(draw: st.DrawFn) -> Exclusion:
    zone = draw(st.sampled_from(sorted(ZONES)))
    first = ZONES[zone].date()
    calendars = tuple(
        DayCalendar.of(
            name,
            {first + timedelta(days=ahead): label for ahead, label in days.items()},
            weekdays=draw(st.frozensets(st.integers(0, 6), max_size=2)),
        )
        for name in draw(st.sampled_from([(), ("de",), ("de", "own")]))
        for days in [draw(st.dictionaries(st.integers(-1, 4), st.sampled_from(["", "Holiday"]), max_size=3))]
    )
    crontabs = draw(st.lists(st.sampled_from(sorted(CRONTABS)), max_size=2, unique=True))
    return Exclusion(zone, calendars, tuple(crontabs))


def wanted_reason(exclusion: Exclusion, moment: datetime) -> str | None:
    """From the rules alone: the first calendar that has the day, or the first crontab that matches the minute."""
    wall = moment.astimezone(ZoneInfo(exclusion.timezone)).replace(tzinfo=None)
    for calendar in exclusion.calendars:
        document = calendar.to_json()
        day = wall.date()
        for label, texts in document.get("days", {}).items():
            for text in texts:
                first, _, last = text.partition("/")
                if date.fromisoformat(first) <= day <= date.fromisoformat(last or first):
                    return f"excluded by calendar {calendar.name}" + (f": {label}" if label else "")
        if day.weekday() in document.get("weekdays", ()):
            return f"excluded by calendar {calendar.name}: {WEEKDAYS[day.weekday()]}"
    for crontab in exclusion.crontabs:
        if CRONTABS[crontab](wall):
            return f"excluded by crontab {crontab}"
    return None


@settings(max_examples=50)
@given(exclusions(), st.integers(0, 47), st.timedeltas(timedelta(0), timedelta(days=2)))
@example(Exclusion("UTC", (), ("* * * * *",)), 0, timedelta(days=2))
def test_each_minute_is_excluded_by_what_the_rules_say(
    exclusion: Exclusion, hours: int, length: timedelta
) -> None:
    after = ZONES[exclusion.timezone] + timedelta(hours=hours)
    until = after + length
    spans = list(exclusion.spans_between(after, until))
    for before, span in pairwise(spans):
        assert before.until <= span.after
        assert before.until < span.after or before.reason != span.reason
    assert all(after <= span.after < span.until <= until for span in spans)
    minute = after.replace(second=0, microsecond=0) + MINUTE
    while minute <= until:
        wanted = wanted_reason(exclusion, minute)
        assert exclusion.reason_for(minute) == wanted
        assert exclusion.reason_for(minute + MINUTE / 3) == wanted
        found = [span.reason for span in spans if span.after < minute <= span.until]
        assert found == ([] if wanted is None else [wanted])
        minute += MINUTE


SCHEDULES: list[Schedule] = [
    Interval(timedelta(seconds=7)),
    Interval(timedelta(hours=7)),
    Crontab("30 * * * *", "Europe/Berlin"),
    Crontab("0 0,2 * * *", "Africa/Cairo"),
]


@given(exclusions(), st.sampled_from(SCHEDULES), st.timedeltas(timedelta(0), timedelta(days=2)))
def test_ticks_are_counted_by_spans_as_by_looking_at_each(
    exclusion: Exclusion, schedule: Schedule, length: timedelta
) -> None:
    after = ZONES[exclusion.timezone]
    until = after + length
    spans = exclusion.spans_between(after, until)
    by_span = sum(schedule.count_between(span.after, span.until) for span in spans)
    by_tick = [exclusion.reason_for(tick) for tick in schedule.ticks_between(after, until)]
    assert by_span == sum(reason is not None for reason in by_tick)


@given(exclusions())
def test_an_entry_carries_its_exclusion_through_the_store(exclusion: Exclusion) -> None:
    entry = Entry(name="one", job="jobs.x", exclusion=exclusion)
    assert Entry.from_json(entry.to_json()) == entry
