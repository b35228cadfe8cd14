"""What commands that read the file say of calendars."""

from pathlib import Path

import pytest

from tests.support.commands import Onbeat

FILE = """
[calendars.de]
country = "DE"
weekdays = ["sat", "sun"]

[calendars.closed]
dates = [{ date = "12-24", name = "Heiligabend" }]

[defaults]
job = "onbeat.command"
kwargs = { argv = ["true"] }
timezone = "Europe/Berlin"

[schedules.payroll]
crontab = "0 17 25 * *"
on_holiday = "previous"
holidays = ["de"]
exclude = ["* * * 7 *"]

[schedules.report]
interval = "12h"
exclude = ["closed", "* 0-5 * * *"]
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "schedules.toml").write_text(FILE)
    monkeypatch.chdir(tmp_path)


def test_next_leaves_out_what_is_excluded_and_shows_it_on_demand(onbeat: Onbeat) -> None:
    april = ("next", "payroll", "--from", "2026-04-01")
    found = onbeat(*april, "--count", "4", "--json").expect().json()
    assert [tick["local"][:16] for tick in found] == [
        "2026-04-24T17:00",
        "2026-05-22T17:00",
        "2026-06-25T17:00",
        "2026-08-25T17:00",
    ]
    assert "excluded" not in found[0]
    found = onbeat(*april, "--count", "4", "--json", "--excluded").expect().json()
    assert [tick["excluded"] for tick in found] == [None, None, None, "excluded by crontab * * * 7 *"]
    table = (
        onbeat("next", "report", "--from", "2026-12-23", "--until", "2026-12-25", "--excluded").expect().out
    )
    assert table.count("excluded by crontab * 0-5 * * *") == 1
    assert table.count("excluded by calendar closed: Heiligabend") == 2
    none = onbeat("next", "payroll", "--from", "2026-07-01", "--until", "2026-07-31").expect().err
    assert none == "No tick in that time. --excluded shows those that are excluded.\n"


def test_next_shows_an_intervals_ticks_on_the_clock_of_its_calendars(onbeat: Onbeat) -> None:
    found = onbeat("next", "report", "--from", "2026-12-23", "--count", "1", "--json").expect().json()
    assert found[0]["local"] == "2026-12-23T13:00:00.000+01:00"


def test_explain_says_on_which_days_it_does_not_run_or_moves(onbeat: Onbeat) -> None:
    words = onbeat("explain", "payroll", "--json").expect().json()["words"]
    assert "Days are those of Europe/Berlin." in words
    assert "It does not run at times that * * * 7 * matches." in words
    (moves,) = [sentence for sentence in words if "moves to the nearest day before that is none" in sentence]
    assert moves.startswith("A tick on a day of calendar de (next: 20")
    assert any(
        sentence.startswith("The days of calendar de are known up to the end of 20") for sentence in words
    )
    words = onbeat("explain", "report", "--json").expect().json()["words"]
    (skips,) = [sentence for sentence in words if "calendar closed" in sentence]
    assert skips.startswith("It does not run on days of calendar closed (next: 20")
    assert skips.endswith("-12-24 Heiligabend).")
