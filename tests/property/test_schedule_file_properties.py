"""No file breaks the reading of files: bytes by chance, and good files with parts changed by chance."""

import tempfile
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from scheduler.entry_keys import CHECKS
from scheduler.job_arguments import argument_problems
from scheduler.reading.schedule_file import ScheduleFile, read_schedules
from tests.support.schedule_files import FULL

PIECES = [
    *(f"{key} = " for key in CHECKS),
    "[defaults]\n", "[schedules.a]\n", "[schedules]\n", "[[schedules.a]]\n", "[schedules.a.b]\n",
    "schedules.a.retry.",
    "'", '"', '"""', "'''", "[", "]", "{", "}", "=", ".", ",", "\n", "\r\n", "#", "\t", "\x00", "\ufeff", "é", "日",
    "\ud7ff",
    "1", "-1", "1e400", "nan", "inf", "true", "0x10", "2026-01-01", "2026-13-45", "07:32:00", "9" * 30,
    '"${A}"', '"${"', '"${A:-5m}"', '"5m"', '"* * * * *"', '"75 * * * *"', '"0 0 30 2 *"', '"Europe/Berlin"',
    "2026-01-01T00:00:00Z", "9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00", "[2026-01-01T00:00:00Z]",
    '"H(0-9)/2 H L * *"', '"0 0 15W,LW,L-3 * 5#3"', '"0 0 H(30-31) 2 *"', '"* * * * * *"',
    '"\\u0035"',
    "{ max_attempts = 0 }", "{ on = [1] }", "[[[[]]]]", "{ a = { b = {} } }",
]  # fmt: skip


def read(content: bytes) -> ScheduleFile:
    with tempfile.NamedTemporaryFile(suffix=".toml") as file:
        file.write(content)
        file.flush()
        return read_schedules(Path(file.name), catalogue=None, environ={})


def is_sound(file: ScheduleFile) -> None:
    """Every problem can be shown, and stands in the file; what is read can be stored."""
    for problem in file.problems:
        assert problem.message
        assert problem.text()
        if problem.line is not None and problem.column is not None:
            assert problem.line >= 1
            assert 1 <= problem.column <= len(problem.source_line or "") + 1
    for entry in file.entries.values():
        assert entry.to_json()


@given(st.binary(max_size=300))
@example(b"\xff")
@example(b"\xef\xbb\xbf")
@example(b'a = "\\ud800"')
def test_bytes_by_chance_are_read_or_refused(content: bytes) -> None:
    is_sound(read(content))


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)), max_size=30))
def test_pieces_of_toml_by_chance_are_read_or_refused(pieces: list[str]) -> None:
    is_sound(read("".join(pieces).encode(errors="surrogatepass")))


@given(st.integers(0, len(FULL)), st.integers(0, 30), st.sampled_from(PIECES))
def test_a_good_file_with_a_part_changed_by_chance_is_read_or_refused(
    start: int, length: int, piece: str
) -> None:
    is_sound(read((FULL[:start] + piece + FULL[start + length :]).encode(errors="surrogatepass")))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def takes_much(number: int, text: str = "", *rest: float, items: list[dict[str, int]] | None = None) -> None:
    """Be a job with some of everything."""


@given(
    st.lists(json_values, max_size=4),
    st.dictionaries(st.sampled_from(["number", "text", "items", "x"]), json_values),
)
def test_any_json_fits_a_job_or_is_refused(args: list[object], kwargs: dict[str, object]) -> None:
    for problem in argument_problems(takes_much, args, kwargs):
        assert problem.message
        assert problem.path[0] in {"args", "kwargs"}
