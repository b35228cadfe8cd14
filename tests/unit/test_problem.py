"""How a problem is shown: its place, its line, its carets."""

import pytest

from scheduler.problem import Problem


def problem(source: str | None, column: int | None = 1, length: int = 1) -> Problem:
    return Problem(
        file="schedules.toml",
        line=12,
        column=column,
        length=length,
        code="value",
        message="it is wrong",
        source_line=source,
    )


def test_the_line_is_shown_with_carets_below_the_very_characters() -> None:
    assert problem('crontab = "75 * * * *"', 12, 2).text() == (
        "schedules.toml:12:12: it is wrong\n"
        '   12 | crontab = "75 * * * *"\n'
        "      |            ^^"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("source", "column", "length", "shown", "carets"),
    [
        ("\t\tx = 1", 3, 1, "\t\tx = 1", "\t\t^"),
        ('x = "日本"  # y', 5, 4, 'x = "日本"  # y', "    ^^^^^^"),
        ('x = "e\u0301y"', 8, 1, 'x = "e\u0301y"', "      ^"),
        ("x = \x1b[31m", 1, 1, "x = \ufffd[31m", "^"),
        ("x = 1", 6, 1, "x = 1", "     ^"),
        ("x = 1", 3, 99, "x = 1", "  ^^^"),
    ],
)
def test_carets_stand_right_whatever_the_line_holds(
    source: str, column: int, length: int, shown: str, carets: str
) -> None:
    excerpt = problem(source, column, length).excerpt()
    assert excerpt == f"   12 | {shown}\n      | {carets}"


def test_of_a_very_long_line_the_part_around_the_problem_is_shown() -> None:
    excerpt = problem("a" * 5_000 + "b" + "c" * 5_000, 5_001).excerpt()
    assert excerpt is not None
    source, carets = excerpt.splitlines()
    assert len(source) < 200
    assert source[carets.index("^")] == "b"


def test_a_problem_of_the_whole_file_shows_no_line() -> None:
    whole = Problem(file="schedules.toml", code="file", message="no such file")
    assert whole.text() == "schedules.toml: no such file"


def test_a_warning_says_so() -> None:
    warning = Problem(file="a.toml", line=1, column=2, severity="warning", code="lint", message="odd")
    assert warning.text() == "a.toml:1:2: warning: odd"


def test_a_lint_names_itself_for_an_entry_may_allow_it() -> None:
    lint = Problem(file="a.toml", line=1, column=2, severity="error", code="no-timeout", message="odd")
    assert lint.text() == "a.toml:1:2: odd [no-timeout]"


def test_the_json_fields_are_those_of_the_interface() -> None:
    assert problem("x").to_json() == {
        "file": "schedules.toml",
        "line": 12,
        "column": 1,
        "severity": "error",
        "code": "value",
        "message": "it is wrong",
        "entry": None,
    }
