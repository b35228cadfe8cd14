"""A backup of a database that another process writes to all the while."""

import gzip
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from jobs.backup import sqlite
from jobs.machine import sample
from tests.support.children import kill_all, launch, new_mark
from tests.support.process import clean_environ
from tests.support.waiting import eventually

# Two tables that always have as many rows as each other: a copy of a moment in between would show it.
WRITER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
connection.execute(f"PRAGMA journal_mode = {sys.argv[2]}")
connection.execute("PRAGMA synchronous = OFF")
connection.execute("CREATE TABLE a (x)"); connection.execute("CREATE TABLE b (x)")
while True:
    connection.execute("BEGIN IMMEDIATE")
    for table in "ab":
        connection.executemany(f"INSERT INTO {table} VALUES (?)", [("x" * 200,)] * 20)
    connection.execute("COMMIT")
"""


def rows(path: Path) -> tuple[int, int]:
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        found: tuple[int, int] = connection.execute(
            "SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b)"
        ).fetchone()
        return found


@contextmanager
def written_to(path: Path, journal_mode: str) -> Iterator[None]:
    """The database while a process writes to it."""
    mark = new_mark()
    with launch(
        [sys.executable, "-c", WRITER, str(path), journal_mode],
        mark=mark,
        environ=clean_environ(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ):
        try:
            eventually(lambda: path.exists() and path.stat().st_size > 200_000, 20)
            yield
        finally:
            kill_all(mark)


@pytest.mark.parametrize("journal_mode", ["WAL", "DELETE"])
def test_a_backup_is_one_moment_of_a_busy_database(tmp_path: Path, journal_mode: str) -> None:
    source, restored = tmp_path / "busy.db", tmp_path / "restored.db"
    with written_to(source, journal_mode):
        results = [sqlite(str(source), str(tmp_path / "backups"), keep=2) for _ in range(3)]
        before = rows(source)
        eventually(lambda: rows(source) > before, 10, what="the writer to write on")

    assert [result["removed"] for result in results] == [0, 0, 1]
    restored.write_bytes(gzip.decompress(Path(results[-1]["file"]).read_bytes()))
    in_a, in_b = rows(restored)
    assert in_a == in_b > 0
    assert in_a + in_b == results[-1]["rows"]


def test_a_backup_of_a_database_whose_writer_was_killed(tmp_path: Path) -> None:
    """What it had not committed is rolled back, or is in the journal: the backup has whole transactions."""
    source, restored = tmp_path / "killed.db", tmp_path / "restored.db"
    with written_to(source, "DELETE"):
        pass

    result = sqlite(str(source), str(tmp_path / "backups"))

    restored.write_bytes(gzip.decompress(Path(result["file"]).read_bytes()))
    in_a, in_b = rows(restored)
    assert in_a == in_b > 0


def test_the_samples_of_this_machine_can_be_backed_up(tmp_path: Path) -> None:
    source = tmp_path / "new" / "machine.db"
    for _ in range(4):
        sample(str(source), keep=3)

    assert sqlite(str(source), str(tmp_path / "backups"))["rows"] == 3
