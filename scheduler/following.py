"""A run's log line by line, to its end."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from scheduler.store import Store

WAIT: Final = timedelta(seconds=1)
_START: Final = "0"


def lines_so_far(store: Store, run_id: str) -> list[Mapping[str, Any]]:
    """What the run has written until now."""
    return [line for _, line in store.logs.read(run_id)]


def lines_until_end(store: Store, run_id: str) -> Iterator[Mapping[str, Any] | None]:
    """Each line as it is written, until the run has ended. None when nothing came for a second.

    Raises Unreachable where the store goes away meanwhile.
    """
    position = _START
    while True:
        run = store.runs.get(run_id)
        ended = run is None or run.state.final
        lines = store.logs.read(run_id, position) if ended else store.logs.follow(run_id, position, WAIT)
        for position, line in lines:  # noqa: B007 - the last position is where the next read begins
            yield line
        if ended and not lines:
            return
        if not lines:
            yield None
