"""Notices that a file was changed: saved, moved into place, or swapped behind a symlink as Kubernetes does.

By looking twice a second. inotify would tell sooner, but not of a swapped symlink, nor on every network file system.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

LOOK_EVERY_S: Final = 0.5

Look = tuple[int, int, int] | None


class FileWatch:
    """Calls `changed` after `path` has changed and then stayed the same for one look: no half-written file is read."""

    def __init__(self, path: Path, changed: Callable[[], None]) -> None:
        self._path = path
        self._changed = changed
        self._stopped = threading.Event()
        self._told = self._seen = look_at(path)

    def start(self) -> None:
        """Look, in a thread of its own, until `stop`."""
        threading.Thread(target=self._run, name="file-watch", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()

    def look(self) -> None:
        """One look; calls `changed` if the file has settled into something new."""
        now = look_at(self._path)
        settled = now == self._seen
        self._seen = now
        if settled and now is not None and now != self._told:
            self._told = now
            self._changed()

    def _run(self) -> None:
        while not self._stopped.wait(LOOK_EVERY_S):
            self.look()


def look_at(path: Path) -> Look:
    """What tells one content of a file from another without reading it; None where there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None  # gone for the moment, as between two steps of an editor: `check` and a restart say so if it stays
    return found.st_mtime_ns, found.st_size, found.st_ino
