"""A beat's look ahead: what comes due soon is read before its time, when there is nothing else to do.

To read an entry takes ten times as long as to decide its tick, and after a start ten thousand may come due at one
minute, none of which was ever read. What is read is kept by its content (`prepared`): an edit meanwhile does no harm.
"""

import gc
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from scheduler.beat.decide import prepared
from scheduler.store import Store

HORIZON: Final = timedelta(seconds=60)
LOOK_EVERY: Final = timedelta(seconds=20)
AT_ONCE: Final = 50  # some milliseconds: a tick that comes due meanwhile is that much late
LEAST_LEISURE: Final = timedelta(milliseconds=50)
LEISURE_TO_TIDY: Final = timedelta(seconds=2)
MOST: Final = 65_536  # as many as `prepared` keeps


class Ahead:
    """Reads each entry once, some at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: set[str] = set()
        self._unread: deque[str] = deque()
        self._look_at: datetime | None = None

    def forget(self) -> None:
        """The entries have changed: look at all of them anew."""
        self._seen.clear()
        self._unread.clear()
        self._look_at = None

    def look(self, now: datetime, next_at: datetime | None) -> bool:
        """Read some of what comes due soon, if there is time before `next_at`. True where more is left to read.

        Raises Unreachable.
        """
        if next_at is None or not LEAST_LEISURE <= next_at - now <= HORIZON:
            return False
        if not self._unread and (self._look_at is None or now >= self._look_at):
            self._find(self._store.ticks.due_between(now, now + HORIZON, MOST))
            self._look_at = now + LOOK_EVERY
        keys = list(islice(self._unread, AT_ONCE))
        for name, definition, own in self._store.ticks.texts(keys):
            with suppress(ValueError):  # told when it is decided
                prepared(name, definition, own)
        for _ in keys:
            self._unread.popleft()
        if len(keys) > 1 and not self._unread and next_at - now >= LEISURE_TO_TIDY:
            _set_aside()
        return bool(self._unread)

    def _find(self, keys: Iterable[str]) -> None:
        if len(self._seen) > MOST:
            self._seen.clear()
        new = [key for key in keys if key not in self._seen]
        self._seen.update(new)
        self._unread.extend(new)


def _set_aside() -> None:
    """Keep the garbage collector from walking through all that was read, again and again: 0.1 s for 10,000 entries."""
    gc.collect()
    gc.freeze()
