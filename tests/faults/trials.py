"""Trials: one of two beats is killed or frozen at one of its steps, and the other goes on."""

import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from scheduler.run import Call, manual_run_id
from scheduler.store import Store
from tests.faults import faulty
from tests.faults.accounts import RangeKeeper, audit
from tests.faults.world import Member, World

PROGRAM = (sys.executable, str(Path(faulty.__file__)))
SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(1_000_000))
FEW = 4
SLOW = ("recover", "republish")  # they wait for leases and messages that were lost


def orders(*tables: dict[str, tuple[str, str]]) -> list[str]:
    """Every order that can be given for the steps of these tables; some of them outside `make faults`."""
    steps = [step for table in tables for step in table]
    every = [f"{step}.{when}:{do}" for step in steps for when in ("before", "after") for do in faulty.SIGNALS]
    if "ROUNDS" in os.environ:
        return every
    return random.Random(SEED).sample([each for each in every if each.partition(".")[0] not in SLOW], FEW)


def go_through(world: World, order: Path, each_order: list[str]) -> None:
    """Two beats and a worker, one trial after the other, and then the books."""
    well = world.add("beat")
    faulty = world.add("beat")
    faulty.program = (*PROGRAM, str(order))
    world.add("worker", "-c", "3")
    world.settle()
    ranges = RangeKeeper(world.entries)
    for text in each_order:
        _one_trial(world, well, faulty, order, text)
        ranges.gather(world.store())
    world.close_the_books()
    books = audit(world, ranges)
    sys.stdout.write(f"fault points: seed {SEED}, {len(each_order)} orders; {books}\n")
    assert not books.findings, "\n".join([*books.findings[:40], f"SEED={SEED}", *each_order])


def _one_trial(world: World, well: Member, faulty: Member, order: Path, text: str) -> None:
    """
    1. Freeze the beat that is well, so that the faulty one surely gets there, and give it something to do.
    2. It dies or freezes. The other wakes up and does all that is due, what was left in the middle included.
    3. The one that was frozen wakes up behind it; one that died is started again.
    """
    store = world.store()
    first, second = well.pid, faulty.pid
    assert first is not None
    assert second is not None
    world.signal([first], signal.SIGSTOP)
    order.write_text(text)
    step = text.partition(".")[0]
    if step in OCCASIONS:
        OCCASIONS[step](world, store, second)
    world.await_(lambda: not order.exists(), within=20, what=f"the beat at {text}")
    if text.endswith("kill"):
        world.await_(lambda: faulty.pid != second, within=5, what=f"the end of the beat at {text}")
    else:
        world.await_(lambda: is_stopped(second), within=5, what=f"a frozen beat at {text}")
    before = store.ledger.totals().expected
    world.signal([first], signal.SIGCONT)
    world.await_(lambda: store.ledger.totals().expected > before, within=10, what=f"ticks after {text}")
    if not text.endswith("kill"):
        world.signal([second], signal.SIGCONT)
    world.settle()


def is_stopped(pid: int) -> bool:
    """Whether SIGSTOP has taken hold of it."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def _announcement(_world: World, store: Store, _beat: int) -> None:
    store.pauses.announce("entry.resumed", entry="minute", by="a test")


def _lost_message(world: World, store: Store, _beat: int) -> None:
    """A run whose message is nowhere, and whose time to be published again has come."""
    run_id = manual_run_id()
    call = Call(job="jobs.work", kwargs={"path": str(world.notes)})
    store.runs.create(
        run_id, call, entry=None, trigger="manual", scheduled_at=store.presence.now(), publish_at="never"
    )
    store.client.zadd(store.keys.own("unclaimed"), {run_id: 1})


def _lost_worker(world: World, store: Store, _beat: int) -> None:
    """A worker that was killed with a run in hand, when its lease has run out."""
    leases = store.keys.own("leases")
    pid = world.workers[0].pid
    assert pid is not None
    world.await_(lambda: store.client.zcard(leases), within=20, what="a run in hand")
    world.troubled.add(pid)
    world.signal([pid], signal.SIGKILL)
    world.await_(lambda: world.workers[0].pid != pid, within=5, what="the end of the worker")
    for run_id in store.client.zrange(leases, 0, -1):
        store.client.zadd(leases, {str(run_id): 1}, xx=True)


def _passed_deadline(world: World, store: Store, _beat: int) -> None:
    """A run that nobody has started, and may not start any more."""
    now, call = store.presence.now(), Call(job="jobs.work", kwargs={"path": str(world.notes)})
    run_id = manual_run_id()
    store.runs.create(
        run_id, call, entry=None, trigger="manual", scheduled_at=now, publish_at="never", start_by=now
    )


def _forgotten_lane(world: World, store: Store, _beat: int) -> None:
    """A run waits for the end of another, and nobody has looked after it for long."""
    waiting = store.keys.own("waiting")

    def brought_forward() -> bool:
        lanes = store.client.zrange(waiting, 0, -1)
        return bool(lanes) and store.client.zadd(waiting, dict.fromkeys(map(str, lanes), 1), xx=True) == 0

    world.await_(brought_forward, within=20, what="a run that waits")


def _unseen_end(world: World, store: Store, _beat: int) -> None:
    """A run has ended on which others follow, and nobody is known to have seen to them."""

    def marked() -> bool:
        ended = _ended_run(store)
        return bool(ended) and store.client.zadd(store.keys.own("ended"), {ended: 1}) == 1

    world.await_(marked, within=20, what="the end of a run on which others follow")


def _ended_run(store: Store) -> str:
    """One of some seconds ago: of one that ends just now the worker itself would say that it has seen to it."""
    now = store.presence.now()
    ids = [str(run_id) for run_id in store.client.zrange(store.keys.runs("quick-0"), -10, -1)]
    runs = [run for run_id in ids if (run := store.runs.get(run_id)) is not None]
    found = (run.run_id for run in runs if run.finished_at and (now - run.finished_at).total_seconds() > 2)
    return next(found, "")


def _stop(world: World, _store: Store, beat: int) -> None:
    world.signal([beat], signal.SIGTERM)


def _reload(world: World, _store: Store, beat: int) -> None:
    world.signal([beat], signal.SIGHUP)


OCCASIONS: dict[str, Callable[[World, Store, int], None]] = {
    "announce": _announcement,
    "republish": _lost_message,
    "expire": _passed_deadline,
    "release": _forgotten_lane,
    "succeed": _unseen_end,
    "follow": _unseen_end,
    "followers": _reload,
    "leave": _stop,
    "close": _stop,
    "recover": _lost_worker,
    "read": _reload,
    "apply": _reload,
}
