"""A small deployment under a supervisor: a Valkey that persists, beats and workers, some behind a bad wire.

One thread drives it all: `tend` does what has become due (start again what died, thaw what was frozen, heal a wire),
`pace` waits while tending. So a schedule of faults has one order of events.
"""

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from scheduler.errors import Unreachable
from scheduler.store import Keys, Store, connect
from tests.faults.entries import JOBS, Planned, schedules
from tests.faults.proxy import Proxy
from tests.support import memory_limit
from tests.support.memory_limit import MemoryLimit
from tests.support.process import PROGRAM, OnbeatProcess
from tests.support.project import Project
from tests.support.rabbitmq import RabbitServer
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

STEP_S: Final = 0.02
RESTART_AFTER_S: Final = 0.3
WORKERS_MEGABYTES: Final = 700  # several times what one with its children takes
GRACE: Final = "1s"  # shorter than some of the jobs, so that a worker that is stopped hands back


Broker = ValkeyServer | RabbitServer


@dataclass
class Member:
    """A process that the supervisor keeps alive."""

    arguments: tuple[str, ...]
    proxy: Proxy | None
    program: tuple[str, ...] = PROGRAM
    environ: dict[str, str] = field(default_factory=dict)
    process: OnbeatProcess | None = None
    past: list[OnbeatProcess] = field(default_factory=list)
    start_at: float = 0.0

    @property
    def pid(self) -> int | None:
        """Its process id, while it lives."""
        return None if self.process is None or self.process.ended() else self.process.pid


@dataclass
class World:
    """Everything that can break, and what was broken so far.

    `server_kills`: when, by the machine's monotonic clock, as in the notes of the jobs. `troubled`: the workers whose
    runs may have been lost, by pid. `applied_at`: when the entries began. `url`: where to ask which
    server it is at the moment.
    """

    project: Project
    server: ValkeyServer
    entries: list[Planned]
    url: str | None = None
    beats: list[Member] = field(default_factory=list)
    workers: list[Member] = field(default_factory=list)
    proxies: list[Proxy] = field(default_factory=list)
    server_kills: list[float] = field(default_factory=list)
    troubled: set[int] = field(default_factory=set)
    server_is_well: bool = True
    edition: int = 0
    applied_at: datetime | None = None
    broker: Broker | None = None
    broker_wire: Proxy | None = None
    broker_is_up: bool = True
    limits: list[MemoryLimit] = field(default_factory=list)
    _later: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    _supervising: bool = True

    @property
    def notes(self) -> Path:
        """What the jobs wrote."""
        return self.project.directory / "notes"

    @property
    def members(self) -> list[Member]:
        return [*self.beats, *self.workers]

    def store(self) -> Store:
        """The deployment's state, by a wire that never breaks."""
        return Store(connect(self.url or self.server.url), Keys())

    def add(self, kind: str, *arguments: str, behind_proxy: bool = False) -> Member:
        """One more beat or worker; the next `tend` starts it."""
        proxy = Proxy(self.server.port).start() if behind_proxy else None
        if proxy is not None:
            self.proxies.append(proxy)
        member = Member((kind, *arguments), proxy)
        if kind == "worker" and memory_limit.can_be_made():
            self.limits.append(MemoryLimit(WORKERS_MEGABYTES))
            member.program = (*self.limits[-1].prefix, *PROGRAM)
        (self.beats if kind == "beat" else self.workers).append(member)
        return member

    def add_broker(self, broker: Broker | None = None) -> None:
        """Messages go to a server of their own, over a wire that may break. Before anything is started."""
        self.broker = broker or ValkeyServer(append_only=True, appendfsync="everysec")
        self.broker.start()
        self.broker_wire = Proxy(self.broker.port).start()
        self.proxies.append(self.broker_wire)
        by_wire = self.broker.url.replace(f":{self.broker.port}/", f":{self.broker_wire.port}/")
        self.project.environ["ONBEAT_BROKER_URL"] = by_wire

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Do `action` in so many seconds, from within `tend`."""
        self._later.append((time.monotonic() + seconds, action))

    def tend(self) -> None:
        """What a supervisor does, and what was put off until now."""
        now = time.monotonic()
        due = [each for each in self._later if each[0] <= now]
        self._later = [each for each in self._later if each[0] > now]
        for _, action in due:
            action()
        for member in self.members:
            self._supervise(member, now)

    def _supervise(self, member: Member, now: float) -> None:
        if member.pid is not None or not self._supervising:
            return
        if member.process is not None:
            member.process.close()
            member.past.append(member.process)
            member.process = None
            member.start_at = now + RESTART_AFTER_S
        if now >= member.start_at:
            self.start(member)

    def start(self, member: Member) -> OnbeatProcess:
        """Start it now."""
        direct = self.url or self.server.url
        url = {"ONBEAT_REDIS_URL": member.proxy.url if member.proxy else direct}
        member.process = OnbeatProcess(
            member.arguments,
            directory=self.project.directory,
            environ={**self.project.environ, **url, **member.environ},
            program=member.program,
        )
        return member.process

    def pace(self, seconds: float) -> None:
        """Let so much time pass, tending."""
        end = time.monotonic() + seconds
        pause = threading.Event()
        while (left := end - time.monotonic()) > 0:
            self.tend()
            pause.wait(min(STEP_S, left))

    def await_(self, check: Callable[[], object], within: float, what: str) -> None:
        """Tend until `check()`; the store being away means not yet."""

        def tended() -> object:
            self.tend()
            return check()

        eventually(tended, within, every=STEP_S, what=what)

    def kill_server(self, down_s: float) -> None:
        """A crash of the server, which starts again later from what it had written."""
        self._trouble_server(down_s, lambda: void(self.server.start()))
        self.server_kills.append(time.monotonic())
        self.server.kill()

    def edit(self) -> None:
        """Somebody saves schedules.toml with other words for every entry: no tick may come or go by that."""
        self.edition += 1
        new = self.project.write("new.toml", schedules(self.entries, self.notes, self.edition))
        new.replace(self.project.directory / "schedules.toml")

    def hunger(self, *, for_all: bool) -> None:
        """The next job that begins is to take more memory than it may: its own limit, or all that its worker has.

        In the end the kernel kills it. Where nobody can limit a worker's memory it is always the job's own limit.
        """
        how = "all there is" if for_all and memory_limit.can_be_made() else "its own"
        new = self.notes.with_name(f"{self.notes.name}.hungry-new")
        new.write_text(how)
        new.replace(self.notes.with_name(f"{self.notes.name}.hungry"))

    def kill_broker(self, down_s: float) -> None:
        """A crash of the other server, which starts again later; one that is down already stays so."""
        self._end_broker(down_s, lambda broker: broker.kill())

    def stop_broker(self, down_s: float) -> None:
        """Its administrator restarts it."""
        self._end_broker(down_s, lambda broker: broker.stop())

    def _end_broker(self, down_s: float, end: Callable[[Broker], None]) -> None:
        broker = self.broker
        if broker is None or not self.broker_is_up:
            return
        self.broker_is_up = False
        end(broker)

        def begun() -> None:
            broker.begin()
            up()

        def up() -> None:
            self.broker_is_up = broker.answers()
            if not self.broker_is_up:
                self.later(0.3, up)

        self.later(down_s, begun)

    def cut_power(self) -> None:
        """A crash of the server's machine: what was written in the last second, and not yet synced, is gone."""
        (log,) = self.server.directory.glob("appendonlydir/*.incr.aof")
        synced = log.stat().st_size
        self.pace(1.0)
        self.troubled.update(worker.pid for worker in self.workers if worker.pid is not None)
        self.server_kills.append(time.monotonic())
        self.server.kill()
        os.truncate(log, synced)
        self.server.start()

    def freeze_server(self, seconds: float) -> None:
        """It keeps its connections and answers nobody for a while."""
        self._trouble_server(seconds, self.server.thaw)
        self.server.freeze()

    def _trouble_server(self, seconds: float, mend: Callable[[], None]) -> None:
        """One trouble of the server at a time: the next waits for the end of the one before."""
        self.await_(lambda: self.server_is_well, within=20, what="the end of the server's last trouble")
        self.server_is_well = False

        def mended() -> None:
            mend()
            self.server_is_well = True

        self.later(seconds, mended)

    def signal(self, pids: list[int], number: signal.Signals) -> None:
        """To each that is still there."""
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def freeze(self, pids: list[int], seconds: float) -> None:
        """Stop these processes, and let them go on later."""
        self.signal(pids, signal.SIGSTOP)
        self.later(seconds, lambda: self.signal(pids, signal.SIGCONT))

    def settle(self, within: float = 90) -> None:
        """Everything is up again, and no entry is overdue."""
        self.await_(lambda: not self._later, within, "the end of all faults")
        store = self.store()
        self.await_(lambda: self._is_up(store), within, "the server and every process")
        self.applied_at = self.applied_at or store.entries.applied().applied_at

        def up_to_date() -> bool:
            selection = store.ticks.select()
            return all((selection.now - due.due_at).total_seconds() < 0.5 for due in selection.due)

        self.await_(lambda: _unless_away(up_to_date), within, "a schedule without overdue entries")

    def _is_up(self, store: Store) -> bool:
        def all_signed_in() -> bool:
            now = store.presence.now()
            for kind, members in (("beats", self.beats), ("workers", self.workers)):
                signs = store.presence.all("beats" if kind == "beats" else "workers").values()
                fresh = {sign.about["pid"] for sign in signs if (now - sign.seen_at).total_seconds() < 6}
                if not {member.pid for member in members} <= fresh:
                    return False
            return True

        return _unless_away(all_signed_in)

    def close_the_books(self) -> None:
        """No new ticks, an end for every run, and then no beats.

        A run may wait for its lease, its retry or its second message, all of which takes beats: so a pause comes first.
        """
        self.settle()
        self.project.run("pause", "--all", "--reason", "the books are closed").expect(0)
        store = self.store()
        active = store.keys.own("active:*")

        def all_have_ended() -> bool:
            left = [run for key in store.client.keys(active) for run in store.client.smembers(key)]
            assert not left, [store.runs.get(str(run_id)) for run_id in left]
            return True

        # After a clock that was set forward thousands of caught-up runs may be in the queue.
        self.await_(all_have_ended, within=300, what="the end of every run")
        self._supervising = False
        for beat in self.beats:
            if beat.process is not None and not beat.process.ended():
                assert beat.process.stop() == 0, beat.process.transcript()

    def handed_back(self) -> Counter[tuple[str, int]]:
        """The attempts that a worker gave back when it was stopped: each may start once more, without being counted."""
        said = [line for each in self._lived() for line in each.out if "run.interrupted" in line]
        events = [json.loads(line) for line in said]
        return Counter((event["run_id"], event["attempt"]) for event in events)

    def _lived(self) -> list[OnbeatProcess]:
        processes = [process for member in self.members for process in (*member.past, member.process)]
        return [process for process in processes if process is not None]

    def complaints(self) -> list[str]:
        """What the processes said of faults of their own: no fault of the world may bring one about."""
        lived = self._lived()
        ours = ("crashed", "turn_failed", "unraisable")
        said = [line for each in lived for line in each.out if any(word in line for word in ours)]
        return said + [line for each in lived for line in each.err]

    def close(self) -> None:
        """End all of it, whatever state it is in."""
        for member in self.members:
            for process in [*member.past, *([member.process] if member.process else [])]:
                process.close()
        for proxy in self.proxies:
            proxy.close()
        for server in (self.server, self.broker):
            if server is not None:
                server.close()
        for limit in self.limits:
            limit.close()


def void(_: object) -> None:
    """Nothing."""


def _unless_away(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except Unreachable:
        return False


@contextmanager
def new_world(
    directory: Path,
    entries: list[Planned],
    *,
    server: ValkeyServer | None = None,
    url: str | None = None,
    server_environ: Mapping[str, str] | None = None,
) -> Iterator[World]:
    """A project with these entries on a server of its own; nothing runs yet.

    Without another word the server syncs its file every second. One to be found by `url` runs already.
    """
    server = server or ValkeyServer(append_only=True, appendfsync="everysec")
    if url is None:
        server.environ |= server_environ or {}
        server.start()
    project = Project(directory, url or server.url)
    world = World(project, server, entries, url)
    project.environ["ONBEAT_SHUTDOWN_GRACE"] = GRACE
    project.jobs(JOBS)
    project.schedules(schedules(entries, world.notes))
    try:
        yield world
    finally:
        world.close()
