"""The entries and the jobs that run while things break, and their ticks, computed by nothing of ours.

Every schedule here has ticks at the multiples of its period since the epoch, in milliseconds: an interval without an
anchor by INTERFACE's word, and a crontab of the kind `*/2 * * * *` in UTC by simple arithmetic. An entry that follows
on others has the ticks of those whose runs all succeeded, or of those that failed.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

JOBS: Final = """
import hashlib
import json
import os
import resource
import time

from scheduler import current_run, job


def note(path, phase):
    run = current_run()
    line = json.dumps({"phase": phase, "entry": run.entry, "at": round(run.scheduled_at.timestamp() * 1000),
        "run": run.run_id, "attempt": run.attempt, "pid": os.getpid(), "main": os.getppid(),
        "when": time.monotonic()}) + "\\n"
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)


def eat_if_told(path):
    # Take more memory than there is: the kernel kills, or Python raises, and some C libraries abort.
    mine = f"{path}.eaten-{os.getpid()}"
    try:
        os.rename(path + ".hungry", mine)
    except FileNotFoundError:
        return
    note(path, "hungry")
    if open(mine).read() == "all there is":
        bytearray(4 << 30)
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(open("/proc/self/statm").read().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (64 << 20), before[1]))
    try:
        bytearray(1 << 30)
    except MemoryError:
        if current_run().scheduled_at.second % 2:
            os.abort()
        raise
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@job
def work(path: str, seconds: float = 0.0, fails: float = 0.0) -> None:
    note(path, "begin")
    eat_if_told(path)
    time.sleep(seconds)
    run = current_run()
    chance = hashlib.sha256(f"{run.run_id}{run.attempt}".encode()).digest()[0] / 256
    if chance < fails:
        raise RuntimeError("by chance")
    note(path, "end")
"""


@dataclass(frozen=True, slots=True)
class Planned:
    """One entry."""

    name: str
    period_ms: int
    overlap: str = "skip"
    max_attempts: int = 3
    seconds: float = 0.0
    fails: float = 0.0
    catchup: str = "latest"
    more: str = ""
    group: str | None = None
    after: tuple[str, ...] = ()
    after_failed: tuple[str, ...] = ()

    @property
    def follows(self) -> bool:
        """Whether its ticks are those of other entries."""
        return bool(self.after or self.after_failed)

    @property
    def lane(self) -> str:
        """What its runs must not overlap with: those of the same lane."""
        return self.name if self.group is None else f"the group {self.group}"

    @property
    def schedule(self) -> str:
        """The line of schedules.toml that says when."""
        if self.follows:
            named = {"after": self.after, "after_failed": self.after_failed}
            return "\n".join(f"{key} = {json.dumps(names)}" for key, names in named.items() if names)
        minutes, rest = divmod(self.period_ms, 60_000)
        return f'crontab = "*/{minutes} * * * *"' if not rest else f'interval = "{self.period_ms}ms"'

    def ticks(self, after_ms: int, until_ms: int) -> list[int]:
        """Every tick after the one moment, up to and with the other."""
        first = after_ms // self.period_ms + 1
        return [number * self.period_ms for number in range(first, until_ms // self.period_ms + 1)]


def planned(quick: int) -> list[Planned]:
    """`quick` entries of one second, and some of every other kind."""
    return [
        *(Planned(f"quick-{number}", 1_000) for number in range(quick)),
        *(Planned(f"slow-{number}", 1_000, seconds=0.4 + 0.5 * number) for number in range(3)),
        *(Planned(f"flaky-{number}", 1_000, fails=0.3) for number in range(3)),
        *(Planned(f"allowed-{number}", 1_000, overlap="allow", seconds=0.3) for number in range(2)),
        Planned("queued", 1_000, overlap="queue", seconds=1.3),
        *(Planned(f"shared-{n}", 1_000, overlap="queue", seconds=0.3, group="shared") for n in range(2)),
        Planned("replaced", 2_000, overlap="replace", seconds=2.5),
        Planned("long", 3_000, seconds=4.0),
        Planned("once", 1_000, max_attempts=1, seconds=0.1),
        Planned("none", 1_000, catchup="none"),
        Planned("each", 1_000, catchup="all"),
        Planned("each-at-once", 1_000, overlap="allow", catchup="all"),
        Planned("spread", 1_000, overlap="allow", catchup="all", more='catchup_spread = "3s"'),
        Planned("uneven", 2_500),
        Planned("every-7", 7_000),
        Planned("in-time", 1_000, overlap="allow", more='start_deadline = "3s"'),
        Planned("follower", 0, overlap="allow", after=("quick-0", "flaky-0")),
        Planned("follower-of-it", 0, overlap="allow", seconds=0.1, after=("follower",)),
        Planned("rescue", 0, overlap="allow", after_failed=("once", "flaky-1")),
        Planned("minute", 60_000),
        Planned("two-minutes", 120_000),
    ]


def schedules(entries: list[Planned], notes: Path, edition: int = 0) -> str:
    """The entries as schedules.toml. Nothing is trimmed: the accounts need every run. Editions differ in no tick."""
    defaults = f'job = "jobs.work"\ntimeout = "60s"\nkeep_runs = 100000\ndescription = "edition {edition}"\n'
    return f"[defaults]\n{defaults}\n" + "\n".join(_table(entry, notes) for entry in entries)


def _table(entry: Planned, notes: Path) -> str:
    retry = f'{{ max_attempts = {entry.max_attempts}, initial = "200ms", jitter = 0.0, backoff = "fixed" }}'
    kwargs = f'{{ path = "{notes}", seconds = {entry.seconds}, fails = {entry.fails} }}'
    group = f'group = "{entry.group}"\n' if entry.group else ""
    return (
        f'[schedules.{entry.name}]\n{entry.schedule}\noverlap = "{entry.overlap}"\n{group}'
        f'catchup = "{entry.catchup}"\n{entry.more}\n'
        f"retry = {retry}\nkwargs = {kwargs}\n"
    )
