"""The file of schedules, for commands that need it without a mistake."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from scheduler.cli.options import settings_in

if TYPE_CHECKING:
    from scheduler.reading.schedule_file import ScheduleFile


def usable(path: Path | None = None, *, env: str | None = None, jobs: bool = True) -> "ScheduleFile":
    """The file at `path` in the environment `env` (None: those of the settings).

    With `jobs` it is checked against this project's jobs, and has what they declare; importing them may take its
    time. Raises InvalidSchedules with every problem.
    """
    from scheduler.errors import InvalidSchedules
    from scheduler.job_catalogue import load_catalogue
    from scheduler.reading.schedule_file import read_schedules

    settings = settings_in(env)
    chosen = path or settings.schedules
    catalogue = load_catalogue(settings.jobs, Path.cwd()) if jobs else None
    read = read_schedules(chosen, catalogue=catalogue, environ=os.environ, env=settings.env)
    if read.errors:
        command = " ".join(["onbeat check", *([str(path)] if path else []), *(["--env", env] if env else [])])
        raise InvalidSchedules(
            f"{chosen} can't be used", problems=read.errors, hint=f"`{command}` shows all of it"
        )
    return read
