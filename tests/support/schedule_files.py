"""schedules.toml files for tests: two jobs, a file with every key, and reading without a project."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from scheduler.job import JobDeclaration
from scheduler.job_catalogue import JobCatalogue
from scheduler.reading.schedule_file import ScheduleFile, read_schedules
from scheduler.retry import RetryPolicy


def nightly(region: str, limit: int = 100) -> None:
    """Report."""


def tidy() -> None:
    """Tidy up."""


JOBS = {
    "jobs.nightly": JobDeclaration(
        name="jobs.nightly",
        function=nightly,
        module="jobs",
        doc="",
        retry=RetryPolicy(max_attempts=3, initial=timedelta(seconds=1)),
        timeout=timedelta(minutes=5),
        queue="reports",
    ),
    "jobs.tidy": JobDeclaration(name="jobs.tidy", function=tidy, module="jobs", doc=""),
}

FULL = """
[schedules.report]
job = "jobs.nightly"
crontab = "30 2 * * *"
timezone = "Europe/Berlin"
args = ["eu"]
kwargs = { limit = 5 }
queue = "slow"
timeout = "1h"
soft_timeout = "50m"
retry = { max_attempts = 5, backoff = "linear", initial = "5s", max = "1m", jitter = 0.5, on = ["OSError"] }
enabled = false
overlap = "allow"
max_active = 2
catchup = "latest"
catchup_window = "2d"
description = "The nightly report"
owner = "data"
tags = ["night", "report"]
runbook = "https://wiki/report"
keep_runs = 10
keep_for = "7d"
"""


def read_in(
    directory: Path,
    text: str | bytes,
    environ: Mapping[str, str] | None = None,
    *,
    jobs: bool = True,
    lint_at: datetime | None = None,
) -> ScheduleFile:
    """A file with this text, read; with `jobs` it is checked against JOBS."""
    path = directory / "s.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_schedules(
        path, catalogue=JobCatalogue(JOBS) if jobs else None, environ=environ or {}, lint_at=lint_at
    )


def problems_of(file: ScheduleFile) -> list[str]:
    """Each problem as `line:column+length message`."""
    return [
        f"{problem.line}:{problem.column}+{problem.length} {problem.message}" for problem in file.problems
    ]
