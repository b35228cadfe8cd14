"""Backups that were read back before they count."""

import fcntl
import gzip
import os
import re
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog

from scheduler import Skip, job

log = structlog.get_logger()
PAGES_AT_A_TIME = 1024
BUSY_S = 30
TABLES = """
SELECT name FROM sqlite_master
WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' AND sql NOT LIKE 'CREATE VIRTUAL%'
ORDER BY name
"""
COUNT = "SELECT count(*) FROM {}"
_WORK = ".onbeat-backup-"


class BackupInvalid(Exception):
    """The backup that was made is not as its source; it was thrown away."""


@job(timeout="1h")
def sqlite(source: str, target_dir: str, keep: int = 7) -> dict[str, Any]:
    """Back up the SQLite database `source` while it is used; keep the last `keep` backups in `target_dir`.

    A backup is `NAME-20261121T020000.000Z.sqlite.gz`; `gunzip` makes a database of it. Two databases of one
    name need two folders. In order:

    1. Copy by SQLite's online backup, in one read transaction with a count of every table's rows: the copy
       is one moment of the database. With WAL nobody waits; without it writers wait until the copy is made.
    2. Compress, and bring it to the disk (fsync).
    3. Read back what was written: PRAGMA integrity_check must say "ok", and every table must have as many
       rows as it had in the source. Only then rename it: there is never half a backup of that name.
    4. Remove the oldest of more than `keep`.

    Raises FileNotFoundError without a source; ValueError for a `keep` below 1; Skip while another backup into
    `target_dir` is made; BackupInvalid; sqlite3.Error.
    """
    if keep < 1:
        raise ValueError(f"keep is {keep}: at least one backup must stay, the one just made")
    database, target = Path(source), Path(target_dir)
    if not database.is_file():
        raise FileNotFoundError(f"there is no database {source}")
    target.mkdir(parents=True, exist_ok=True)
    with workplace(target) as folder:
        copy, packed = folder / "copy", folder / "packed"
        rows = copied(database, copy)
        compress(copy, packed)
        verify(packed, folder / "read-back", rows)
        backup = target / backup_name(database.stem, datetime.now(UTC))
        shutil.copymode(database, packed)
        packed.replace(backup)
    sync_directory(target)
    removed = outdated((path.name for path in target.iterdir()), database.stem, keep)
    for name in removed:
        (target / name).unlink()
    log.info("backed up", file=str(backup), tables=len(rows), rows=sum(rows.values()), removed=len(removed))
    return {
        "file": str(backup),
        "bytes": backup.stat().st_size,
        "source_bytes": database.stat().st_size,
        "rows": sum(rows.values()),
        "removed": len(removed),
    }


@contextmanager
def workplace(target: Path) -> Iterator[Path]:
    """A folder in `target` for what is not finished. Raises Skip where another process has one there.

    What a backup left that was killed in the midst, a whole copy maybe, is removed: the lock ended with it.
    """
    with (target / f"{_WORK}lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Skip(f"another backup into {target} is being made") from error
        for left in target.glob(f"{_WORK}*/"):
            log.warning("removed what an interrupted backup had left", folder=str(left))
            shutil.rmtree(left)
        with TemporaryDirectory(prefix=_WORK, dir=target) as folder:
            yield Path(folder)


def backup_name(stem: str, now: datetime) -> str:
    """The file name of a backup made `now`; names sort by their time."""
    return f"{stem}-{now:%Y%m%dT%H%M%S}.{now.microsecond // 1000:03}Z.sqlite.gz"


def outdated(names: Iterable[str], stem: str, keep: int) -> list[str]:
    """Those of `names` that are backups of `stem`, but not among its last `keep`."""
    form = re.compile(re.escape(stem) + r"-\d{8}T\d{6}\.\d{3}Z\.sqlite\.gz")
    return sorted(name for name in names if form.fullmatch(name))[:-keep]


def copied(database: Path, copy: Path) -> dict[str, int]:
    """Copy `database`; the number of rows of each of its tables at that moment."""
    # rw, not ro: after a crash the journal has to be rolled back before anybody can read.
    uri = f"{database.absolute().as_uri()}?mode=rw"
    with (
        closing(sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None)) as source,
        closing(sqlite3.connect(copy, isolation_level=None)) as target,
    ):
        source.execute("BEGIN")
        rows = row_counts(source)
        # In steps, so that a time-out can end it between two of them.
        source.backup(target, pages=PAGES_AT_A_TIME)
        source.execute("ROLLBACK")
        # A copy in WAL mode would be a database of three files.
        target.execute("PRAGMA journal_mode = DELETE")
    return rows


def row_counts(connection: sqlite3.Connection) -> dict[str, int]:
    """The rows of each table but SQLite's own; those of virtual tables are in other tables, which are counted."""
    tables = connection.execute(TABLES).fetchall()
    return {name: connection.execute(COUNT.format(quoted(name))).fetchone()[0] for (name,) in tables}


def quoted(name: str) -> str:
    """An SQL identifier (https://www.sqlite.org/lang_keywords.html)."""
    return '"' + name.replace('"', '""') + '"'


def compress(copy: Path, packed: Path) -> None:
    """gzip: every machine on which a backup is needed one day can read it."""
    with packed.open("wb") as file:
        with (
            copy.open("rb") as plain,
            gzip.GzipFile(fileobj=file, mode="wb", compresslevel=6, mtime=0) as zipped,
        ):
            shutil.copyfileobj(plain, zipped)
        file.flush()
        os.fsync(file.fileno())


def verify(packed: Path, read_back: Path, rows: dict[str, int]) -> None:
    """Read the backup as one will who needs it. Raises BackupInvalid."""
    with gzip.open(packed, "rb") as zipped, read_back.open("wb") as plain:
        shutil.copyfileobj(zipped, plain)
    try:
        with closing(sqlite3.connect(read_back)) as connection:
            (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            found = row_counts(connection)
    except sqlite3.DatabaseError as error:
        raise BackupInvalid(f"the backup can't be read: {error}") from error
    if verdict != "ok":
        raise BackupInvalid(f"the backup is damaged, probably as its source is: {verdict}")
    if found != rows:
        different = sorted(name for name in found.keys() | rows.keys() if found.get(name) != rows.get(name))
        raise BackupInvalid(f"the backup has other rows than its source in: {', '.join(different)}")


def sync_directory(directory: Path) -> None:
    """Bring a rename to the disk (fsync(2): the file's own does not)."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
