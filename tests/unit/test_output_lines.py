from hypothesis import given
from hypothesis import strategies as st

from scheduler.builtin.output_lines import OutputLines


def test_a_line_is_given_out_when_its_newline_comes() -> None:
    lines = OutputLines()

    assert lines.feed(b"one\ntw") == ["one"]
    assert lines.feed(b"o\n") == ["two"]
    assert lines.close() == []


def test_a_last_line_without_newline_is_given_out_at_the_end() -> None:
    lines = OutputLines()

    assert lines.feed(b"password: ") == []
    assert lines.close() == ["password: "]


def test_windows_line_ends_and_empty_lines() -> None:
    assert OutputLines().feed(b"a\r\n\r\n\nb\n") == ["a", "", "", "b"]


def test_bytes_that_are_no_utf8_are_replaced() -> None:
    assert OutputLines().feed(b"gr\xfc\xdf\n") == ["gr��"]


def test_a_character_that_comes_in_two_halves_stays_whole() -> None:
    lines = OutputLines()

    assert lines.feed(b"\xe2\x82") == []
    assert lines.feed(b"\xac\n") == ["€"]


def test_a_long_line_is_cut_and_says_so_and_the_next_is_whole() -> None:
    lines = OutputLines(limit=4)

    assert lines.feed(b"abc") == []
    assert lines.feed(b"defgh\nnext\n") == ["abcd … (4 bytes cut)", "next"]


@given(st.lists(st.binary(max_size=40)))
def test_however_the_bytes_come_the_lines_are_the_same(chunks: list[bytes]) -> None:
    whole, pieces = OutputLines(limit=16), OutputLines(limit=16)

    expected = whole.feed(b"".join(chunks)) + whole.close()

    assert [line for chunk in chunks for line in pieces.feed(chunk)] + pieces.close() == expected
