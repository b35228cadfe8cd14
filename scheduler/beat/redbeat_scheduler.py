"""Onbeat as a scheduler of Celery's own beat: `celery -A scheduler.celery_app beat`.

It is a RedBeatScheduler, so that RedBeat's settings hold and Celery's tools know it; its ticks are Onbeat's turns.
There is no lock: any number of beats may run.
"""

import sys
from typing import Any, Final

from redbeat import RedBeatScheduler

from scheduler.beat.whole import Beat, beat_for, refusals_told
from scheduler.errors import UsageProblem
from scheduler.log_setup import name_process
from scheduler.settings import load_settings

OUR_APP: Final = "onbeat"


def _refuse_another(app: Any) -> None:
    """Workers of another app claim no runs: what they take would be sent again as lost. Raises SystemExit."""
    if app.main != OUR_APP:
        words = (
            f"error: OnbeatScheduler is for Onbeat's own Celery app, and this is {app.main or 'another'!r}",
            "  hint: celery -A scheduler.celery_app beat, with your tasks' modules in ONBEAT_JOBS",
        )
        sys.stderr.write("\n".join(words) + "\n")
        raise SystemExit(UsageProblem.exit_code)


class OnbeatScheduler(RedBeatScheduler):  # type: ignore[misc]  # RedBeat has no types
    """RedBeat's scheduler whose decisions are committed once, by compare-and-set."""

    def __init__(self, app: Any, lazy: bool = False, **kwargs: Any) -> None:  # noqa: FBT001, FBT002 - Celery's signature
        self._beat: Beat | None = None
        _refuse_another(app)
        super().__init__(app, lazy=lazy, **kwargs)

    def setup_schedule(self) -> None:
        """Begin. Raises SystemExit where the file can't be used or the store refuses us.

        Celery makes a second scheduler for its banner, lazily: that one never comes here.
        """
        name_process("beat")
        with refusals_told():
            self._beat = beat_for(load_settings())
        self._beat.begin()

    def tick(self, *_: Any, **__: Any) -> float:
        """Take one turn and rest until the next, so that a signal or a changed file wakes it: Celery need not wait.

        Raises SystemExit once SIGTERM or SIGINT has come: Celery closes its scheduler then.
        """
        if self._beat is None:
            self.setup_schedule()
        elif self._beat.loop.stopping:
            raise SystemExit(0)
        else:
            self._beat.loop.turn()
        return 0.0

    def close(self) -> None:
        """Sign out, so that nobody waits for this beat."""
        if self._beat is not None:
            self._beat.loop.stop()
            self._beat.run()
            self._beat = None
        super().close()
