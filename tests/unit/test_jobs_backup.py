"""jobs.backup.sqlite: the pure parts, and each way in which a backup is refused."""

import gzip
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jobs import backup
from jobs.backup import BackupInvalid, backup_name, outdated, sqlite, workplace
from scheduler import Skip

LOCK = ".onbeat-backup-lock"


def database(path: Path, rows: int = 3) -> Path:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute('CREATE TABLE "odd ""name" (n INTEGER PRIMARY KEY AUTOINCREMENT)')
        connection.executemany('INSERT INTO "odd ""name" VALUES (?)', [(n,) for n in range(rows)])
    return path


def test_a_name_tells_the_time_and_sorts_by_it() -> None:
    early = backup_name("app", datetime(2026, 11, 21, 2, 0, 0, 5_000, tzinfo=UTC))
    late = backup_name("app", datetime(2026, 11, 21, 2, 0, 0, 999_999, tzinfo=UTC))

    assert early == "app-20261121T020000.005Z.sqlite.gz"
    assert early < late


def test_rotation_knows_its_own_files_and_no_others() -> None:
    mine = [f"app-2026112{n}T020000.000Z.sqlite.gz" for n in range(5)]
    others = [
        "app-2-20261120T020000.000Z.sqlite.gz",
        "app-20261120T020000.000Z.sqlite.gz.part",
        "app.sqlite",
        "notes.txt",
    ]

    assert outdated([*others, *reversed(mine)], "app", keep=2) == mine[:3]
    assert outdated(mine, "app", keep=5) == []


def test_a_backup_is_a_database_with_the_same_rows(tmp_path: Path) -> None:
    source = database(tmp_path / "app.db")
    source.chmod(0o640)

    result = sqlite(str(source), str(tmp_path / "backups"))

    made = Path(result["file"])
    assert made.parent == tmp_path / "backups"
    assert made.stat().st_mode & 0o777 == 0o640
    assert result["bytes"] == made.stat().st_size < result["source_bytes"]
    restored = tmp_path / "restored"
    restored.write_bytes(gzip.decompress(made.read_bytes()))
    with closing(sqlite3.connect(restored)) as connection:
        assert connection.execute('SELECT n FROM "odd ""name"').fetchall() == [(0,), (1,), (2,)]


def test_the_last_are_kept_and_nothing_else_is_left(tmp_path: Path) -> None:
    source, target = database(tmp_path / "app.db"), tmp_path / "backups"
    target.mkdir()
    (target / "app-20200101T000000.000Z.sqlite.gz").touch()
    (target / "mine.txt").touch()

    first = sqlite(str(source), str(target), keep=2)
    second = sqlite(str(source), str(target), keep=2)

    assert (first["removed"], second["removed"]) == (0, 1)
    assert {path.name for path in target.iterdir()} == {
        LOCK,
        "mine.txt",
        Path(first["file"]).name,
        Path(second["file"]).name,
    }


def test_a_damaged_source_makes_no_backup(tmp_path: Path) -> None:
    source = database(tmp_path / "app.db", rows=5000)
    with source.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xff" * 2000)

    with pytest.raises((BackupInvalid, sqlite3.DatabaseError), match=r"malformed|damaged"):
        sqlite(str(source), str(tmp_path / "backups"))
    assert [path.name for path in (tmp_path / "backups").iterdir()] == [LOCK]


def test_a_damaged_index_is_found_by_the_check(tmp_path: Path) -> None:
    """Counting the rows does not see it: integrity_check does."""
    source = tmp_path / "app.db"
    with closing(sqlite3.connect(source)) as connection, connection:
        connection.execute("CREATE TABLE t (a, b)")
        connection.execute("INSERT INTO t VALUES (1, 2)")
        connection.execute("CREATE INDEX i ON t (b)")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = 'CREATE INDEX i ON t (a)' WHERE name = 'i'")

    with pytest.raises(BackupInvalid, match=r"^the backup is damaged, probably as its source is: "):
        sqlite(str(source), str(tmp_path / "backups"))
    assert [path.name for path in (tmp_path / "backups").iterdir()] == [LOCK]


def test_rows_that_got_lost_on_the_way_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = database(tmp_path / "app.db")
    pack = backup.compress

    def lossy(copy: Path, packed: Path) -> None:
        with closing(sqlite3.connect(copy)) as connection, connection:
            connection.execute('DELETE FROM "odd ""name" WHERE n = 0')
        pack(copy, packed)

    monkeypatch.setattr(backup, "compress", lossy)

    with pytest.raises(BackupInvalid, match=r'^the backup has other rows than its source in: odd "name$'):
        sqlite(str(source), str(tmp_path / "backups"))


def test_what_was_written_badly_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = database(tmp_path / "app.db")

    def other(copy: Path, packed: Path) -> None:
        assert copy.exists()
        packed.write_bytes(gzip.compress(b"not a database at all" * 100))

    monkeypatch.setattr(backup, "compress", other)

    with pytest.raises(BackupInvalid, match=r"^the backup can't be read: file is not a database$"):
        sqlite(str(source), str(tmp_path / "backups"))


def test_what_a_killed_backup_left_is_removed(tmp_path: Path) -> None:
    source, target = database(tmp_path / "app.db"), tmp_path / "backups"
    left = target / ".onbeat-backup-x7"
    left.mkdir(parents=True)
    (left / "copy").write_bytes(b"x" * 1000)

    made = sqlite(str(source), str(target))

    assert {path.name for path in target.iterdir()} == {LOCK, Path(made["file"]).name}


def test_one_backup_into_a_folder_at_a_time(tmp_path: Path) -> None:
    source, target = database(tmp_path / "app.db"), tmp_path / "backups"
    target.mkdir()

    with (
        workplace(target) as busy,
        pytest.raises(Skip, match=r"^another backup into .*backups is being made$"),
    ):
        sqlite(str(source), str(target))
    assert not busy.exists()
    assert sqlite(str(source), str(target))["rows"] == 3


def test_a_missing_source_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"^there is no database .*/none\.db$"):
        sqlite(str(tmp_path / "none.db"), str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_keeping_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="keep is 0: at least one backup must stay"):
        sqlite(str(database(tmp_path / "app.db")), str(tmp_path), keep=0)
