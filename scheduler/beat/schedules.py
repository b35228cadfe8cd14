"""The file's way into the store: read, check, apply. A bad file changes nothing and says so."""

import gc
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from scheduler.errors import InvalidSchedules
from scheduler.garbage import collector_at_rest
from scheduler.job_catalogue import load_catalogue
from scheduler.log_setup import emit
from scheduler.problem import Problem
from scheduler.reading.entry_memory import EntryMemory
from scheduler.reading.file_look import Look
from scheduler.reading.schedule_file import ScheduleFile, read_schedules
from scheduler.settings import Settings
from scheduler.store import Store
from scheduler.store.entries import Outdated


@dataclass(slots=True)
class Schedules:
    """Applies the file that the settings name to one store, as the process `by`.

    `follow` is told which files were read, each time, and how they were. `rejections` counts the files that could not
    be used, and `error` is what was wrong with the last one, if it was one of them.
    """

    settings: Settings
    store: Store
    by: str
    follow: Callable[[Mapping[Path, Look]], None] = lambda _seen: None
    rejections: int = 0
    error: str | None = None
    _memory: EntryMemory = field(default_factory=EntryMemory)

    @collector_at_rest(set_aside=True)
    def read(self) -> ScheduleFile:
        """The file, checked against this project's jobs. Raises InvalidSchedules with every problem."""
        catalogue = load_catalogue(self.settings.jobs, Path.cwd())
        file = read_schedules(
            self.settings.schedules,
            catalogue=catalogue,
            environ=os.environ,
            env=self.settings.env,
            memory=self._memory,
        )
        self.follow(file.seen)
        errors = [problem for problem in file.problems if problem.severity == "error"]
        if errors:
            count = f"{len(errors)} problem{'s' if len(errors) > 1 else ''}"
            message = f"{self.settings.schedules} can't be used: {count}"
            raise InvalidSchedules(message, problems=errors, hint="`onbeat check` shows them")
        return file

    @collector_at_rest(set_aside=True)
    def apply(self, file: ScheduleFile) -> None:
        """Make the store match the file, unless it holds a higher revision. Raises Unreachable."""
        try:
            changes = self.store.entries.apply(
                file.entries,
                digest=file.digest,
                revision=self.settings.revision,
                now=self.store.presence.now(),
                by=self.by,
                env=file.env,
            )
        except Outdated as outdated:
            emit(
                "schedules.outdated",
                revision=outdated.revision,
                ours=self.settings.revision,
                digest=file.digest,
            )
            return
        emit(
            "schedules.applied",
            digest=file.digest,
            revision=self.settings.revision,
            env=file.env,
            added=len(changes.added),
            changed=len(changes.changed),
            removed=len(changes.removed),
            unchanged=len(changes.unchanged),
        )

    def reload(self) -> None:
        """Read and apply again; a file that can't be used is refused, and what runs goes on. Raises Unreachable."""
        gc.collect()  # before what there is now is set aside with what comes
        try:
            file = self.read()
            self._refuse_silence(file)
        except InvalidSchedules as error:
            self.rejections += 1
            self.error = str(error)
            rejected(error)
            return
        self.error = None
        self.apply(file)

    def _refuse_silence(self, file: ScheduleFile) -> None:
        """A file in force that turned empty was cut off by whoever wrote it, and takes no entry out."""
        if file.says_nothing:
            message = (
                "says nothing, and may be half written; to take all entries out, leave the line [schedules]"
            )
            problem = Problem(file=str(self.settings.schedules), code="empty", message=message)
            raise InvalidSchedules(f"{self.settings.schedules} {message}", problems=[problem])


def rejected(error: InvalidSchedules) -> None:
    """Log that a file was refused, with every problem where it stands."""
    emit("schedules.rejected", error=str(error), problems=[problem.text() for problem in error.problems])
