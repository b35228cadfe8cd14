"""The iCalendar file, read back by the library."""

from datetime import UTC, datetime, timedelta
from typing import Any

from icalendar import Calendar

from scheduler.cli.ics import calendar_text
from scheduler.cli.next import Tick, ticks
from scheduler.entry import Entry
from scheduler.exclusion import Exclusion
from scheduler.schedule import Crontab

NOW = datetime(2026, 11, 21, 12, 0, 0, 5, tzinfo=UTC)
BACKUP = Entry(
    name="backup",
    job="jobs.backup",
    schedule=Crontab("30 2 * * *", "Europe/Berlin"),
    description="DTSTART:of all; commas, a backslash \\\nand a second line, which is quite a bit too long for one 日本",
    owner="ops",
    runbook="https://wiki/backup",
    tags=("night", "db"),
)
PLAIN = Entry(name="plain", job="jobs.plain", schedule=Crontab("@daily"))
ENTRIES = {"backup": BACKUP, "plain": PLAIN}
TICKS = [Tick(NOW + timedelta(hours=hours), name) for hours in (1, 2) for name in ENTRIES]


def events(text: str) -> list[Any]:
    return list(Calendar.from_ical(text).walk("VEVENT"))


def test_each_tick_is_an_event_with_the_time_in_utc() -> None:
    found = events(calendar_text(TICKS, ENTRIES, NOW))
    assert [(event.decoded("dtstart"), event["summary"]) for event in found] == [
        (tick.scheduled_at.replace(microsecond=0), tick.entry) for tick in TICKS
    ]
    assert [event["dtstart"].to_ical() for event in found][:2] == [b"20261121T130000Z"] * 2
    assert {event["transp"] for event in found} == {"TRANSPARENT"}


def test_what_people_wrote_comes_back_as_it_was() -> None:
    event, plain = events(calendar_text(TICKS, ENTRIES, NOW))[2:]
    assert str(event["description"]) == (
        f"{BACKUP.description}\njob: jobs.backup\nschedule: 30 2 * * * Europe/Berlin\n"
        "owner: ops\nrunbook: https://wiki/backup"
    )
    assert event["categories"].cats == ["night", "db"]
    assert str(plain["description"]) == "job: jobs.plain\nschedule: @daily UTC"


def test_the_uid_of_a_tick_is_its_own_and_the_same_tomorrow() -> None:
    def uids(now: datetime) -> list[str]:
        return [str(event["uid"]) for event in events(calendar_text(TICKS, ENTRIES, now))]

    assert len(set(uids(NOW))) == 4
    assert uids(NOW) == uids(NOW + timedelta(days=1))


def test_lines_end_as_the_rfc_wants_and_are_no_longer_than_75_bytes() -> None:
    lines = calendar_text(TICKS, ENTRIES, NOW).encode().split(b"\r\n")
    assert (lines[0], lines[-2:]) == (b"BEGIN:VCALENDAR", [b"END:VCALENDAR", b""])
    assert not any(b"\n" in line for line in lines)
    assert max(map(len, lines)) <= 75


def test_a_calendar_without_ticks_is_one_all_the_same() -> None:
    assert Calendar.from_ical(calendar_text([], {}, NOW))["version"] == "2.0"


def test_what_an_entry_excludes_is_no_tick() -> None:
    odd = Entry(
        name="odd", job="jobs.a", schedule=Crontab("@hourly"), exclusion=Exclusion(crontabs=("* */2 * * *",))
    )
    found = ticks({"odd": odd}, NOW, NOW + timedelta(hours=4))
    assert [tick.scheduled_at.hour for tick in found] == [13, 15]
