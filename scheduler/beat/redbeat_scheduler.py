"""Onbeat as a scheduler of Celery's own beat: `celery -A scheduler.celery_app beat`.

It is a RedBeatScheduler, so that RedBeat's settings hold and Celery's tools know it; its ticks are Onbeat's turns.
There is no lock: any number of beats may run.
"""

from typing import Any

from redbeat import RedBeatScheduler

from scheduler.beat.file_watch import FileWatch
from scheduler.beat.loop import Loop, loop_for
from scheduler.beat.schedules import Schedules, rejected
from scheduler.errors import InvalidSchedules
from scheduler.settings import load_settings
from scheduler.store import open_store
from scheduler.store.presence import new_member


class OnbeatScheduler(RedBeatScheduler):  # type: ignore[misc]  # RedBeat has no types
    """RedBeat's scheduler whose decisions are committed once, by compare-and-set."""

    def __init__(self, app: Any, lazy: bool = False, **kwargs: Any) -> None:  # noqa: FBT001, FBT002 - Celery's signature
        self._loop: Loop | None = None
        self._watch = FileWatch(self._reload)
        super().__init__(app, lazy=lazy, **kwargs)

    def setup_schedule(self) -> None:
        """Read the file and have the first turn apply it. Raises InvalidSchedules for a file that can't be used.

        Celery makes a second scheduler for its banner, lazily: that one never comes here.
        """
        settings = load_settings()
        store = open_store(settings)
        member = new_member()
        schedules = self._schedules = Schedules(settings, store, member, self._watch.follow)
        try:
            file = schedules.read()
        except InvalidSchedules as error:
            rejected(error)
            raise
        self._loop = loop_for(settings, store, member)
        self._loop.soon(lambda: schedules.apply(file))
        self._watch.start()

    def _reload(self) -> None:
        if self._loop is not None:
            self._loop.soon(self._schedules.reload)

    def tick(self, *_: Any, **__: Any) -> float:
        """Take one turn; returns the seconds until the next."""
        if self._loop is None:
            self.setup_schedule()
        return self._loop.step_whatever_happens() if self._loop is not None else 1.0

    def close(self) -> None:
        """Sign out, so that nobody waits for this beat."""
        self._watch.stop()
        if self._loop is not None:
            self._loop.stop()
            self._loop.run()
            self._loop = None
        super().close()
