"""The sun's times against published ones, what becomes of polar days, and what is refused."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import islice, pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from scheduler.cadences.sun import SunEvent, sun_event
from scheduler.foresight.explanation import sentences
from scheduler.reading.schedule_file import ScheduleFile
from scheduler.redbeat_schedule import NO_TICKS, celery_schedule
from scheduler.schedule import Solar, schedule_from_json, zone_of
from tests.support.schedule_files import problems_of, read_in

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)

# Published to the minute: Cape May and Washington by the US Naval Observatory, the others in tables of their cities.
PUBLISHED: list[tuple[float, float, str, str, dict[SunEvent, str]]] = [
    (38.9, -74.9, "America/New_York", "2002-03-20",
     {"dawn": "05:37", "sunrise": "06:04", "noon": "12:07", "sunset": "18:12", "dusk": "18:39"}),
    (38.9, -77.0, "America/New_York", "2002-03-20",
     {"dawn": "05:45", "sunrise": "06:12", "noon": "12:16", "sunset": "18:21", "dusk": "18:47"}),
    (38.9, -77.0, "America/New_York", "2025-01-13", {"sunrise": "07:26", "noon": "12:17", "sunset": "17:08"}),
    (38.9, -77.0, "America/New_York", "2025-02-12", {"sunrise": "07:03", "noon": "12:23", "sunset": "17:43"}),
    (51.48, 0.0, "Europe/London", "2024-06-21", {"sunrise": "04:43", "sunset": "21:21"}),
    (51.48, 0.0, "Europe/London", "2024-12-21", {"sunrise": "08:04", "sunset": "15:53"}),
    (52.52, 13.4, "Europe/Berlin", "2026-06-21", {"sunrise": "04:43", "sunset": "21:33"}),
    (-33.87, 151.2, "Australia/Sydney", "2024-12-22", {"sunrise": "05:41", "sunset": "20:06"}),
]  # fmt: skip


@pytest.mark.parametrize(("latitude", "longitude", "zone", "day", "times"), PUBLISHED)
def test_the_sun_does_as_published_to_the_minute(
    latitude: float, longitude: float, zone: str, day: str, times: dict[SunEvent, str]
) -> None:
    for event, clock in times.items():
        found = sun_event(event, latitude, longitude, date.fromisoformat(day).toordinal())
        published = datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ZoneInfo(zone))
        assert found is not None
        assert abs(found - published) <= 1.5 * MINUTE  # places are rounded to a tenth of a degree


@pytest.mark.parametrize("longitude", [-179.9, -90, 0, 13.4, 90, 179.9])
@pytest.mark.parametrize("event", ["dawn", "sunrise", "noon", "sunset", "dusk"])
def test_each_day_has_its_tick_wherever_the_date_line_is(event: SunEvent, longitude: float) -> None:
    schedule = Solar(event, 40, longitude)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    ticks = list(schedule.ticks_between(start, start + 365 * DAY))
    assert len(ticks) == 365
    assert all(abs(late - early - DAY) < 4 * MINUTE for early, late in pairwise(ticks))
    assert schedule.count_between(start, start + 365 * DAY) == 365
    after, found = start, []
    for _ in range(40):
        tick = schedule.next_after(after)
        assert tick is not None
        found.append(tick)
        assert schedule.latest_between(start, tick) == tick
        assert schedule.latest_between(start, tick - MINUTE) == (found[-2] if len(found) > 1 else None)
        after = tick
    assert found == ticks[:40]


TROMSO = (69.65, 18.96)


def test_there_is_no_sunset_in_the_midnight_sun_and_none_in_the_polar_night() -> None:
    schedule = Solar("sunset", *TROMSO)
    year = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    ticks = list(schedule.ticks_between(*year))
    gaps = [(f"{early:%b}", f"{late:%b}") for early, late in pairwise(ticks) if late - early > 3 * DAY]
    assert gaps == [("May", "Jul")]
    assert f"{ticks[0]:%b %d}" == "Jan 15"
    assert f"{ticks[-1]:%b %d}" in ("Nov 26", "Nov 27")
    june = datetime(2026, 6, 1, tzinfo=UTC)
    tick = schedule.next_after(june)
    assert tick is not None
    assert f"{tick:%b}" == "Jul"
    assert schedule.latest_between(year[0], june) == max(tick for tick in ticks if tick < june)
    assert schedule.latest_between(june, june + 10 * DAY) is None
    assert schedule.count_between(*year) == len(ticks)


@pytest.mark.parametrize("latitude", [-90.0, -78.0, 78.0, 90.0])
def test_near_the_poles_a_tick_still_comes_within_a_year(latitude: float) -> None:
    tick = Solar("sunrise", latitude, 0).next_after(datetime(2026, 6, 1, tzinfo=UTC))
    assert tick is not None
    assert tick < datetime(2027, 6, 1, tzinfo=UTC)


def test_an_offset_moves_every_tick() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    plain = list(islice(Solar("sunset", 52.5, 13.4).ticks_between(start, start + 400 * DAY), 300))
    for hours in (-24, -9, -0.5, 0.5, 9, 24):
        offset = timedelta(hours=hours)
        schedule = Solar("sunset", 52.5, 13.4, offset)
        after = start + offset
        assert list(islice(schedule.ticks_between(after, after + 400 * DAY), 300)) == [
            tick + offset for tick in plain
        ]
        assert schedule.next_after(plain[5] + offset) == plain[6] + offset
        assert schedule.latest_between(after, plain[5] + offset) == plain[5] + offset


def test_the_sun_ends_with_the_calendar() -> None:
    assert Solar("noon", 0, 0).next_after(datetime(9999, 6, 1, tzinfo=UTC)) is None
    assert Solar("noon", 0, 0).next_after(datetime(1, 1, 2, tzinfo=UTC)) is not None


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        (Solar("sunset", 52.5, 13.4), "sunset at 52.5, 13.4"),
        (Solar("dawn", -33.87, -70, timedelta(minutes=-30)), "30m before dawn at -33.87, -70"),
        (Solar("noon", 0, 0, timedelta(hours=1), "Asia/Seoul"), "1h after noon at 0, 0"),
    ],
)
def test_it_is_said_in_few_words_and_survives_the_store(schedule: Solar, text: str) -> None:
    assert schedule.describe() == text
    assert schedule_from_json(schedule.to_json()) == schedule


def test_it_is_explained() -> None:
    assert list(sentences(Solar("sunset", -33.9, -70.5, timedelta(minutes=-30)))) == [
        "It ticks 30m before sunset, at 33.9° south, 70.5° west: each day at another time.",
        "A day on which the sun does not do that, as near the poles in summer and winter, has no tick.",
    ]


def test_its_times_are_shown_in_the_entrys_zone() -> None:
    assert zone_of(Solar("sunset", 0, 0, timezone="Europe/Berlin")).key == "Europe/Berlin"
    assert zone_of(Solar("sunset", 0, 0)).key == "UTC"


def test_a_stock_beat_knows_no_sun() -> None:
    assert celery_schedule(Solar("sunset", 0, 0)) == NO_TICKS


@pytest.mark.parametrize(
    ("event", "place", "offset", "message"),
    [
        ("moonrise", (0, 0), timedelta(0), "the sun has no 'moonrise'"),
        ("sunset", (91, 0), timedelta(0), "from -90 to 90"),
        ("sunset", (0, float("nan")), timedelta(0), "from -180 to 180"),
        ("sunset", (0, 0), timedelta(days=2), "at most a day"),
    ],
)
def test_what_can_not_be_is_refused(
    event: SunEvent, place: tuple[float, float], offset: timedelta, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Solar(event, *place, offset)


HEAD = '[schedules.a]\njob = "jobs.tidy"\n'


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., ScheduleFile]:
    return partial(read_in, tmp_path)


@pytest.mark.parametrize(
    ("keys", "schedule"),
    [
        ('solar = { event = "sunset", latitude = 52.5, longitude = 13 }', Solar("sunset", 52.5, 13)),
        (
            'solar = { event = "dawn", latitude = 0, longitude = 0, offset = "-30m" }',
            Solar("dawn", 0, 0, timedelta(minutes=-30)),
        ),
        (
            'solar = { event = "dusk", latitude = 0, longitude = 0, offset = -90 }',
            Solar("dusk", 0, 0, timedelta(seconds=-90)),
        ),
        (
            'solar = "sunrise"\nlatitude = 52.5\nlongitude = 13.4\ntimezone = "Europe/Berlin"',
            Solar("sunrise", 52.5, 13.4, timezone="Europe/Berlin"),
        ),
        (
            '[defaults]\nlatitude = 52.5\nlongitude = 13.4\n[schedules.a]\nsolar = { event = "noon", longitude = 1 }',
            Solar("noon", 52.5, 1),
        ),
    ],
)
def test_the_place_stands_in_the_table_or_beside_it(
    read: Callable[..., ScheduleFile], keys: str, schedule: Solar
) -> None:
    text = f'{keys}\njob = "jobs.tidy"' if keys.startswith("[") else HEAD + keys
    file = read(text)
    assert file.problems == ()
    assert file.entries["a"].schedule == schedule


WRONG = {
    'solar = "sunrize"\nlatitude = 0\nlongitude = 0': (
        "3:9+9 solar: 'sunrize' is not one of dawn, sunrise, noon, sunset, dusk; did you mean 'sunrise'?"
    ),
    "solar = 5": '3:9+1 solar: 5 is not "sunset" or the like, or a table',
    "solar = { latitude = 5 }": "3:9+16 solar: has no event; there are dawn, sunrise, noon, sunset, dusk",
    'solar = { event = "noon", lat = 5 }': "3:27+3 solar: unknown key 'lat'; did you mean 'latitude'?",
    'solar = { event = "noon", latitude = 95, longitude = 0 }': (
        "3:38+2 solar: 95 is not between -90 and 90 degrees"
    ),
    'solar = { event = "noon", latitude = "5", longitude = 0 }': (
        "3:38+3 solar: '5' is not a number of degrees, such as 52.5"
    ),
    'solar = { event = "noon", latitude = 5, longitude = 0, offset = "2d" }': (
        "3:65+4 solar: '2d' is more than a day"
    ),
    'solar = { event = "noon", latitude = 5, longitude = 0, offset = true }': (
        '3:65+4 solar: true is not an offset; write "30m" for later, "-30m" for earlier'
    ),
    'solar = "noon"\nlatitude = 1': (
        '3:9+6 solar: has no longitude; write { event = "sunset", latitude = 52.5, longitude = 13.4 }'
    ),
    'interval = "5m"\nlatitude = 1': "4:1+8 latitude: only the sun's times depend on a place",
}


@pytest.mark.parametrize(("keys", "problem"), WRONG.items())
def test_a_wrong_key_is_shown_at_its_place(
    read: Callable[..., ScheduleFile], keys: str, problem: str
) -> None:
    assert problems_of(read(HEAD + keys)) == [problem]
