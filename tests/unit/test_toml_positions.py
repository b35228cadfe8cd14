"""Where the keys and values of a TOML text stand."""

import pytest

from scheduler.reading.toml_positions import Span, TomlPositions

TEXT = '''\
top.inner = "x"  # a comment
[schedules."my job"]
crontab = "75 * * * *"
kwargs = { a = 1, b.c = [
  1, # one
  "二", { z = 3 },
] }
text = """
several
lines"""
[[list]]
k = 1
[list.below]
d = 1
[[list]]
k = 'raw'
'''

KEYS = {
    ("top",): Span(1, 1, 3),
    ("top", "inner"): Span(1, 5, 5),
    ("schedules",): Span(2, 2, 9),
    ("schedules", "my job"): Span(2, 12, 8),
    ("schedules", "my job", "kwargs", "b", "c"): Span(4, 21, 1),
    ("schedules", "my job", "kwargs", "b", "c", 2, "z"): Span(6, 10, 1),
    ("list", 0, "below", "d"): Span(14, 1, 1),
    ("list", 1, "k"): Span(16, 1, 1),
}

VALUES = {
    ("top", "inner"): Span(1, 13, 3),
    ("schedules", "my job", "crontab"): Span(3, 11, 12),
    ("schedules", "my job", "kwargs", "b", "c", 0): Span(5, 3, 1),
    ("schedules", "my job", "kwargs", "b", "c", 1): Span(6, 3, 3),
    ("schedules", "my job", "text"): Span(8, 8, 3),
    ("list", 1, "k"): Span(16, 5, 5),
}


@pytest.fixture(scope="module")
def positions() -> TomlPositions:
    return TomlPositions(TEXT)


@pytest.mark.parametrize(("path", "span"), KEYS.items())
def test_keys_are_found(positions: TomlPositions, path: tuple[str | int, ...], span: Span) -> None:
    assert positions.key(path) == span


@pytest.mark.parametrize(("path", "span"), VALUES.items())
def test_values_are_found(positions: TomlPositions, path: tuple[str | int, ...], span: Span) -> None:
    assert positions.value(path) == span


def test_what_has_no_place_of_its_own_stands_where_it_would_belong(positions: TomlPositions) -> None:
    assert positions.key(("schedules", "my job", "job")) == Span(2, 12, 8)
    assert positions.key(("nowhere",)) is None
    assert not positions.has(("schedules", "my job", "job"))


def test_characters_within_a_string_are_found_where_it_is_written_as_it_is(positions: TomlPositions) -> None:
    crontab = ("schedules", "my job", "crontab")
    assert positions.within(crontab, "75 * * * *", 0, 2) == Span(3, 12, 2)
    assert positions.within(("schedules", "my job", "text"), "several\nlines", 0, 2) == Span(8, 8, 3)
    assert positions.within(crontab, "another value", 0, 2) == Span(3, 11, 12)


def test_a_second_declaration_is_found_with_its_first() -> None:
    twice = TomlPositions("[a]\nx = 1\n[b]\n[a]\n[c]\ny = 1\ny = 2\n").twice
    assert [(each.path, each.first.line, each.second.line) for each in twice] == [
        (("a",), 1, 4),
        (("c", "y"), 6, 7),
    ]


def test_lines_may_end_as_on_windows() -> None:
    positions = TomlPositions('a = 1\r\nb = "x"\r\n')
    assert positions.source_line(2) == 'b = "x"'
    assert positions.value(("b",)) == Span(2, 5, 3)
