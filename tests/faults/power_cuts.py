"""The server's machine loses its power, and Redis the last second (`appendfsync everysec`). `make faults` runs it.

Then nothing can be promised of that second but this: the ticks decided in it are decided again and the books balance.
A run that started in it may start a second time, under the same run id; one that ended in it may be found lost, and is
retried by its policy. All that is older is as it was.
"""

from pathlib import Path

import pytest

from tests.faults.accounts import RangeKeeper, audit
from tests.faults.entries import planned
from tests.faults.rounds import tell
from tests.faults.world import new_world

CUTS = 8


@pytest.mark.timeout(300)
def test_the_books_balance_and_only_the_last_second_may_come_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with new_world(tmp_path, planned(quick=20)) as world:
        world.add("beat")
        world.add("beat")
        world.add("worker", "-c", "3")
        world.settle()
        ranges = RangeKeeper(world.entries)
        for _ in range(CUTS):
            world.cut_power()
            world.settle()
            world.pace(3)
            ranges.gather(world.store())
        world.close_the_books()
        books = audit(world, ranges)
        complaints = world.complaints()
    with capsys.disabled():
        tell(f"{CUTS} power cuts; {books}")
    assert not books.findings, "\n".join(books.findings[:40])
    assert not complaints, "\n".join(complaints[:40])
