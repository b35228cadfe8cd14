"""The test kit asked for ticks: what a team's tests see of their schedules.toml."""

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import freezegun
import pytest
import time_machine

from scheduler.errors import InvalidSchedules, InvalidSettings, NotFound
from scheduler.exclusion import Exclusion
from scheduler.testing import Schedules, Tick

FILE = """
[defaults]
timeout = "5m"

[schedules.nightly]
job = "onbeat.command"
crontab = "30 2 * * *"
timezone = "Europe/Berlin"
dst_gap = "shift"
dst_fold = "first"
kwargs = { argv = ["true"] }

[schedules.often]
job = "onbeat.command"
interval = "6h"
kwargs = { argv = ["true"] }

[schedules.off]
job = "onbeat.command"
crontab = "@daily"
enabled = false
kwargs = { argv = ["true"] }

[schedules.by-hand]
job = "onbeat.command"
kwargs = { argv = ["true"] }
"""

Read = Callable[[str], Schedules]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    monkeypatch.setattr(sys, "path", [*sys.path])

    def read(text: str) -> Schedules:
        (tmp_path / "schedules.toml").write_text(text)
        return Schedules.read(directory=tmp_path)

    return read


@pytest.fixture
def schedule(read: Read) -> Schedules:
    return read(FILE)


def utc(*numbers: int) -> datetime:
    return datetime(*numbers, tzinfo=UTC)  # type: ignore[misc,arg-type]  # as many as a test gives


NIGHTS = [utc(2026, 3, 28, 1, 30), utc(2026, 3, 29, 1)]  # 02:30 is jumped over on the second


@pytest.mark.parametrize(
    "between",
    [
        ("2026-03-28", "2026-03-30"),
        (date(2026, 3, 28), date(2026, 3, 30)),
        (datetime(2026, 3, 28), datetime(2026, 3, 30)),  # noqa: DTZ001 - the entry's zone
        ("2026-03-28 02:30", "2026-03-29T03:01"),
        (utc(2026, 3, 28, 1, 30), "2026-03-29T01:00:00.001Z"),
        (datetime(2026, 3, 28, 3, 30, tzinfo=timezone(timedelta(hours=2))), "2026-03-29 23:59"),
    ],
    ids=str,
)
def test_a_time_without_a_zone_is_the_entrys_and_ticks_are_in_utc(
    schedule: Schedules, between: tuple[date, date]
) -> None:
    assert schedule.fires("nightly", between=between) == NIGHTS


def test_the_first_time_counts_and_the_second_does_not(schedule: Schedules) -> None:
    assert len(schedule.fires("often", between=("2026-01-01", "2026-01-02"))) == 4
    assert schedule.fires("nightly", between=("2026-03-28 02:31", "2026-03-29 02:30")) == []


@pytest.mark.parametrize("name", ["off", "by-hand"])
def test_what_is_disabled_or_run_by_hand_has_no_ticks(schedule: Schedules, name: str) -> None:
    assert schedule.fires(name, between=("2026-01-01", "2027-01-01")) == []
    assert schedule.next(name) is None


def test_the_next_tick_is_later_than_the_time_given_or_now(schedule: Schedules) -> None:
    assert schedule.next("nightly", after="2026-03-28 02:30") == NIGHTS[1]
    with freezegun.freeze_time(NIGHTS[0] - timedelta(seconds=1)):
        assert schedule.next("nightly") == NIGHTS[0]


def test_the_ticks_of_all_entries_come_in_the_order_of_time(schedule: Schedules) -> None:
    assert schedule.ticks(between=("2026-03-28T01:00", "2026-03-28T07:00"), timezone="UTC") == [
        Tick(NIGHTS[0], "nightly"),
        Tick(utc(2026, 3, 28, 6), "often"),
    ]


def test_entries_are_what_the_file_says_and_a_wrong_name_is_told_the_right_one(schedule: Schedules) -> None:
    assert schedule.entry("nightly").kwargs == {"argv": ["true"]}
    assert set(schedule.entries) == {"nightly", "often", "off", "by-hand"}
    for ask in (schedule.entry, schedule.next, schedule.run):
        with pytest.raises(
            NotFound, match=r"^no such entry in schedules\.toml: 'nigthly'; did you mean 'nightly'\?$"
        ):
            ask("nigthly")
    with pytest.raises(NotFound, match=r"'x'; there are by-hand, nightly, off, often$"):
        schedule.fires("x", between=("2026-01-01", "2026-01-02"))


@pytest.mark.parametrize(
    ("between", "message"),
    [
        (("soon", "2026-01-01"), "'soon' is not a time; write \"2026-03-28\""),
        (("2026-01-02", "2026-01-01"), "nothing lies between 2026-01-02 and 2026-01-01"),
        (("0001-01-03", "9000-01-01"), "often has 13,"),
    ],
)
def test_times_that_make_no_sense_are_refused(
    schedule: Schedules, between: tuple[str, str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        schedule.fires("often", between=between)


def test_a_file_that_no_beat_could_use_is_refused_with_all_its_problems(read: Read) -> None:
    with pytest.raises(InvalidSchedules, match=r"^schedules\.toml can't be used") as refused:
        read('[schedules.a]\njob = "onbeat.comand"\n[schedules.b]\njob = "onbeat.http"\n')
    assert [problem.line for problem in refused.value.problems] == [2, 4]


def test_settings_that_can_not_be_used_are_named(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONBEAT_WEB_PORT", "x")
    with pytest.raises(InvalidSettings, match="ONBEAT_WEB_PORT"):
        read(FILE)


def test_check_shows_every_warning_unless_its_code_is_allowed(schedule: Schedules, read: Read) -> None:
    schedule.check()
    empty = read("")
    with pytest.raises(AssertionError, match=r"(?s)has 1 to look at.*no entry: nothing.*code: empty"):
        empty.check()
    empty.check(allow=["empty"])


def test_hours_without_a_tick_are_asserted_day_by_day_in_the_entrys_zone(schedule: Schedules) -> None:
    march = ("2026-03-01", "2026-04-01")
    schedule.assert_quiet("nightly", between=march, daily=("03:01", "02:30"))
    schedule.assert_quiet("off", "by-hand", between=march)
    schedule.assert_quiet(between=("2026-03-28 02:31", "2026-03-28 05:59"), timezone="UTC")
    with pytest.raises(AssertionError) as failed:
        schedule.assert_quiet("nightly", between=march, daily=("02:00", "03:00"))
    assert str(failed.value).splitlines() == [
        "30 ticks where there should be none:",
        *(f"  {day} 02:30:00 CET  nightly" for day in ("Sun 2026-03-01", "Mon 2026-03-02", "Tue 2026-03-03")),
        *(f"  {day} 02:30:00 CET  nightly" for day in ("Wed 2026-03-04", "Thu 2026-03-05")),
        "  and 25 more",
    ]


def test_what_an_exclusion_takes_out_does_not_fire(schedule: Schedules) -> None:
    daily = replace(schedule.entry("off"), enabled=True, exclusion=Exclusion(crontabs=("* * 28,30 3 *",)))
    never = replace(schedule.entry("often"), exclusion=Exclusion(crontabs=("* * * * *",)))
    schedule.entries = {"daily": daily, "never": never}
    march = ("2026-03-27", "2026-04-01")
    assert [tick.day for tick in schedule.fires("daily", between=march)] == [27, 29, 31]
    assert schedule.next("daily", after="2026-03-27") == utc(2026, 3, 29)
    assert schedule.next("daily", after="2026-03-29") == utc(2026, 3, 31)
    assert schedule.fires("never", between=march) == []
    assert schedule.next("never") is None
    with freezegun.freeze_time("2026-03-28 12:00"):
        assert schedule.run("daily").scheduled_at == utc(2026, 3, 27)
    assert schedule.run("daily", at="2026-03-28").trigger == "manual"


def test_another_environment_of_the_file_is_asked_by_its_name(read: Read) -> None:
    schedule = read(FILE + '[env.production.schedules.off]\nenabled = true\ncrontab = "@daily"\n')
    week = ("2026-03-23", "2026-03-30")
    assert schedule.fires("off", between=week) == []
    production = schedule.in_environment("production")
    assert len(production.fires("off", between=week)) == 7
    with pytest.raises(InvalidSchedules, match="can't be used") as refused:
        schedule.in_environment("prodution")
    assert "did you mean 'production'?" in refused.value.__notes__[0]
    next(production.step("off", count=1, start="2026-03-28"))
    schedule.close()
    assert datetime.now(UTC) > utc(2026, 6, 1)


@pytest.mark.parametrize("library", ["freezegun", "time-machine"])
def test_stepping_stops_the_clock_at_each_tick_and_lets_it_go_again(
    schedule: Schedules, library: str
) -> None:
    before = datetime.now(UTC)
    seen = [
        (tick, datetime.now(UTC))
        for tick in schedule.step("nightly", count=2, start="2026-03-28", clock=library)
    ]
    assert seen == [(tick, tick) for tick in NIGHTS]
    assert timedelta(0) <= datetime.now(UTC) - before < timedelta(minutes=1)


@pytest.mark.parametrize("library", ["freezegun", "time-machine"])
def test_a_loop_that_is_left_lets_the_clock_go_at_the_latest_when_the_test_ends(
    schedule: Schedules, library: str
) -> None:
    ticks = schedule.step("nightly", start="2026-03-28", until="2026-04-01", clock=library)
    assert next(ticks) == NIGHTS[0] == datetime.now(UTC)
    schedule.close()
    assert datetime.now(UTC) > utc(2026, 6, 1)
    ticks.close()


def test_a_clock_that_stands_still_already_goes_on_standing(schedule: Schedules) -> None:
    noon = utc(2026, 3, 28, 12)
    with freezegun.freeze_time(noon):
        assert list(schedule.step("nightly", count=1)) == [NIGHTS[1]]
        for tick in schedule.step("nightly", count=1):
            assert datetime.now(UTC) == tick
        assert datetime.now(UTC) == noon
    with time_machine.travel(noon, tick=False):
        for tick in schedule.step("nightly", count=1):
            assert datetime.now(UTC) == tick == NIGHTS[1]
        assert datetime.now(UTC) == noon


def test_what_stops_no_clock_is_refused(schedule: Schedules, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="give count or until"):
        schedule.step("nightly")
    with pytest.raises(ValueError, match="'sundial' stops no clock; there are time-machine and freezegun"):
        next(schedule.step("nightly", count=1, clock="sundial"))
    monkeypatch.setattr("scheduler.testing.frozen_clock.find_spec", lambda _: None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install time-machine \(or freezegun\)"):
        next(schedule.step("nightly", count=1))
    with pytest.raises(ModuleNotFoundError, match=r"^freezegun is not installed: pip install freezegun$"):
        next(schedule.step("nightly", count=1, clock="freezegun"))
