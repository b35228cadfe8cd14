"""The chart of a load, in characters."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from scheduler.cli.chart import chart

START = datetime(2026, 10, 24, 22, tzinfo=UTC)  # midnight in Berlin, on the day when an hour comes twice
BERLIN = ZoneInfo("Europe/Berlin")


def lines(by_minute: list[int], zone: ZoneInfo = BERLIN, encoding: str = "utf-8") -> list[str]:
    return list(chart(by_minute, START, zone, encoding))


def test_a_day_has_a_row_for_each_hour_and_a_character_for_each_minute() -> None:
    assert lines([3, 1, *[0] * 58, 16, 8, *[0] * 58]) == [
        "Ticks per minute  (· none, ▁ 1-2, █ 15-16)",
        "           :00       :10       :20       :30       :40       :50         ticks",
        "Sun 00:00  ▂▁··························································      4",
        "    01:00  █▄··························································     24",
    ]


def test_an_hour_that_comes_twice_has_two_rows_and_what_is_outside_is_blank() -> None:
    found = lines([0] * (4 * 60 - 1))
    assert [line[:9].strip() for line in found[2:]] == ["Sun 00:00", "01:00", "02:00", "02:00"]
    assert found[-1][11:71] == "·" * 59 + " "
    assert found[0] == "Ticks per minute"


def test_more_than_two_days_have_a_row_each_and_the_hours_together() -> None:
    found = lines(([1] + [0] * 59) * 24 * 3)
    assert [line[:10] for line in found[2:5]] == ["Sun 25 Oct", "Mon 26 Oct", "Tue 27 Oct"]
    assert found[2] == "Sun 25 Oct  " + "▁·" * 2 + "▂·" + "▁·" * 21 + "     25"
    assert found[-1] == "  █" + "·" * 59 + "     72"


def test_every_line_fits_into_80_columns() -> None:
    for days in (1, 2, 3, 35):
        assert max(map(len, lines([900] * days * 1440))) <= 80


def test_a_terminal_without_bars_gets_figures() -> None:
    found = lines([0, 1, 2, 9], encoding="ascii")
    assert found[0] == "Ticks per minute  (. none, 1 1, 9 9)"
    assert found[2][11:15] == ".129"
