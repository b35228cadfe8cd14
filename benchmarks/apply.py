"""How long a file of 10,000 entries takes from its text to the store, and an edit of one of them from save to effect.

    .venv/bin/python -m benchmarks.apply [ENTRIES]

The entries share 50 schedules, and the store is a real Valkey on this machine. Of each step the best of some rounds is
shown: what passed on the clock, and what it kept cores busy, ours and the server's, which is judged: on a busy machine
the clock shows more.
"""

import os
import statistics
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event
from typing import TypeVar

from benchmarks.commands import JOBS, file_of
from scheduler.beat.file_watch import FileWatch
from scheduler.job_catalogue import JobCatalogue, load_catalogue
from scheduler.plan import Plan
from scheduler.reading.entry_memory import EntryMemory
from scheduler.reading.schedule_file import ScheduleFile, read_schedules
from scheduler.store import Keys, Store, connect
from tests.support.process import clean_environ, started
from tests.support.valkey import ValkeyServer

Result = TypeVar("Result")

ENTRIES = 10_000
ROUNDS = 5
FIRST_LIMIT_S = 2.0
EDIT_LIMIT_S = 0.1
EFFECT_LIMIT_S = 1.0
IDLE_S = 10.0


@dataclass
class Took:
    """What a step took at its best: on the clock, and of the cores."""

    clock_s: float = float("inf")
    core_s: float = float("inf")


class Steps:
    """The steps by name, measured again and again."""

    def __init__(self, server: ValkeyServer) -> None:
        self.took: dict[str, Took] = {}
        self._client = connect(server.url)

    def measure(self, what: str, step: Callable[[], Result]) -> Result:
        """Do the step, and remember what it took if that was the least."""
        busy, clock = self._busy(), time.perf_counter()
        result = step()
        took = self.took.setdefault(what, Took())
        took.clock_s = min(took.clock_s, time.perf_counter() - clock)
        took.core_s = min(took.core_s, self._busy() - busy)
        return result

    def _busy(self) -> float:
        used = self._client.info("cpu")
        return float(used["used_cpu_user"]) + float(used["used_cpu_sys"]) + time.process_time()


def edited(text: str, number: int) -> str:
    """The file with one entry changed."""
    return text.replace("[schedules.entry-77]", f'[schedules.entry-77]\nowner = "team-{number}"')


def in_process(steps: Steps, folder: Path, server: ValkeyServer, catalogue: JobCatalogue) -> None:
    """Each step by itself, in this process."""
    path = folder / "schedules.toml"
    text = path.read_text()

    def read(memory: EntryMemory) -> ScheduleFile:
        return read_schedules(path, catalogue=catalogue, environ={}, memory=memory)

    def apply(store: Store, file: ScheduleFile) -> Plan:
        now = store.presence.now()
        return store.entries.apply(file.entries, digest=file.digest, revision=0, now=now, by="benchmark")

    for number in range(ROUNDS):
        path.write_text(text)
        store, memory = Store(connect(server.url), Keys()), EntryMemory()
        store.client.flushall()
        steps.measure("TOML alone", lambda: tomllib.loads(text))
        file = steps.measure("read and check", partial(read, memory))
        steps.measure("apply, to an empty store", partial(apply, store, file))
        other = Store(connect(server.url), Keys())
        steps.measure("apply, in force already", partial(apply, other, file))
        path.write_text(edited(text, number))
        file = steps.measure("read and check, one edited", partial(read, memory))
        changes = steps.measure("apply, one edited", partial(apply, store, file))
        if len(changes.changed) != 1:
            sys.exit(f"{len(changes.changed)} entries were changed, and not one")
    path.write_text(text)


def from_save_to_effect(folder: Path, server: ValkeyServer) -> list[float]:
    """How long a running beat takes from the save of an edit to its event, in seconds."""
    path = folder / "schedules.toml"
    text = path.read_text()
    environ = clean_environ(HOME=str(folder), ONBEAT_REDIS_URL=server.url)
    took = []
    with started("beat", directory=folder, environ=environ) as beat:
        beat.wait_for_event("schedules.applied", within=60)
        for number in range(ROUNDS):
            began = time.time()
            path.write_text(edited(text, number))
            beat.wait_for_event("schedules.applied", within=60, changed=1, count=number + 1)
            took.append(time.time() - began)
    return took


def idle_share(folder: Path) -> float:
    """The share of a core that the watch of one file takes while nothing happens."""
    watch = FileWatch(lambda: None)
    watch.follow({folder / "schedules.toml": None})
    watch.start()
    Event().wait(1)
    before = time.process_time()
    Event().wait(IDLE_S)
    share = (time.process_time() - before) / IDLE_S
    watch.stop()
    return share


def main() -> None:
    """Measure, print, and exit with 1 where a limit is passed."""
    entries = int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES
    server = ValkeyServer()
    server.start()
    steps = Steps(server)
    print(
        f"{entries} entries; the best of {ROUNDS}, clock and cores; load {os.getloadavg()[0]:.1f}", flush=True
    )
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "jobs").mkdir()
            (folder / "jobs" / "__init__.py").write_text(JOBS)
            (folder / "schedules.toml").write_text(file_of(entries, 1))
            in_process(steps, folder, server, load_catalogue(["jobs"], folder))
            for what, took in steps.took.items():
                print(f"{what:28} {took.clock_s:7.3f} s {took.core_s:7.3f} s", flush=True)
            Store(connect(server.url), Keys()).client.flushall()
            effects = from_save_to_effect(folder, server)
            print(
                f"{'from save to effect':28} {min(effects):7.3f} s, median {statistics.median(effects):.3f} s"
            )
            print(f"{'the watch, idle':28} {idle_share(folder):7.3%} of a core")
    finally:
        server.stop()
    first = steps.took["read and check"].core_s + steps.took["apply, to an empty store"].core_s
    edit = steps.took["apply, one edited"].core_s
    limits = {
        "first": (first, FIRST_LIMIT_S),
        "edit": (edit, EDIT_LIMIT_S),
        "effect": (min(effects), EFFECT_LIMIT_S),
    }
    print(", ".join(f"{what} {took:.3f} s of {limit:g}" for what, (took, limit) in limits.items()))
    if over := [what for what, (took, limit) in limits.items() if took > limit]:
        sys.exit(f"too long: {', '.join(over)}")


if __name__ == "__main__":
    main()
