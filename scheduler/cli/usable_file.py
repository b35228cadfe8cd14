"""The schedules that a command works with: read, checked, and refused with every problem where they can't be used."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from scheduler.errors import InvalidSchedules

if TYPE_CHECKING:
    from scheduler.schedule_file import ScheduleFile


def usable(path: Path | None = None, *, jobs: bool = True) -> "ScheduleFile":
    """The file at `path` (None: that of the settings).

    With `jobs` it is checked against this project's jobs, and has what they declare; importing them may take
    its time. Raises InvalidSchedules with every problem.
    """
    from scheduler.job_catalogue import load_catalogue
    from scheduler.schedule_file import read_schedules
    from scheduler.settings import load_settings

    settings = load_settings()
    chosen = path or Path(settings.schedules)
    catalogue = load_catalogue(settings.jobs, Path.cwd()) if jobs else None
    file = read_schedules(chosen, catalogue=catalogue, environ=os.environ)
    if file.errors:
        hint = f"`onbeat check {path}` shows all of it" if path else "`onbeat check` shows all of it"
        raise InvalidSchedules(f"{chosen} can't be used", problems=file.errors, hint=hint)
    return file
