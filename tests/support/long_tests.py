"""Long tests begin first, one in each process of pytest: at the end nobody waits for one of them alone."""

import os
from collections.abc import Sequence
from itertools import islice

import pytest


@pytest.hookimpl(trylast=True)  # after those that shuffle
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those marked `slow` go to the front of each process's share."""
    slow = [item.get_closest_marker("slow") is not None for item in items]
    shares = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    items[:] = [items[place] for place in dealt(slow, shares)]


def dealt(slow: Sequence[bool], shares: int) -> list[int]:
    """The places of `slow` in a new order, which begins each of so many equal shares with its part of the slow ones.

    xdist's `worksteal` cuts the list so.
    """
    first = [place for place, is_slow in enumerate(slow) if is_slow]
    rest = iter([place for place, is_slow in enumerate(slow) if not is_slow])
    order: list[int] = []
    for number in range(shares):
        size = (len(slow) - len(order)) // (shares - number)
        mine = first[number::shares]
        order += [*mine, *islice(rest, max(0, size - len(mine)))]
    return [*order, *rest]
