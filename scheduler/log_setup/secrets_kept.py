"""The secret values that this process knows: no line that it writes shows one."""

import re
from collections.abc import Iterable
from threading import Lock

from scheduler.secrecy import MASK, finder

MOST = 1_000  # of a worker's life; those that were named first are forgotten first


class _Known:
    """What was hidden so far, and what finds it."""

    values: dict[str, None]
    found: re.Pattern[str] | None = None


_Known.values = {}
_lock = Lock()


def hide(values: Iterable[str]) -> None:
    """From here on this process shows none of these values, in no line. Those that are very short are shown."""
    new = [value for value in values if value not in _Known.values]
    if not new:
        return
    with _lock:
        known = {**_Known.values, **dict.fromkeys(new)}
        for oldest in list(known)[: max(0, len(known) - MOST)]:
            del known[oldest]
        _Known.values = known
        _Known.found = finder(frozenset(known))


def without_secrets(text: str) -> str:
    """The text with the values that are hidden replaced."""
    return text if _Known.found is None else _Known.found.sub(MASK, text)


def hidden_values() -> frozenset[str]:
    """What is hidden now."""
    return frozenset(_Known.values)
