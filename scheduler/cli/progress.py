"""How far long work has come: on stderr, past the first second, and only on a terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, Timer
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PATIENCE_S = 1.0


class Steps:
    """The steps of one piece of work, shown one at a time from `show` on."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._what = ""
        self._total: int | None = None
        self._done = 0
        self._shown: tuple[Progress, TaskID] | None = None
        self._ended = False

    @property
    def shown(self) -> bool:
        """Whether it can be seen."""
        return self._shown is not None

    def begin(self, what: str, total: int | None = None) -> Self:
        """What is done from now on, in so many parts; None: nobody knows."""
        with self._lock:
            self._what, self._total, self._done = what, total, 0
            self._update()
        return self

    def advance(self, parts: int = 1) -> None:
        """So many more parts are done."""
        with self._lock:
            self._done += parts
            self._update()

    def show(self) -> None:
        """Begin to be seen."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        with self._lock:
            if self._ended:
                return
            columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
            shown = Progress(*columns, console=Console(stderr=True), transient=True)
            self._shown = shown, shown.add_task(self._what, total=self._total, completed=self._done)
            shown.start()

    def end(self) -> None:
        """Leave nothing on the screen."""
        with self._lock:
            self._ended = True
            if self._shown is not None:
                self._shown[0].stop()

    def _update(self) -> None:
        if self._shown is not None:
            shown, task = self._shown
            shown.update(task, description=self._what, total=self._total, completed=self._done)


@contextmanager
def progress() -> Iterator[Steps]:
    """The steps of the block's work: seen by a person whose patience of a second has ended, and by nobody else."""
    steps = Steps()
    timer = Timer(PATIENCE_S, steps.show)
    timer.daemon = True
    if sys.stderr.isatty():
        timer.start()
    try:
        yield steps
    finally:
        timer.cancel()
        steps.end()
