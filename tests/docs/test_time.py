"""The tables of docs/time.md, computed anew."""

import tomllib
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim

from scheduler.cadences.wall_clock import stretch_at
from scheduler.foresight.explanation import clock_changes
from scheduler.schedule import Crontab
from tests.docs.pages import page, rows, words_in_code

PAGE = page("time.md")
FROM = datetime(2026, 11, 21, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ZONES = PAGE.split("## What each zone does")[1].split("\n## ")[0]
HEADER, *CHANGES = [line for line in ZONES.splitlines() if line.startswith("|")]
CRONTABS = words_in_code(HEADER)
MISSING_DAY = datetime(
    2011, 12, 30, 10, tzinfo=UTC
)  # in Apia the clock jumped from the 30th, 00:00, to the 31st, 00:00


def clock(moment: datetime, zone: ZoneInfo) -> str:
    """ "02:15+01": the clock on the wall, with its offset from UTC as short as it goes."""
    text = moment.astimezone(zone).isoformat()
    return text[11:16] + text[19:].removesuffix(":00")


def shown(crontab: str, zone: ZoneInfo, after: datetime, until: datetime) -> str:
    ticks = Crontab(crontab, zone.key).ticks_between(after, until)
    return ", ".join(clock(tick, zone) for tick in ticks) or "none"


def expected(name: str, at: datetime, change: str, crontabs: list[str]) -> list[str]:
    """The row of a change: the ticks of its day on the wall before 05:00."""
    zone = ZoneInfo(name)
    morning = at.astimezone(zone).replace(hour=4, minute=59)
    midnight = morning.replace(hour=0, minute=0).astimezone(UTC)
    return [name, change, *(shown(each, zone, midnight - SECOND, morning) for each in crontabs)]


def said(at: datetime, zone: ZoneInfo) -> str:
    """ "2027-03-28 02:00 becomes 03:00", with the day where it is another."""
    offset = stretch_at(zone, at - SECOND).offset
    before, after = (at + offset).replace(tzinfo=None), at.astimezone(zone)
    day = f"{after:%F} " if before.day != after.day else ""
    return f"{before:%F %R} becomes {day}{after:%R}"


def test_the_table_is_that_of_the_next_two_changes_in_each_zone() -> None:
    table = []
    for name in (
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "Asia/Seoul",
    ):
        zone = ZoneInfo(name)
        found = clock_changes(zone, FROM)
        table += [expected(name, each.at, said(each.at, zone), CRONTABS) for each in found]
        if not found:
            table.append(expected(name, datetime(2027, 3, 27, 16, tzinfo=UTC), "none; 2027-03-28", CRONTABS))
    apia = ZoneInfo("Pacific/Apia")
    assert clock_changes(apia, FROM) == []
    table.append(expected("Pacific/Apia", MISSING_DAY, said(MISSING_DAY, apia), CRONTABS))
    lines = [f"| {' | '.join(cells)} |" for cells in table]
    assert CHANGES[1:] == lines, "\n".join(lines)
    assert len(lines) == 10


@pytest.mark.parametrize("crontab", CRONTABS)
def test_each_crontab_of_the_table_meets_a_change(crontab: str) -> None:
    column = CRONTABS.index(crontab) + 2
    assert len({cells[column] for cells in rows(PAGE, header="zone")}) > 3


def test_the_other_rules_do_what_the_page_says() -> None:
    zone = ZoneInfo("Europe/Berlin")
    found = rows(PAGE, header="rule")
    assert len(found) == 3
    for rules, *days in found:
        values = tomllib.loads("\n".join(words_in_code(rules)))
        schedule = Crontab("30 2 * * *", zone.key, **values)
        for ticks, day in zip(days, (datetime(2027, 3, 28), datetime(2027, 10, 31)), strict=True):  # noqa: DTZ001
            midnight = day.replace(tzinfo=zone)
            coming = schedule.ticks_between(midnight - SECOND, midnight.replace(hour=5))
            assert ticks == (", ".join(clock(tick, zone) for tick in coming) or "none")


def test_onbeat_and_cronsim_do_what_the_page_says_of_them() -> None:
    found = rows(PAGE, header="crontab")
    assert len(found) > 8
    for crontab, where, onbeat, cronsim, _ in found:
        [expression], (name, day) = words_in_code(crontab), where.split(", ")
        zone = ZoneInfo(name)
        midnight = datetime.fromisoformat(day).replace(tzinfo=zone).astimezone(UTC)
        until = midnight.astimezone(zone).replace(hour=4, minute=59)
        assert onbeat == shown(expression, zone, midnight - SECOND, until)
        coming = islice(CronSim(expression, (midnight - SECOND).astimezone(zone)), 8)
        ticks = [tick for tick in coming if tick <= until]
        assert cronsim == (", ".join(clock(tick, zone) for tick in ticks) or "none")
