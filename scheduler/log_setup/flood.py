"""The same warning a thousand times becomes a few lines and a count. Pure: the time is an argument."""

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

SHOWN = 5
SUMMARY_AFTER_S = 10.0
REMEMBERED = 500


@dataclass(slots=True)
class _Seen:
    event: Mapping[str, Any]
    shown: int = 1
    held_back: int = 0
    counting_since_s: float = 0.0


class Flood:
    """
    Decides which of many alike lines are shown: the first five, then a count every ten seconds.

    A count comes with the next line of any kind, or with `due(everything)` at the end of a run: no thread
    waits for it. What was not seen among the last 500 different lines counts as new.
    """

    def __init__(self) -> None:
        self._seen: OrderedDict[Hashable, _Seen] = OrderedDict()
        self._next_count_s = float("inf")

    def lets_through(self, key: Hashable, event: Mapping[str, Any], now_s: float) -> bool:
        """Whether to show this line; if not, it is counted. `now_s` is a monotonic clock's."""
        seen = self._seen.get(key)
        if seen is None:
            self._seen[key] = _Seen(event)
            return True
        self._seen.move_to_end(key)
        if seen.shown < SHOWN:
            seen.shown += 1
            return True
        if not seen.held_back:
            seen.counting_since_s = now_s
            self._next_count_s = min(self._next_count_s, now_s + SUMMARY_AFTER_S)
        seen.event = event
        seen.held_back += 1
        return False

    def is_due(self, now_s: float) -> bool:
        """Whether `counts` would have something to tell, or something to forget."""
        return now_s >= self._next_count_s or len(self._seen) > REMEMBERED

    def counts(self, now_s: float, *, everything: bool = False) -> list[tuple[Mapping[str, Any], int]]:
        """The last of each flood and how many were held back, where it is time; `everything` forgets all."""
        told = []
        surplus = len(self._seen) - REMEMBERED
        for number, (key, seen) in enumerate(list(self._seen.items())):
            gone = everything or number < surplus
            if seen.held_back and (gone or now_s >= seen.counting_since_s + SUMMARY_AFTER_S):
                told.append((seen.event, seen.held_back))
                seen.held_back = 0
            if gone:
                del self._seen[key]
        waiting = [seen.counting_since_s for seen in self._seen.values() if seen.held_back]
        self._next_count_s = min(waiting, default=float("inf")) + SUMMARY_AFTER_S
        return told
