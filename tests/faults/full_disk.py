"""The disk beneath the store is full, or its syncs fail. `make faults` runs it, as root and where strace is installed.

With `appendfsync everysec` the server lives and refuses writes, with `always` it ends itself. Beats and workers try on
and say so once; when there is room again every tick of the time between has its disposition.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from tests.faults.accounts import RangeKeeper, audit
from tests.faults.entries import planned
from tests.faults.rounds import tell
from tests.faults.world import World, new_world
from tests.support.children import launch, new_mark
from tests.support.small_disk import SmallDisk
from tests.support.valkey import ValkeyServer

OUTAGES: Final = 3
SYNCS: Final = ["everysec", "always"]


@pytest.mark.small_disk
@pytest.mark.timeout(300)
@pytest.mark.parametrize("sync", SYNCS)
def test_a_full_disk_costs_no_tick(sync: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = ValkeyServer(append_only=True, appendfsync=sync)
    with closing(SmallDisk(server.directory / "disk").start()) as disk:
        server.options["dir"] = str(disk.folder)
        server.prefix = disk.prefix

        @contextmanager
        def full() -> Iterator[None]:
            disk.fill()
            try:
                yield
            finally:
                disk.free()

        _go_through(tmp_path, server, full, capsys, f"full disks with {sync}")


@pytest.mark.strace
@pytest.mark.timeout(300)
@pytest.mark.parametrize("sync", SYNCS)
def test_a_disk_that_fails_to_sync_costs_no_tick(
    sync: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = ValkeyServer(append_only=True, appendfsync=sync)

    @contextmanager
    def failing() -> Iterator[None]:
        argv = [str(shutil.which("strace")), "-qq", "-f", "-o", os.devnull, "-p", str(server.pid)]
        argv += ["-e", "trace=fdatasync,fsync", "-e", "inject=fdatasync,fsync:error=EIO"]
        tracer = launch(argv, mark=new_mark(), environ={"PATH": os.defpath}, stdout=subprocess.DEVNULL)
        try:
            yield
        finally:
            tracer.send_signal(signal.SIGINT)  # it lets go of the server, and ends
            tracer.communicate(timeout=10)
            if not server.ended():
                server.stop()  # it syncs no more by itself, and so never learns that it could again
            server.start()

    _go_through(tmp_path, server, failing, capsys, f"failing syncs with {sync}")


def _go_through(
    tmp_path: Path,
    server: ValkeyServer,
    outage: Callable[[], AbstractContextManager[None]],
    capsys: pytest.CaptureFixture[str],
    what: str,
) -> None:
    with new_world(tmp_path, planned(quick=10), server=server) as world:
        world.add("beat")
        world.add("beat")
        world.add("worker", "-c", "3")
        world.settle()
        ranges = RangeKeeper(world.entries)
        for number in range(1, OUTAGES + 1):
            with outage():
                world.await_(
                    partial(_have_said, world, number, "store.unreachable"), within=20, what="a word of it"
                )
                world.pace(4)
            if server.ended():
                server.start()
            world.settle()
            world.await_(partial(_have_said, world, number, "store.reachable"), within=10, what="its end")
            assert _said(world, "store.unreachable") == _said(world, "store.reachable") == [number, number]
            world.pace(2)
            ranges.gather(world.store())
        ended = [process.transcript() for member in world.members for process in member.past]
        assert not ended, "\n".join(ended)
        world.close_the_books()
        books = audit(world, ranges)
        complaints = world.complaints()
    with capsys.disabled():
        tell(f"{OUTAGES} {what}; {books}")
    assert not books.findings, "\n".join(books.findings[:40])
    assert not complaints, "\n".join(complaints[:40])


def _said(world: World, event: str) -> list[int]:
    """How often each of the beats said it."""
    return [len(beat.process.named(event)) for beat in world.beats if beat.process is not None]


def _have_said(world: World, count: int, event: str) -> bool:
    return all(said >= count for said in _said(world, event))
