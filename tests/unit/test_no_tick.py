"""Why a moment is no tick: the field, the bound or the change of the clock that keeps it from being one."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from scheduler.entry import Entry
from scheduler.foresight.no_tick import jumped_over, tick_meant, why_no_tick
from scheduler.schedule import Crontab, Interval, Later, Schedule, Within


def entry(schedule: Schedule | None) -> Entry:
    return Entry(name="a", job="jobs.a", schedule=schedule)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


BERLIN = Crontab("*/30 2-4 * * 1-5", "Europe/Berlin")


@pytest.mark.parametrize(
    ("schedule", "moment", "words"),
    [
        (None, "2026-11-20T02:00", ["it has no times of its own: it runs only by hand"]),
        (BERLIN, "2026-11-20T01:35", ["minute: 35 is not in '*/30' (0 and 30)"]),
        (BERLIN, "2026-11-20T12:00", ["hour: 13 is not in '2-4' (2 to 4)"]),
        (
            BERLIN,
            "2026-11-21T01:30",
            ["day: Saturday, 2026-11-21 is not in day of week '1-5' (Monday to Friday)"],
        ),
        (Crontab("0 0 1 1 *"), "2026-02-01T00:00", ["month: 2 is not in '1' (January)"]),
        (
            Crontab("30 2 * * *", "Europe/Berlin", dst_gap="skip"),
            "2026-03-29T01:30",
            ["hour: 3 is not in '2' (2)"],
        ),
        (
            Crontab("30 2 * * *", "Europe/Berlin"),
            "2026-10-25T01:30",
            [
                (
                    "the clock of Europe/Berlin was changed there, and this time is skipped, shifted or the"
                    " second of two"
                    " (dst_gap = 'shift', dst_fold = 'first')"
                )
            ],
        ),
        (
            Interval(timedelta(minutes=5)),
            "2026-11-20T00:01",
            ["its interval counts 5m from 1970-01-01T00:00:00+00:00"],
        ),
        (
            Within(Crontab("@daily"), at("2026-12-01T00:00"), None),
            "2026-11-20T00:00",
            ["starts_at: it begins at 2026-12-01T00:00:00+00:00"],
        ),
        (
            Within(Crontab("30 2 * * *"), None, at("2026-11-01T00:00")),
            "2026-11-20T02:30",
            ["ends_at: it ended at 2026-11-01T00:00:00+00:00"],
        ),
    ],
)
def test_the_reason_is_said(schedule: Schedule | None, moment: str, words: list[str]) -> None:
    assert list(why_no_tick(entry(schedule), at(moment)))[: len(words)] == words


def test_jitter_is_named_and_the_field_is_that_of_the_tick_before_it() -> None:
    later = Later(Crontab("0 * * * *"), timedelta(minutes=10), "a")
    first, second = why_no_tick(entry(later), at("2026-11-20T00:30") + later.by)
    assert first.startswith("jitter: each of its ticks is ")
    assert second == "minute: 30 is not in '0' (0)"


def test_a_time_without_seconds_means_the_first_tick_of_its_minute() -> None:
    every_7_s = entry(Crontab("7,14 * * * * *"))
    assert tick_meant(every_7_s, at("2026-11-20T02:30")) == at("2026-11-20T02:30:07")
    assert tick_meant(every_7_s, at("2026-11-20T02:30:14")) == at("2026-11-20T02:30:14")
    assert tick_meant(every_7_s, at("2026-11-20T02:30:08")) is None
    assert tick_meant(entry(None), at("2026-11-20T02:30")) is None


def test_a_time_that_the_clock_jumps_over_means_the_jump() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    words = "02:30 does not exist on 2026-03-29: there the clock of Europe/Berlin jumps to 03:00"
    assert jumped_over("2026-03-29T02:30", berlin) == (at("2026-03-29T01:00"), words)
    for text in ("2026-03-29T03:30", "2026-10-25T02:30", "2026-03-29T02:30Z", "02:30", "10m", "0001-01-01"):
        assert jumped_over(text, berlin) is None
