"""What ran lately, for people who would rather read a page than run commands."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from jobs.digest import digest
from scheduler import job
from scheduler.job import active_run
from scheduler.settings import load_settings
from scheduler.store import open_store

log = structlog.get_logger()
MOST_RUNS = 50_000


@job(timeout="5m")
def daily(target: str = "onbeat-report.md", hours: float = 24) -> dict[str, Any]:
    """Write a Markdown digest of the runs of the last `hours` to `target`: counts, failures, slowest, lateness.

    It leaves out the run that writes it, and tells of those that are still on record: an entry that runs every
    few seconds keeps its last 100 unless its `keep_runs` says otherwise. A reader of `target` never sees half a
    report.

    Raises ValueError for no hours, Unreachable without a store.
    """
    if hours <= 0:
        raise ValueError(f"hours is {hours:g}: there would be nothing to tell")
    now = datetime.now(UTC)
    mine = active_run()
    store = open_store(load_settings())
    try:
        # "" stands for the runs that belong to no entry.
        names = ["", *store.entries.names()]
        runs = store.runs.recent(names, since=now - timedelta(hours=hours), limit=MOST_RUNS)
    finally:
        store.close()
    runs = [run for run in runs if mine is None or run.run_id != mine.run_id]
    path = Path(target)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.new")
    unfinished.write_text(digest(runs, now, hours), encoding="utf-8")
    unfinished.replace(path)
    log.info("reported", file=str(path), runs=len(runs))
    return {"file": str(path), "runs": len(runs)}
