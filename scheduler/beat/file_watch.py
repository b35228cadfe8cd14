"""Notices that the files of schedules were changed: saved, moved into place, or swapped behind a symlink as Kubernetes
does.

inotify says when to look; what a look finds decides. So nothing depends on which events a file system sends, and where
it sends none, as of a change on a network file system by another machine, a look every second finds the change.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from scheduler.reading.file_look import Look, look_at

LOOK_EVERY_S: Final = 1.0
SETTLE_S: Final = 0.1
GONE_S: Final = 10.0
MOST_LINKS: Final = 40  # as in Linux's own walk along a path

_STEP_MS: Final = 100  # inotify's events of one save are taken together
_TOGETHER_MS: Final = 400


class FileWatch:
    """Calls `changed` after any file it follows has changed and then stayed the same for a moment.

    So no half-written file is read. A file that is gone, or empty, is being written, and is waited for; after
    `patience_s` it is called for that too.
    """

    def __init__(self, changed: Callable[[], None], patience_s: float = GONE_S) -> None:
        self._changed = changed
        self._patience_s = patience_s
        self._gone_since: float | None = None
        self._stopped = threading.Event()
        self._other_files = threading.Event()
        self._lock = threading.Lock()
        self._told: dict[Path, Look] = {}
        self._seen: dict[Path, Look] = {}

    def follow(self, seen: Mapping[Path, Look]) -> None:
        """Watch these files and folders from now on, and call `changed` where one is not as it was `seen`."""
        with self._lock:
            if seen.keys() != self._told.keys():
                self._other_files.set()
            self._told = self._seen = dict(seen)

    def start(self) -> None:
        """Look, in a thread of its own, until `stop`."""
        threading.Thread(target=self._run, name="file-watch", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()
        self._other_files.set()

    def look(self) -> bool:
        """One look; calls `changed` if the files have settled into something new. True while they have not."""
        with self._lock:
            now = {path: look_at(path) for path in self._told}
            settled = now == self._seen
            self._seen = now
            news = any(_is_there(now[path]) and now[path] != told for path, told in self._told.items())
            overdue = self._has_been_gone(now)
            if news and settled:
                self._told = {
                    path: now[path] if _is_there(now[path]) else told for path, told in self._told.items()
                }
            elif overdue:
                self._told = now
        if (news and settled) or overdue:
            self._changed()
        return news and not settled

    def _has_been_gone(self, now: Mapping[Path, Look]) -> bool:
        """Whether a file that was there has been gone, or empty, for so long that nobody seems to write it."""
        if not any(_is_there(told) and not _is_there(now[path]) for path, told in self._told.items()):
            self._gone_since = None
            return False
        self._gone_since = self._gone_since or time.monotonic()
        return time.monotonic() - self._gone_since >= self._patience_s

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._other_files.clear()
            watched = places_of(self._told)
            for _ in self._moments(watched):
                told = self._told
                while self.look() and not self._stopped.wait(SETTLE_S):
                    pass
                if self._stopped.is_set() or (self._told is not told and places_of(self._told) != watched):
                    break

    def _moments(self, places: Iterable[Path]) -> Iterator[object]:
        """When to look: at events in these places, and every second; until other files are followed."""
        from watchfiles import watch

        try:
            yield from watch(
                *places,
                watch_filter=None,
                debounce=_TOGETHER_MS,
                step=_STEP_MS,
                rust_timeout=round(LOOK_EVERY_S * 1000),
                yield_on_timeout=True,
                stop_event=self._other_files,
                recursive=False,
                raise_interrupt=False,
            )
        except (OSError, RuntimeError):  # a place is gone by now, or the system has no more watches for us
            yield from self._by_the_clock()

    def _by_the_clock(self) -> Iterator[None]:
        while not self._other_files.wait(LOOK_EVERY_S):
            yield


def _is_there(look: Look) -> bool:
    return look is not None and look != ()


def places_of(paths: Mapping[Path, Look]) -> dict[Path, int]:
    """What to watch to hear of any change of these files and folders, and for a folder its inode.

    The file itself (one that is mounted alone has no folder that tells of it), its folder, and each folder in which a
    symlink on the way to it may be swapped. Where there is none yet, the nearest folder above it.
    """
    return {place: _inode(place) for path in paths for place in _places_of(path.absolute())}


def _inode(place: Path) -> int:
    try:
        return place.stat().st_ino if place.is_dir() else 0
    except OSError:
        return 0


def _places_of(path: Path) -> Iterator[Path]:
    here = Path(path.anchor)
    waiting = list(reversed(path.parts[1:]))
    links = 0
    while waiting:
        part = waiting.pop()
        target = _target(here / part) if part != ".." and links < MOST_LINKS else None
        if target is not None:
            links += 1
            yield here
            if target.is_absolute():
                here = Path(target.anchor)
            waiting += reversed([each for each in target.parts if each != target.anchor])
        elif part == "..":
            here = here.parent
        elif _exists(here / part):
            here /= part
        else:
            yield here  # what is missing may appear here
            return
    yield here
    yield here.parent


def _target(path: Path) -> Path | None:
    try:
        return path.readlink()
    except OSError:
        return None


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except OSError:
        return False
    return True
