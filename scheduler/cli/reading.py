"""The file of schedules, for commands that need it without a mistake."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from scheduler.cli.options import settings_in

if TYPE_CHECKING:
    from scheduler.schedule_file import ScheduleFile


def usable(file: Path | None, env: str | None, *, with_jobs: bool = True) -> "ScheduleFile":
    """`file`, or that of the settings, in the environment `env`, or that of the settings.

    `with_jobs`: this project's jobs are imported, and the entries' arguments checked against them. Raises
    InvalidSchedules with every problem.
    """
    from scheduler.errors import InvalidSchedules
    from scheduler.job_catalogue import load_catalogue
    from scheduler.schedule_file import read_schedules

    settings = settings_in(env)
    path = file or settings.schedules
    catalogue = load_catalogue(settings.jobs, Path.cwd()) if with_jobs else None
    read = read_schedules(path, catalogue=catalogue, environ=os.environ, env=settings.env)
    if read.errors:
        command = " ".join(["onbeat check", *([str(file)] if file else []), *(["--env", env] if env else [])])
        raise InvalidSchedules(
            f"{path} can't be used", problems=read.errors, hint=f"`{command}` shows all of it"
        )
    return read
