"""The tables of docs/time.md, computed anew."""

import re
import tomllib
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from scheduler.schedule import Crontab
from tests.docs.pages import page, rows, words_in_code

SECTIONS = re.findall(
    r"^### (\S+), (\S+): (.*?)\n(.*?)(?=^### |\Z)", page("time.md"), re.MULTILINE | re.DOTALL
)


def texts(schedule: Crontab, midnight: datetime) -> str:
    before = midnight - timedelta(seconds=1)
    zone = ZoneInfo(schedule.timezone)
    ticks = schedule.ticks_between(before, midnight.replace(hour=4, minute=59))
    shown = [tick.astimezone(zone).isoformat() for tick in ticks]
    return ", ".join(text[11:16] + text[19:] for text in shown) or "none"


@pytest.mark.parametrize(("name", "day", "change", "table"), SECTIONS, ids=lambda text: text[:20])
def test_every_tick_of_the_page_is_so(name: str, day: str, change: str, table: str) -> None:
    zone = ZoneInfo(name)
    midnight = datetime.fromisoformat(day).replace(tzinfo=zone)
    found = rows(table, header="crontab")
    assert found
    for crontab, ticks in found:
        assert ticks == texts(Crontab(words_in_code(crontab)[0], name), midnight)
    changes = midnight.utcoffset() != (midnight + timedelta(hours=12)).replace(tzinfo=zone).utcoffset()
    assert changes == (change != "nothing changes")


def test_the_page_shows_all_kinds_of_zones() -> None:
    assert {name for name, *_ in SECTIONS} == {
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "Asia/Seoul",
    }


def test_the_other_rules_do_what_the_page_says() -> None:
    zone = ZoneInfo("Europe/Berlin")
    found = rows(page("time.md"), header="rule")
    assert len(found) == 3
    for rules, *days in found:
        values = tomllib.loads("\n".join(words_in_code(rules)))
        schedule = Crontab("30 2 * * *", zone.key, **values)
        for ticks, day in zip(days, (datetime(2026, 3, 29), datetime(2026, 10, 25)), strict=True):  # noqa: DTZ001
            assert ticks == texts(schedule, day.replace(tzinfo=zone))
