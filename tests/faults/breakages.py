"""What can go wrong, and a seeded plan of it: the same seed gives the same faults in the same order."""

import random
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from redis.exceptions import ConnectionError as Refused
from redis.exceptions import TimeoutError as NoAnswer

from scheduler.entry import DEFAULT_QUEUE
from scheduler.message import HIGHEST_PRIORITY, list_name
from tests.faults.proxy import Proxy
from tests.faults.world import Member, World, void
from tests.support.rabbitmq import RabbitServer

LEASE_S: Final = 15
ROLLING_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One round: what breaks, which one of its kind, for how long, and the time until the next."""

    kind: str
    which: int
    seconds: float
    pause_s: float

    def __str__(self) -> str:
        return f"{self.kind}[{self.which}] {self.seconds:.2f} s, then {self.pause_s:.2f} s"


Deck = Mapping[str, tuple[int, Callable[[World, Fault], None]]]


def plan(kinds_of: Deck, seed: int, rounds: int) -> list[Fault]:
    """The faults of a run. Every kind comes before any comes a second time, so that a short run has some of each."""
    chance = random.Random(seed)
    kinds: list[str] = []
    while len(kinds) < rounds:
        deck = [kind for kind, (weight, _) in kinds_of.items() for _ in range(weight)]
        chance.shuffle(deck)
        kinds += deck
    return [
        Fault(kind, chance.randrange(100), chance.uniform(0.3, 5.0), chance.uniform(0.3, 1.5))
        for kind in kinds[:rounds]
    ]


def strike(world: World, fault: Fault) -> None:
    """Let it happen."""
    {**KINDS, **BROKER_KINDS, **RABBIT_KINDS}[fault.kind][1](world, fault)


def _one(members: list[Member], fault: Fault) -> list[int]:
    alive = [member.pid for member in members if member.pid is not None]
    return [alive[fault.which % len(alive)]] if alive else []


def _kill_beat(world: World, fault: Fault) -> None:
    world.signal(_one(world.beats, fault), signal.SIGKILL)


def _kill_all_beats(world: World, _: Fault) -> None:
    world.signal([beat.pid for beat in world.beats if beat.pid is not None], signal.SIGKILL)


def _stop_beat(world: World, fault: Fault) -> None:
    world.signal(_one(world.beats, fault), signal.SIGTERM)


def _freeze_beat(world: World, fault: Fault) -> None:
    world.freeze(_one(world.beats, fault), fault.seconds)


def _kill_worker(world: World, fault: Fault) -> None:
    pids = _one(world.workers, fault)
    world.troubled.update(pids)
    world.signal(pids, signal.SIGKILL)


def _stop_worker(world: World, fault: Fault) -> None:
    """Its jobs may be longer than its grace; if the server is away just then, it can't even hand them back."""
    pids = _one(world.workers, fault)
    world.troubled.update(pids)
    world.signal(pids, signal.SIGTERM)


def _restart_workers_in_turn(world: World, fault: Fault) -> None:
    """As a rolling deployment does: each gets SIGTERM, some seconds after the one before."""
    for number, worker in enumerate(world.workers):
        world.later(number * (ROLLING_S + fault.seconds), partial(_stop, world, worker))


def _stop(world: World, worker: Member) -> None:
    pids = [worker.pid] if worker.pid is not None else []
    world.troubled.update(pids)
    world.signal(pids, signal.SIGTERM)


def _run_out_of_memory(world: World, fault: Fault) -> None:
    """The next job to begin takes more than its process may have, or its worker, and then the kernel kills it."""
    world.hunger(for_all=bool(fault.which % 2))


def _purge_queue(world: World, _: Fault) -> None:
    """Every message that waits is gone, as after `celery purge`, or a broker's restart without persistence."""
    broker = world.broker or world.server
    if isinstance(broker, RabbitServer):
        broker.purge(DEFAULT_QUEUE)
        return
    with broker.client() as client:
        try:
            client.delete(*(list_name(DEFAULT_QUEUE, priority) for priority in range(HIGHEST_PRIORITY + 1)))
        except (Refused, NoAnswer) as error:
            void(error)  # it is down or frozen: it takes no messages either


def _freeze_worker(world: World, fault: Fault) -> None:
    """The whole of it, children included, as a machine that swaps."""
    pids = [pid for main in _one(world.workers, fault) for pid in (main, *children(main))]
    world.freeze(pids, fault.seconds)


def _freeze_worker_beyond_its_leases(world: World, fault: Fault) -> None:
    """What it had in hand is given away; when it wakes it can't finish that."""
    mains = _one(world.workers, fault)
    world.troubled.update(mains)
    world.freeze([pid for main in mains for pid in (main, *children(main))], LEASE_S + fault.seconds)


def _kill_child(world: World, fault: Fault) -> None:
    mains = _one(world.workers, fault)
    world.troubled.update(mains)
    of_them = [pid for main in mains for pid in children(main)]
    world.signal([of_them[fault.which % len(of_them)]] if of_them else [], signal.SIGKILL)


def children(pid: int) -> list[int]:
    """The processes that `pid` has forked, oldest first."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def _kill_server(world: World, fault: Fault) -> None:
    world.kill_server(fault.seconds / 2)


def _freeze_server(world: World, fault: Fault) -> None:
    world.freeze_server(fault.seconds)


def _kill_clients(world: World, _: Fault) -> None:
    with world.server.client() as client:
        try:
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        except (Refused, NoAnswer) as error:
            void(error)  # the server is down or frozen by the fault before: that is trouble enough


def _wire(world: World, fault: Fault) -> Proxy:
    return world.proxies[fault.which % len(world.proxies)]


def _cut_wire(world: World, fault: Fault) -> None:
    _wire(world, fault).cut()


def _half_close_wire(world: World, fault: Fault) -> None:
    _wire(world, fault).half_close()


def _slow_wire(world: World, fault: Fault) -> None:
    wire = _wire(world, fault)
    wire.delay(fault.seconds / 20)
    world.later(fault.seconds, wire.heal)


def _dead_wire(world: World, fault: Fault) -> None:
    wire = _wire(world, fault)
    wire.hold()
    world.later(fault.seconds, wire.heal)


def _worker_cut_off_beyond_its_leases(world: World, fault: Fault) -> None:
    """It goes on with what it has in hand, which is given away meanwhile; it can't put an end on record."""
    for worker in world.workers:
        if worker.proxy is not None and worker.pid is not None:
            world.troubled.add(worker.pid)
            worker.proxy.hold()
            world.later(LEASE_S + fault.seconds, worker.proxy.heal)


def _lost_answers(world: World, fault: Fault) -> None:
    wire = _wire(world, fault)
    wire.lose_answers()
    world.later(fault.seconds / 3, wire.heal)


def _edit(world: World, _: Fault) -> None:
    world.edit()


def _kill_broker(world: World, fault: Fault) -> None:
    world.kill_broker(fault.seconds / 2)


def _stop_broker(world: World, fault: Fault) -> None:
    world.stop_broker(fault.seconds / 2)


def _cut_broker(world: World, _: Fault) -> None:
    assert world.broker_wire is not None
    world.broker_wire.cut()


def _dead_broker_wire(world: World, fault: Fault) -> None:
    assert world.broker_wire is not None
    world.broker_wire.hold()
    world.later(fault.seconds, world.broker_wire.heal)


def _slow_broker_wire(world: World, fault: Fault) -> None:
    assert world.broker_wire is not None
    world.broker_wire.delay(fault.seconds / 10)
    world.later(fault.seconds, world.broker_wire.heal)


def _half_close_broker_wire(world: World, _: Fault) -> None:
    assert world.broker_wire is not None
    world.broker_wire.half_close()


def _lost_confirms(world: World, fault: Fault) -> None:
    """What is published arrives, and nobody hears of it."""
    assert world.broker_wire is not None
    world.broker_wire.lose_answers()
    world.later(fault.seconds / 2, world.broker_wire.heal)


# How often each comes in one deal of the deck, and what it does.
KINDS: Final[Deck] = {
    "beat killed": (3, _kill_beat),
    "all beats killed": (1, _kill_all_beats),
    "beat stopped": (1, _stop_beat),
    "beat frozen": (3, _freeze_beat),
    "worker killed": (2, _kill_worker),
    "worker stopped": (1, _stop_worker),
    "worker frozen": (2, _freeze_worker),
    "worker frozen beyond its leases": (1, _freeze_worker_beyond_its_leases),
    "pool child killed": (3, _kill_child),
    "workers restarted in turn": (1, _restart_workers_in_turn),
    "out of memory": (3, _run_out_of_memory),
    "queue purged": (2, _purge_queue),
    "server killed": (2, _kill_server),
    "server frozen": (1, _freeze_server),
    "all connections killed": (2, _kill_clients),
    "wire cut": (2, _cut_wire),
    "wire half closed": (1, _half_close_wire),
    "wire slow": (1, _slow_wire),
    "wire dead": (2, _dead_wire),
    "worker cut off beyond its leases": (1, _worker_cut_off_beyond_its_leases),
    "answers lost": (2, _lost_answers),
    "schedules edited": (2, _edit),
}
BROKER_KINDS: Final[Deck] = {
    "broker killed": (3, _kill_broker),
    "broker wire cut": (3, _cut_broker),
    "broker wire dead": (2, _dead_broker_wire),
    "broker wire slow": (1, _slow_broker_wire),
    "broker wire half closed": (1, _half_close_broker_wire),
}
RABBIT_KINDS: Final[Deck] = {
    **BROKER_KINDS,
    "broker restarted": (2, _stop_broker),
    "confirms lost": (3, _lost_confirms),
}
