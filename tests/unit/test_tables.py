"""Tables: plain when piped, fitted to the terminal otherwise; and how log lines look."""

from datetime import UTC, datetime, timedelta

import click
import pytest

from scheduler.cli.appearance import duration_cell, id_cell, moment_cell, state_cell
from scheduler.cli.colour import colour_choice
from scheduler.cli.logs import line_text
from scheduler.cli.tables import Cell, Column, narrow, print_facts, print_table
from scheduler.run import RunState

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
COLUMNS = [Column("run"), Column("late", "right", drop=1), Column("note", flexible=True)]
ROWS: list[list[str | Cell]] = [
    [Cell("aaaaaaaa", plain="aaaaaaaa-1111"), "3s", Cell("a note of more than thirty characters", "red")],
    ["b", Cell(""), "short"],
]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """As on a terminal of 80 columns, without colours."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    return monkeypatch


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return click.unstyle(capsys.readouterr().out).splitlines()


def test_a_piped_table_has_every_character_and_no_colour(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(COLUMNS, ROWS)
    assert capsys.readouterr().out == (
        "RUN            LATE  NOTE\n"
        "aaaaaaaa-1111  3s    a note of more than thirty characters\n"
        "b              -     short\n"
    )


def test_on_a_terminal_numbers_stand_right(
    terminal: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    print_table(COLUMNS, ROWS)
    assert printed(capsys) == [
        "run       late  note",
        "aaaaaaaa    3s  a note of more than thirty characters",
        "b            -  short",
    ]


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (40, "aaaaaaaa    3s  a note of more than thi…"),
        (32, "aaaaaaaa  a note of more than t…"),
        (16, "aaaaaaaa  a not…"),
    ],
)
def test_on_a_narrow_terminal_columns_give_way_in_their_order(
    terminal: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int, line: str
) -> None:
    terminal.setenv("COLUMNS", str(width))
    print_table(COLUMNS, ROWS)
    assert printed(capsys)[1] == line


def test_a_column_without_content_is_left_out_on_a_terminal(
    terminal: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    print_table(COLUMNS, [["a", "", "x"], ["b", "", "y"]])
    assert printed(capsys) == ["run  note", "a    x", "b    y"]


def test_a_name_that_is_too_long_is_cut(
    terminal: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    print_table([Column("entry", most=6), Column("state")], [["a-very-long-name", "ok"]])
    assert printed(capsys)[1] == "a-ver…  ok"


def test_facts_without_a_value_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    print_facts([("entry", "hello"), ("owner", None), ("queue", Cell("default"))])
    assert capsys.readouterr().out == "entry  hello\nqueue  default\n"
    print_facts([("owner", None)])
    assert capsys.readouterr().out == ""


def test_a_terminal_is_narrow_below_a_hundred_columns(terminal: pytest.MonkeyPatch) -> None:
    assert narrow()
    terminal.setenv("COLUMNS", "100")
    assert not narrow()


@pytest.mark.parametrize("state", list(RunState))
def test_every_state_has_a_mark_on_a_terminal_and_is_a_plain_word_elsewhere(state: RunState) -> None:
    cell = state_cell(state)
    assert cell.plain == state.value
    assert cell.text == f"{cell.text[0]} {state.value}"
    assert cell.text[0] != "·"


def test_moments_are_relative_for_people_and_rfc_3339_for_programs(terminal: pytest.MonkeyPatch) -> None:
    terminal.setenv("TZ", "UTC")
    later = NOW + timedelta(minutes=2)
    assert moment_cell(later, NOW).text.endswith("(in 2m)")
    assert moment_cell(later, NOW, short=True).text == "in 2m"
    terminal.delenv("FORCE_COLOR")
    assert moment_cell(later, NOW).text == "2026-11-21T12:02:00.000Z"
    assert moment_cell(None, NOW).text == ""


def test_long_waits_are_loud() -> None:
    assert duration_cell(timedelta(seconds=9), loud_from=timedelta(seconds=5)) == Cell("9s", "yellow")
    assert duration_cell(timedelta(seconds=1), loud_from=timedelta(seconds=5)) == Cell("1s")
    assert duration_cell(None) == Cell("")


def test_an_id_is_short_for_people_and_whole_for_programs() -> None:
    assert id_cell("3f2a9c1d-0000") == Cell("3f2a9c1d", "dim", plain="3f2a9c1d-0000")


@pytest.mark.parametrize(
    ("environ", "choice"), [({}, None), ({"NO_COLOR": "1"}, False), ({"FORCE_COLOR": "1"}, True)]
)
def test_colours_follow_the_usual_variables(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], choice: bool | None
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert colour_choice() is choice


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ({"level": "info", "event": "run.log", "message": "copied", "pages": 3}, "copied  pages=3"),
        ({"level": "warning", "event": "run.log", "message": "locked"}, "warning  locked"),
        (
            {"level": "error", "event": "run.failed", "error": "OSError: full"},
            "error  run.failed  error=OSError: full",
        ),
        ({"event": "run.log", "message": "", "data": {"a": [1]}}, '  data={"a": [1]}'),
    ],
)
def test_a_log_line_shows_what_was_said_and_what_belongs_to_it(line: dict[str, object], text: str) -> None:
    assert click.unstyle(line_text(line)) == text


def test_a_log_line_begins_with_the_time_on_this_machines_clock() -> None:
    text = click.unstyle(line_text({"timestamp": "2026-11-21T12:00:00.250Z", "message": "x"}))
    local = datetime(2026, 11, 21, 12, 0, 0, 250_000, tzinfo=UTC).astimezone()
    assert text == f"{local:%H:%M:%S}.250  x"


ACTING = "a\x1b[2J\x1b[31mred\x1b]0;title\x07 \x07b"


def test_what_a_job_wrote_does_not_act_on_the_terminal(
    terminal: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    print_facts([("error", Cell(ACTING, "red")), ("note", ACTING)])
    print_table([Column("run"), Column("note", flexible=True)], [["b", Cell(ACTING)]])
    said = capsys.readouterr().out
    assert said.count("ared \ufffdb") == 3
    assert "\x1b[2J" not in said
    assert "title" not in said


def test_a_line_of_a_job_may_colour_itself_and_no_more() -> None:
    assert line_text({"message": ACTING}) == "a\x1b[31mred \ufffdb\x1b[0m"
