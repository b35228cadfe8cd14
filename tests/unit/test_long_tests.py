"""The order in which the suite begins its tests."""

import pytest

from tests.support.long_tests import dealt


@pytest.mark.parametrize(
    ("slow", "shares", "order"),
    [
        ([0, 0, 1, 0], 1, [2, 0, 1, 3]),
        ([0, 0, 0, 1, 1, 1, 0, 0, 0], 2, [3, 5, 0, 1, 4, 2, 6, 7, 8]),
        ([1, 1, 1], 2, [0, 2, 1]),
        ([0, 1], 4, [1, 0]),
        ([], 2, []),
    ],
)
def test_each_share_begins_with_its_part_of_the_long_ones(
    slow: list[int], shares: int, order: list[int]
) -> None:
    assert dealt([bool(each) for each in slow], shares) == order
