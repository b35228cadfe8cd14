"""Lines leave at once, one by one; those of a flood together, and none is lost or comes out of order."""

import os
from collections.abc import Iterator

import pytest

from scheduler.log_setup.line_writer import LineWriter


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    yield reader, writer
    os.close(reader)
    os.close(writer)


def pending(reader: int) -> bytes:
    try:
        return os.read(reader, 1 << 20)
    except BlockingIOError:
        return b""


def flooded(writer: LineWriter) -> int:
    """Write until a line waits; how many lines that took."""
    told: list[int] = []
    writer.flush_soon = lambda: told.append(1)
    for number in range(1, 100_000):
        writer.write(b"%d\n" % number, may_wait=True)
        if told:
            return number
    raise AssertionError("no line waited")


def test_a_line_leaves_before_write_returns(pipe: tuple[int, int]) -> None:
    reader, descriptor = pipe
    LineWriter(descriptor).write(b"one\n")
    assert pending(reader) == b"one\n"


def test_where_nobody_would_flush_nothing_waits(pipe: tuple[int, int]) -> None:
    reader, descriptor = pipe
    writer = LineWriter(descriptor)
    for _ in range(1_000):
        writer.write(b"x\n", may_wait=True)
    assert pending(reader) == b"x\n" * 1_000


def test_lines_of_a_flood_wait_for_each_other_and_are_asked_to_be_flushed_once(pipe: tuple[int, int]) -> None:
    reader, descriptor = pipe
    writer = LineWriter(descriptor)
    last = flooded(writer)
    assert pending(reader) == b"".join(b"%d\n" % number for number in range(1, last))
    writer.flush()
    assert pending(reader) == b"%d\n" % last


def test_a_line_that_may_not_wait_takes_those_before_it_along(pipe: tuple[int, int]) -> None:
    reader, descriptor = pipe
    writer = LineWriter(descriptor)
    last = flooded(writer)
    pending(reader)
    writer.write(b"the end\n")
    assert pending(reader) == b"%d\nthe end\n" % last


def test_a_forked_child_does_not_write_what_its_parent_had_waiting(pipe: tuple[int, int]) -> None:
    reader, descriptor = pipe
    writer = LineWriter(descriptor)
    flooded(writer)
    pending(reader)
    writer.after_fork_in_child()
    writer.flush()
    assert pending(reader) == b""
