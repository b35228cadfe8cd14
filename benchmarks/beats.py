"""The beats that dispatch.py compares, each a real process in a folder of its own: ours, stock RedBeat, celery beat."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

JOBS = "from scheduler import job\n\n\n@job\ndef note(region: str, limit: int = 100) -> None: ...\n"

STOCK = """
import os

from celery import Celery, signals
from celery.schedules import crontab, schedule

app = Celery("stock", broker=os.environ["BROKER"])
app.conf.update(redbeat_redis_url=os.environ["REDBEAT"], timezone="UTC", enable_utc=True)
often = os.environ["EVERY"] == "second"
app.conf.beat_schedule = {
    f"entry-{number:05}": {
        "task": "jobs.note",
        "schedule": schedule(run_every=1) if often else crontab(),
        "kwargs": {"region": f"eu-{number}", "limit": 100},
    }
    for number in range(int(os.environ["ENTRIES"]))
}


@signals.beat_init.connect
def ready(**_):
    print("READY", flush=True)
"""


class Beat(NamedTuple):
    """One kind of beat: how it is started, the line that says that it is ready, and the queue it fills."""

    name: str
    arguments: tuple[str, ...]
    ready: str
    queue: str


ONBEAT = Beat("onbeat", ("-m", "scheduler", "beat"), '"schedules.applied"', "default")
REDBEAT = Beat(
    "redbeat",
    ("-m", "celery", "-A", "stock", "beat", "-S", "redbeat.RedBeatScheduler", "-l", "info"),
    "READY",
    "celery",
)
CELERY = Beat("celery beat", ("-m", "celery", "-A", "stock", "beat", "-l", "info"), "READY", "celery")


def write_project(folder: Path, entries: int, every: str) -> None:
    """What all kinds need: `entries` jobs that run every "minute", every "second" or once a "year"."""
    (folder / "jobs").mkdir(parents=True, exist_ok=True)
    (folder / "jobs" / "__init__.py").write_text(JOBS)
    (folder / "stock.py").write_text(STOCK)
    for old in folder.glob("celerybeat-schedule*"):
        old.unlink()
    # Spread over the second: 200 a second means one every five milliseconds.
    when = {
        "second": 'interval = "1s"\njitter = "999ms"',
        "minute": 'crontab = "* * * * *"',
        "year": 'crontab = "0 0 29 2 *"',
    }[every]
    tables = [f'[defaults]\njob = "jobs.note"\noverlap = "allow"\nmax_active = 100000\n{when}\n']
    tables += [
        f'[schedules.entry-{number:05}]\nkwargs = {{ region = "eu-{number}", limit = 100 }}\n'
        for number in range(entries)
    ]
    (folder / "schedules.toml").write_text("\n".join(tables))


class Running:
    """A beat that runs; what it writes is read, as a log collector would."""

    def __init__(self, beat: Beat, folder: Path, url: str, entries: int, every: str) -> None:
        environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join((str(folder), str(Path(__file__).parents[1]))),
            "ONBEAT_REDIS_URL": url,
            "ONBEAT_LOG_FORMAT": "json",
            "BROKER": url.replace("unix://", "redis+socket://").replace("?db=0", ""),
            "REDBEAT": url,
            "ENTRIES": str(entries),
            "EVERY": every,
        }
        self.began = time.monotonic()
        self.ready_s: float | None = None
        self.ready_cpu_s = 0.0
        self._ready = threading.Event()
        self._word = beat.ready.encode()
        self._process = subprocess.Popen(
            [sys.executable, *beat.arguments],
            cwd=folder,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def await_ready(self, within_s: float) -> float:
        """How long it took from its start until it was ready, in seconds."""
        if not self._ready.wait(within_s) or self.ready_s is None:
            self.stop()
            sys.exit(f"a beat was not ready within {within_s:g} s")
        return self.ready_s

    def cpu_s(self) -> float:
        """How long it has kept a core busy, which other programs change less than the time on the clock."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """End it, by force where it does not end by itself: a stock beat in the middle of a long tick."""
        self._process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(3)
        self._process.kill()
        self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if self.ready_s is None and self._word in line:
                self.ready_s = time.monotonic() - self.began
                self.ready_cpu_s = self.cpu_s()
                self._ready.set()


@contextmanager
def running(beat: Beat, folder: Path, url: str, entries: int, every: str) -> Iterator[Running]:
    """A beat that is ended with the block."""
    process = Running(beat, folder, url, entries, every)
    try:
        yield process
    finally:
        process.stop()
