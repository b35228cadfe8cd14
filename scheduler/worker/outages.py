"""Which servers are away, as this process of a worker knows: the parts of it say so once, together."""

from typing import Final, Literal

from scheduler.outage import Outage

_KNOWN: Final[dict[str, Outage]] = {}


def outage_of(server: Literal["store", "broker"]) -> Outage:
    """The trouble of this server, now or to come."""
    return _KNOWN.setdefault(server, Outage(server))


def forget() -> None:
    """In a child of the pool, which begins with knowing nothing: its parent's threads are not in it."""
    _KNOWN.clear()
