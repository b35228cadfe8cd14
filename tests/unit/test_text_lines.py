"""Pieces of text become the lines that a terminal would show."""

import threading

import pytest

from scheduler.log_setup.json_lines import TEXT_LIMIT
from scheduler.log_setup.text_lines import LineSplitter, LineStream, Stream


@pytest.mark.parametrize(
    ("pieces", "lines", "rest"),
    [
        (["a\nb\n"], ["a", "b"], None),
        (["a", "b", "\n", "c"], ["ab"], "c"),
        (["\n\n"], ["", ""], None),
        (["dos\r\n"], ["dos"], None),
        (["dos\r", "\nnext"], ["dos"], "next"),
        (["10%\r20%\r100%\n"], ["100%"], None),
        (["10%\r", "20%\r"], [], "20%"),
        (["10%", "\r", "20%", "\n"], ["20%"], None),
        ([""], [], None),
    ],
    ids=repr,
)
def test_text_is_split_into_lines(pieces: list[str], lines: list[str], rest: str | None) -> None:
    splitter = LineSplitter()
    assert [line for piece in pieces for line in splitter.lines(piece)] == lines
    assert splitter.rest() == rest
    assert splitter.rest() is None


def test_a_line_without_end_costs_bounded_memory_and_tells_what_is_missing() -> None:
    splitter = LineSplitter()
    for _ in range(10):
        assert splitter.lines("x" * TEXT_LIMIT) == []
    assert splitter.lines("\nnext\n") == [
        "x" * TEXT_LIMIT + f"… [cut: {9 * TEXT_LIMIT} more characters]",
        "next",
    ]


def test_a_line_that_waits_long_for_its_end_is_shown_as_it_stands() -> None:
    splitter = LineSplitter()
    splitter.lines("working")
    assert splitter.overdue() is None
    splitter.lines("...")
    assert [splitter.overdue() for _ in range(3)] == [None, "working...", None]
    assert splitter.lines("done\n") == ["done"]


def test_a_progress_bar_that_is_drawn_anew_waits_longer() -> None:
    splitter = LineSplitter()
    splitter.lines("10%\r20%")
    assert [splitter.overdue() for _ in range(11)] == [None] * 10 + ["20%"]


@pytest.fixture
def taken() -> list[tuple[str, Stream]]:
    return []


@pytest.fixture
def stream(taken: list[tuple[str, Stream]]) -> LineStream:
    return LineStream("stdout", lambda lines, stream: taken.extend((line, stream) for line in lines))


def test_prints_become_lines(stream: LineStream, taken: list[tuple[str, Stream]]) -> None:
    print("one", 2, file=stream)
    print("three", end="", file=stream)
    assert taken == [("one 2", "stdout")]
    stream.end_lines(of_all_threads=True)
    assert taken == [("one 2", "stdout"), ("three", "stdout")]


def test_bytes_become_lines_too(stream: LineStream, taken: list[tuple[str, Stream]]) -> None:
    assert stream.buffer.write(b"caf\xc3\xa9\n\xff\n") == 8
    stream.buffer.flush()
    assert taken == [("café", "stdout"), ("\\xff", "stdout")]


def test_threads_do_not_mix_their_lines(stream: LineStream, taken: list[tuple[str, Stream]]) -> None:
    stream.write("mine ")
    thread = threading.Thread(target=stream.write, args=("theirs ",))
    thread.start()
    thread.join()
    stream.write("alone\n")
    stream.end_lines(of_all_threads=False)
    assert [line for line, _ in taken] == ["mine alone", "theirs "]


def test_it_is_a_text_stream_that_cannot_be_closed(
    stream: LineStream, taken: list[tuple[str, Stream]]
) -> None:
    stream.close()
    stream.buffer.close()
    print("still here", file=stream, flush=True)
    assert taken == [("still here", "stdout")]
    assert (stream.fileno(), stream.isatty(), stream.writable(), stream.encoding) == (1, False, True, "utf-8")
    with pytest.raises(TypeError, match="must be str, not bytes"):
        stream.write(b"x")  # type: ignore[arg-type]


def test_after_a_fork_the_parents_half_line_is_forgotten(
    stream: LineStream, taken: list[tuple[str, Stream]]
) -> None:
    stream.write("the parent's")
    stream.forget()
    stream.end_lines(of_all_threads=True)
    assert taken == []


def test_what_a_hanging_job_printed_last_is_shown(
    stream: LineStream, taken: list[tuple[str, Stream]]
) -> None:
    stream.write("connecting")
    stream.take_overdue()
    assert taken == []
    stream.take_overdue()
    assert taken == [("connecting", "stdout")]
