"""A beat that froze with decisions in hand wakes up long after another one has made them: it commits nothing old."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.faults import faulty
from tests.faults.accounts import RangeKeeper, audit
from tests.faults.entries import planned
from tests.faults.world import new_world

FROZEN_S = 60 if "ROUNDS" in os.environ else 4  # a minute in `make faults`


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_frozen_beat_that_wakes_commits_nothing_old(tmp_path: Path) -> None:
    order = tmp_path / "order"
    with new_world(tmp_path, planned(quick=10)) as world:
        world.add("beat")
        sleeper = world.add("beat")
        sleeper.program = (sys.executable, str(Path(faulty.__file__)), str(order))
        world.add("worker", "-c", "3")
        world.settle()
        ranges = RangeKeeper(world.entries)
        assert sleeper.process is not None
        order.write_text("commit.before:stop")
        world.await_(lambda: not order.exists(), within=20, what="a beat about to commit")
        store = world.store()
        before = store.ledger.totals().dispatched
        told = len(sleeper.process.named("tick.dispatched"))
        world.pace(FROZEN_S)
        assert store.ledger.totals().dispatched > before + FROZEN_S
        woke = time.time()
        world.signal([sleeper.process.pid], signal.SIGCONT)
        world.await_(
            lambda: len(sleeper.process.named("tick.dispatched")) > told if sleeper.process else False,
            within=20,
            what="a dispatch of the beat that woke up",
        )
        late = [
            event
            for event in sleeper.process.named("tick.dispatched")[told:]
            if event["scheduled_at"] < time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(woke - 2))
        ]
        world.close_the_books()
        books = audit(world, ranges)
    assert not [
        event for event in late if event["entry"] not in ("minute", "two-minutes", "every-7", "uneven")
    ]
    assert not books.findings, "\n".join(books.findings[:40])
