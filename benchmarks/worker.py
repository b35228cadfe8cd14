"""Our worker and stock Celery's side by side, on one server that is set as that of `onbeat up`.

    .venv/bin/python benchmarks/worker.py [--runs 3000] [--repeats 3] [--only rate,latency,memory] [--json FILE]

Real processes, whose logs go to a file. Measured are:

rate     runs a second of a job that does nothing, with two children each: ours with claims, leases, log lines and
         records; stock Celery with its Redis result backend, once with its lines of INFO, once at its own level,
         WARNING. They take turns, each with a queue that is full before its worker starts; measured from 90 to 10 %.
         Besides, how long each run keeps a core busy, the server's share included: that varies less
latency  how long after its due time a job has written its first line, with a beat and a worker that have little to do
memory   how much a worker and its children have grown 10,000 runs later

All of it takes two to three minutes. It fails below 0.8 of stock Celery's rate, above 50 ms for the 99th percentile,
and above 5 MB. Figures are medians, with the least and the greatest.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from operator import truediv
from pathlib import Path
from typing import Any, Final, NamedTuple

from scheduler.embedded import EmbeddedServer
from scheduler.publisher import StorePublisher
from scheduler.run import Call, manual_run_id
from scheduler.store import Keys, Store, connect

sys.path.insert(0, str(Path(__file__).parent))
from dispatch import about_machine, say, server_cpu_s
from figures import told

LEAST_SHARE: Final = 0.8
MOST_P99_MS: Final = 50.0
MOST_GROWTH_MB: Final = 5.0
ENTRIES: Final = 20
FIRST_RUNS: Final = 1_000
LATER_RUNS: Final = 10_000
LATENCY_S: Final = 30.0
PATIENCE_S: Final = 60.0
BATCH: Final = 500
MB: Final = 1024

JOBS = """
from scheduler import job


@job
def nothing() -> None: ...


@job
def line() -> None:
    print("here")
"""

STOCK = """
import os

from celery import Celery

app = Celery("stock", broker=os.environ["BROKER"], backend=os.environ["BROKER"])


@app.task(name="nothing")
def nothing(): ...
"""

_DUE = "\n".join(
    f'[schedules.line-{n}]\njob = "jobs.line"\ninterval = "1s"\njitter = "999ms"\n' for n in range(10)
)


Figures = dict[str, list[float]]  # by measure


class Kind(NamedTuple):
    """One kind of worker: how it is started, and the list that it takes its messages from."""

    name: str
    arguments: tuple[str, ...]
    queue: str


_STOCK = (
    "-m",
    "celery",
    "-A",
    "stock",
    "worker",
    "-P",
    "prefork",
    "-c",
    "2",
    "--without-gossip",
    "--without-mingle",
)
ONBEAT = Kind("onbeat", ("-m", "scheduler", "worker", "-c", "2"), "default")
STOCK_INFO = Kind("celery -l info", (*_STOCK, "-l", "info"), "celery")
STOCK_QUIET = Kind("celery", (*_STOCK, "-l", "warning"), "celery")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--runs", type=int, default=3_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="rate,latency,memory")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    wanted = options.only.split(",")
    machine = about_machine()
    document: dict[str, Any] = {"machine": machine, "runs": options.runs}
    with tempfile.TemporaryDirectory(prefix="ob") as name:
        bench = Bench(Path(name))
        try:
            if "rate" in wanted:
                document["rate"] = rates(bench, options.runs, options.repeats)
            if "latency" in wanted:
                document["latency"] = latency(bench)
            if "memory" in wanted:
                document["memory"] = memory(bench)
        finally:
            bench.close()
    machine["load after"] = round(os.getloadavg()[0], 1)
    missed = report(document)
    if options.json:
        options.json.write_text(json.dumps(document, indent=2) + "\n")
    else:
        print(json.dumps(document, indent=2))
    return int(bool(missed))


class Bench:
    """A folder with both projects, and a server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "jobs").mkdir()
        (folder / "jobs" / "__init__.py").write_text(JOBS)
        (folder / "stock.py").write_text(STOCK)
        (folder / "schedules.toml").write_text(_DUE)
        self._server = EmbeddedServer(folder)
        self._server.claim_folder()
        self.url = str(self._server.start())
        self.store = Store(connect(self.url, socket_timeout_s=30), Keys())
        self.environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join((str(folder), str(Path(__file__).parents[1]))),
            "ONBEAT_REDIS_URL": self.url,
            "ONBEAT_LOG_FORMAT": "json",
            "BROKER": self.url.replace("unix://", "redis+socket://").replace("?db=0", ""),
        }

    def close(self) -> None:
        self.store.close()
        self._server.stop()

    @contextmanager
    def running(self, arguments: Sequence[str], log: str = "log") -> Iterator["subprocess.Popen[bytes]"]:
        """A process of ours or theirs, which is ended with the block."""
        with (self.folder / log).open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, *arguments], cwd=self.folder, env=self.environ, stdout=file, stderr=file
            )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait()

    def fill(self, kind: Kind, runs: int) -> None:
        """So many messages for this kind of worker."""
        if kind is not ONBEAT:
            filling = f"import stock\nfor _ in range({runs}): stock.nothing.delay()"
            subprocess.run([sys.executable, "-c", filling], cwd=self.folder, env=self.environ, check=True)
            return
        publisher = StorePublisher(self.store)
        now = self.store.presence.now()
        ids = [manual_run_id() for _ in range(runs)]
        for number, run_id in enumerate(ids):
            entry = f"entry-{number % ENTRIES}"
            self.store.runs.create(
                run_id, Call(job="jobs.nothing"), entry=entry, trigger="manual", scheduled_at=now
            )
        for first in range(0, runs, BATCH):
            some = self.store.runs.calls(ids[first : first + BATCH])
            publisher.publish([(run, text, 1) for run, text in some.values()])

    def length(self, kind: Kind) -> int:
        return int(str(self.store.client.llen(kind.queue)))

    def await_length(self, kind: Kind, most: int, process: "subprocess.Popen[bytes]") -> float:
        """When at most so many messages are left in the queue, by the monotonic clock."""
        end = time.monotonic() + PATIENCE_S
        while self.length(kind) > most:
            if time.monotonic() > end or process.poll() is not None:
                sys.exit(f"{kind.name} did not get on:\n{(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.005)
        return time.monotonic()

    def server_cpu_s(self) -> float:
        """How long the server has kept a core busy."""
        return float(server_cpu_s(self.store))

    def forget(self) -> None:
        self.store.client.flushall()


def rates(bench: Bench, runs: int, repeats: int) -> dict[str, Figures]:
    """Runs a second and the time of a core for each, one kind of worker after the other, and again."""
    kinds = (ONBEAT, STOCK_INFO, STOCK_QUIET)
    figures: dict[str, Figures] = {kind.name: {"runs_per_s": [], "cpu_ms_per_run": []} for kind in kinds}
    for number in range(repeats):
        for kind in kinds[number % len(kinds) :] + kinds[: number % len(kinds)]:
            bench.forget()
            bench.fill(kind, runs)
            with bench.running(kind.arguments) as process:
                began = bench.await_length(kind, runs * 9 // 10, process)
                busy, left = cpu_s(process.pid) + bench.server_cpu_s(), bench.length(kind)
                ended = bench.await_length(kind, runs // 10, process)
                done = left - bench.length(kind)
                cpu_ms = 1000 * (cpu_s(process.pid) + bench.server_cpu_s() - busy) / done
            rate = done / (ended - began)
            figures[kind.name]["runs_per_s"].append(rate)
            figures[kind.name]["cpu_ms_per_run"].append(cpu_ms)
            say(f"{kind.name}: {rate:.0f} runs/s, {cpu_ms:.2f} ms of a core for each")
    return figures


def latency(bench: Bench) -> dict[str, float]:
    """From the due time to the job's first line, in ms: ten entries, each every second."""
    say(f"latency: {LATENCY_S:g} s")
    bench.forget()
    with bench.running(("-m", "scheduler", "beat"), "beat"), bench.running(ONBEAT.arguments):
        time.sleep(LATENCY_S)
    late = []
    for text in (bench.folder / "log").read_text().splitlines():
        event = json.loads(text)
        if event["event"] == "run.log":
            due, said = (datetime.fromisoformat(event[field]) for field in ("scheduled_at", "timestamp"))
            late.append((said - due).total_seconds() * 1000)
    settled = late[len(late) // 5 :]  # the first were due while the worker was starting
    points = statistics.quantiles(settled, n=100)
    return {"samples": len(settled), "p50_ms": points[49], "p99_ms": points[98], "max_ms": max(settled)}


def memory(bench: Bench) -> dict[str, float]:
    """What the worker and its children hold in memory after the first runs, and have grown by since, in MB."""
    say(f"memory: {LATER_RUNS} runs")
    bench.forget()
    bench.fill(ONBEAT, FIRST_RUNS)
    with bench.running(ONBEAT.arguments) as process:
        bench.await_length(ONBEAT, 0, process)
        first = rss_mb(process.pid)
        bench.fill(ONBEAT, LATER_RUNS)
        bench.await_length(ONBEAT, 0, process)
        last = rss_mb(process.pid)
    grown = {name: last[name] - first[name] for name in first}
    return {
        "first_mb": sum(first.values()),
        "grown_mb": sum(grown.values()),
        "grown_most_mb": max(grown.values()),
    }


def cpu_s(pid: int) -> float:
    """How long a process and its children have kept a core busy, which other programs change less than the clock."""
    ticks = 0
    for each in family(pid):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """A process and its children."""
    return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


def rss_mb(pid: int) -> dict[int, float]:
    """What a process and each of its children hold in memory."""
    found = {}
    for each in family(pid):
        status = Path(f"/proc/{each}/status").read_text()
        found[each] = int(status.partition("VmRSS:")[2].split()[0]) / MB
    return found


def report(document: dict[str, Any]) -> list[str]:
    """The table; returns what does not reach its target."""
    missed = []
    print("\n" + ", ".join(f"{key} {value}" for key, value in document["machine"].items()))
    if rate := document.get("rate"):
        document["share"] = {}
        for name, figures in rate.items():
            share = statistics.median(map(truediv, rate[ONBEAT.name]["runs_per_s"], figures["runs_per_s"]))
            document["share"][name] = share
            cells = (
                f"{told(figures['runs_per_s']):>24} runs/s {told(figures['cpu_ms_per_run']):>20} ms of a core"
            )
            print(f"{name:20}{cells}   ours to this {share:.2f}")
        if document["share"][STOCK_INFO.name] < LEAST_SHARE:
            missed.append(f"the rate is below {LEAST_SHARE} of stock Celery's")
    if late := document.get("latency"):
        print(
            f"{'due to first line':32}p50 {late['p50_ms']:.1f} ms, p99 {late['p99_ms']:.1f} ms, "
            f"most {late['max_ms']:.1f} ms, {late['samples']} runs"
        )
        if late["p99_ms"] > MOST_P99_MS:
            missed.append(f"the 99th percentile is above {MOST_P99_MS:g} ms")
    if held := document.get("memory"):
        print(
            f"{'memory':32}{held['first_mb']:.1f} MB, grown by {held['grown_mb']:.2f} MB in {LATER_RUNS} runs"
        )
        if held["grown_mb"] > MOST_GROWTH_MB:
            missed.append(f"it grows by more than {MOST_GROWTH_MB:g} MB")
    for each in missed:
        print(f"MISSED: {each}")
    return missed


if __name__ == "__main__":
    sys.exit(main())
