"""A few figures of this machine in a SQLite database: work that needs nothing but the machine."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from scheduler import job

TABLE = """
CREATE TABLE IF NOT EXISTS sample (
    taken_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')),
    load REAL NOT NULL,
    disk_free_bytes INTEGER NOT NULL
)
"""


@job(timeout="30s")
def sample(database: str, keep: int = 10_000) -> dict[str, float]:
    """Note the load average of the last minute and the free bytes of the disk; keep the last `keep` notes."""
    path = Path(database)
    path.parent.mkdir(parents=True, exist_ok=True)
    load = os.getloadavg()[0]
    free = shutil.disk_usage(path.parent).free
    with closing(sqlite3.connect(path, timeout=20)) as connection, connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(TABLE)
        connection.execute("INSERT INTO sample (load, disk_free_bytes) VALUES (?, ?)", (load, free))
        connection.execute(
            "DELETE FROM sample WHERE rowid <= (SELECT max(rowid) FROM sample) - ?",
            (keep,),
        )
    return {"load": round(load, 2), "disk_free_bytes": free}
