"""The primary under a Sentinel is killed, or freezes, and its replica takes its place, to and fro.

`make faults` runs it. A replica is written to after the primary has answered, so the last moment before a failover may
be lost: the ticks of it are decided again and the books balance. A run that started in it may start again, under the
same id; one that ended in it may be found lost, and is tried again by its policy. All that is older is as it was.

A primary that only froze goes on as one when it wakes, until the Sentinel has told it otherwise. That it takes no
writes meanwhile, which nobody would see again, is due to `min-replicas-to-write`: docs/how-to/survive-a-server.md.
"""

import os
import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
import redis

from tests.faults.accounts import RangeKeeper, audit
from tests.faults.entries import planned
from tests.faults.rounds import SEED, tell
from tests.faults.world import World, new_world
from tests.support.several_servers import under_sentinel
from tests.support.valkey import ValkeyServer

FAILOVERS: Final = max(4, int(os.environ.get("ROUNDS", "0")) // 40)
NAME: Final = "main"


@pytest.mark.timeout(120 + 30 * FAILOVERS)
def test_a_primary_that_is_killed_under_sentinel_costs_no_tick(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def kill(world: World, primary: ValkeyServer) -> None:
        primary.kill()
        world.later(4.0, primary.begin)

    _go_through(tmp_path, kill, {}, "killed", capsys)


@pytest.mark.timeout(120 + 30 * FAILOVERS)
def test_a_primary_that_freezes_under_sentinel_and_wakes_costs_no_tick(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def freeze(world: World, primary: ValkeyServer) -> None:
        primary.freeze()
        world.later(4.0, primary.thaw)

    options: dict[str, Any] = {"min_replicas_to_write": "1", "min_replicas_max_lag": "1"}
    _go_through(tmp_path, freeze, options, "frozen", capsys)


def _go_through(
    tmp_path: Path,
    strike: Callable[[World, ValkeyServer], None],
    options: dict[str, Any],
    what: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    chance = random.Random(SEED)
    with (
        under_sentinel(NAME, **options) as (url, *pair),
        new_world(tmp_path, planned(quick=14), server=pair[0], url=url) as world,
    ):
        for _ in range(2):
            world.add("beat")
            world.add("worker", "-c", "3")
        world.settle()
        ranges = RangeKeeper(world.entries)
        for _ in range(FAILOVERS):
            world.pace(chance.uniform(0.5, 3.0))
            world.troubled.update(worker.pid for worker in world.workers if worker.pid is not None)
            world.server_kills.append(time.monotonic())
            strike(world, pair[0])
            pair.reverse()
            world.await_(partial(_leads, pair[0]), within=30, what="a new primary")
            world.settle()
            world.await_(partial(_follows, pair[1]), within=30, what="the old one as a replica")
            ranges.gather(world.store())
        ended = [process.transcript() for member in world.members for process in member.past]
        world.close_the_books()
        books = audit(world, ranges)
        complaints = world.complaints()
    with capsys.disabled():
        tell(f"{FAILOVERS} primaries {what} under Sentinel, seed {SEED}; {books}")
    assert not ended, "\n".join(ended)
    assert not books.findings, "\n".join([*books.findings[:40], f"SEED={SEED}"])
    assert not complaints, "\n".join(complaints[:40])


def _leads(server: ValkeyServer) -> bool:
    return _replication(server).get("role") == "master"


def _follows(server: ValkeyServer) -> bool:
    return _replication(server).get("master_link_status") == "up"


def _replication(server: ValkeyServer) -> dict[str, str]:
    """What it says of itself; nothing where it does not answer, or closes its connections to become another."""
    try:
        with server.client() as client:
            found: dict[str, str] = client.info("replication")
    except (redis.ConnectionError, redis.TimeoutError):
        return {}
    return found
