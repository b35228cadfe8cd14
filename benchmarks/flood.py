"""A job that writes 10 million lines: what it costs the job, its worker and the server.

    .venv/bin/python benchmarks/flood.py [--lines 10000000] [--only print,program,library,logging] [--json FILE]

print       a job in Python that prints
program     a program that the job starts, which writes to the job's stdout
library     C code in the job's own process, which writes to descriptor 1
logging     the standard library's logging

Each is run alone first, as a script whose lines are counted by a program behind a pipe, and then as a job of a worker
with two children, whose lines are counted likewise: none may be missing. Meanwhile the memory of server and worker
and the lease of the run are looked at twice a second. It fails where a line is missing, where the server
grows by more than 4 MB or the worker by more than 32 MB, where the run keeps other than the first 200 and the last 800
lines, and where its lease is ever shorter than 5 s.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from scheduler.publisher import StorePublisher
from scheduler.run import Call, manual_run_id
from scheduler.store import Keys, Store
from scheduler.store.logs import FIRST_LINES, LAST_LINES

sys.path.insert(0, str(Path(__file__).parent))
from dispatch import about_machine, say
from worker import Bench, cpu_s, rss_mb

MOST_OF_SERVER_MB: Final = 4.0
MOST_OF_WORKER_MB: Final = 32.0
SHORTEST_LEASE_S: Final = 5.0
LOOK_EVERY_S: Final = 0.5
WARM_UP: Final = 5_000
MB: Final = 1024 * 1024

JOBS = """
import ctypes
import logging
import subprocess
import sys

from scheduler import job

ROW = "row %d was read and written to the table of orders"


@job
def print_(lines: int) -> None:
    for number in range(lines):
        print(ROW % number)


@job
def program(lines: int) -> None:
    subprocess.run(["seq", "-f", ROW.replace("%d", "%.0f"), str(lines)], check=True)


@job
def library(lines: int) -> None:
    printf = ctypes.CDLL(None).printf
    row = (ROW + "\\n").encode()
    for number in range(lines):
        printf(row, number)


@job
def logging_(lines: int) -> None:
    log = logging.getLogger("orders")
    for number in range(lines):
        log.info(ROW, number)
"""

_ALONE = """
import logging, sys
logging.basicConfig(level="INFO", stream=sys.stdout)
import jobs
getattr(jobs, sys.argv[1])(int(sys.argv[2]))
"""

WAYS: Final = {"print": "print_", "program": "program", "library": "library", "logging": "logging_"}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--only", default=",".join(WAYS))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    document: dict[str, Any] = {"machine": about_machine(), "lines": options.lines}
    missed = []
    with tempfile.TemporaryDirectory(prefix="ob") as name:
        bench = Bench(Path(name))
        (bench.folder / "jobs" / "__init__.py").write_text(JOBS)
        try:
            for way in options.only.split(","):
                figures = document[way] = measured(bench, WAYS[way], options.lines)
                say(json.dumps(figures))
                missed += [f"{way}: {what}" for what in wrong(figures, options.lines)]
        finally:
            bench.close()
    document["machine"]["load after"] = round(os.getloadavg()[0], 1)
    report(document)
    for each in missed:
        print(f"MISSED: {each}")
    if options.json:
        options.json.write_text(json.dumps(document, indent=2) + "\n")
    return int(bool(missed))


def measured(bench: Bench, function: str, lines: int) -> dict[str, Any]:
    """One way to write so many lines: alone, and as a run."""
    say(f"{function}: {lines:,} lines alone")
    began = time.monotonic()
    command = [sys.executable, "-c", _ALONE, function, str(lines)]
    with subprocess.Popen(command, cwd=bench.folder, env=bench.environ, stdout=subprocess.PIPE) as alone:
        counted(alone.stdout).wait()
    alone_s = time.monotonic() - began
    say(f"{function}: as a run")
    bench.forget()
    command = [sys.executable, "-m", "scheduler", "worker", "-c", "2"]
    with (bench.folder / "worker.err").open("wb") as errors:
        worker = subprocess.Popen(
            command, cwd=bench.folder, env=bench.environ, stdout=subprocess.PIPE, stderr=errors
        )
    counter = counted(worker.stdout)
    try:
        watch = Watch(bench.store, worker.pid)
        watch.see(begin(bench.store, function, WARM_UP))
        watch.begin()
        found = watch.see(begin(bench.store, function, lines))
    finally:
        worker.terminate()
        worker.wait(30)
        out, _ = counter.communicate()
    return {**found, "alone_s": round(alone_s, 1), "written": int(out) - WARM_UP}


def counted(stream: Any) -> "subprocess.Popen[bytes]":
    """What counts the lines that a job wrote in this stream."""
    pattern = '"event": "run.log"|^row|^INFO'
    counter = subprocess.Popen(["grep", "-cE", pattern], stdin=stream, stdout=subprocess.PIPE)
    stream.close()
    return counter


def begin(store: Store, function: str, lines: int) -> str:
    run_id = manual_run_id()
    call, now = Call(job=f"jobs.{function}", kwargs={"lines": lines}), store.presence.now()
    store.runs.create(run_id, call, entry="flood", trigger="manual", scheduled_at=now)
    StorePublisher(store).publish([(run, text, 1) for run, text in store.runs.calls([run_id]).values()])
    return run_id


class Watch:
    """Looks at a worker and its server while a run goes on."""

    def __init__(self, store: Store, pid: int) -> None:
        self._store = store
        self._pid = pid
        self.begin()

    def begin(self) -> None:
        """From here on what grows is measured."""
        self._server_mb = self._memory_mb()
        self._worker_mb = sum(rss_mb(self._pid).values())
        self._server_most = self._worker_most = 0.0
        self._lease_least = float("inf")
        self._cpu_s = cpu_s(self._pid)

    def see(self, run_id: str) -> dict[str, Any]:
        """Wait for the end of the run; what was seen meanwhile."""
        while (run := self._store.runs.get(run_id)) is None or not run.state.final:
            self._look(run_id)
            time.sleep(LOOK_EVERY_S)
        assert run.started_at is not None
        assert run.finished_at is not None
        kept = self._store.logs.read(run_id)
        return {
            "state": f"{run.state}, attempt {run.attempt}",
            "run_s": round((run.finished_at - run.started_at).total_seconds(), 1),
            "worker_cpu_s": round(cpu_s(self._pid) - self._cpu_s, 1),
            "server_grew_mb": round(self._server_most, 1),
            "worker_grew_mb": round(self._worker_most, 1),
            "lease_least_s": round(self._lease_least, 1),
            "kept": sum(line["event"] == "run.log" for _, line in kept),
            "left_out": sum(int(line.get("left_out", 0)) for _, line in kept),
            "log_kb": round(int(str(self._store.client.memory_usage(Keys().log(run_id)))) / 1024),
        }

    def _look(self, run_id: str) -> None:
        self._server_most = max(self._server_most, self._memory_mb() - self._server_mb)
        self._worker_most = max(self._worker_most, sum(rss_mb(self._pid).values()) - self._worker_mb)
        ends = self._store.client.zscore(Keys().own("leases"), run_id)
        if ends is not None:
            left = float(str(ends)) / 1000 - self._store.presence.now().timestamp()
            self._lease_least = min(self._lease_least, left)

    def _memory_mb(self) -> float:
        return int(self._store.client.info("memory")["used_memory"]) / MB


def wrong(figures: dict[str, Any], lines: int) -> list[str]:
    """What should not be so."""
    checks = {
        f"it ended as {figures['state']}": figures["state"] == "succeeded, attempt 1",
        f"{lines - figures['written']:,} lines are missing": figures["written"] == lines,
        f"{figures['kept']} lines are kept": figures["kept"] == FIRST_LINES + LAST_LINES,
        f"{figures['left_out']:,} are said to be left out": figures["left_out"] + figures["kept"] == lines,
        "the server grew": figures["server_grew_mb"] <= MOST_OF_SERVER_MB,
        "the worker grew": figures["worker_grew_mb"] <= MOST_OF_WORKER_MB,
        "the lease was nearly lost": figures["lease_least_s"] >= SHORTEST_LEASE_S,
    }
    return [what for what, well in checks.items() if not well]


def report(document: dict[str, Any]) -> None:
    print("\n" + ", ".join(f"{key} {value}" for key, value in document["machine"].items()))
    print(f"{document['lines']:,} lines")
    for way in WAYS.keys() & document.keys():
        each = document[way]
        print(
            f"{way:8} alone {each['alone_s']:7.1f} s, as a run {each['run_s']:7.1f} s "
            f"({document['lines'] / each['run_s']:,.0f} lines/s), the server grew by {each['server_grew_mb']} MB, "
            f"the worker by {each['worker_grew_mb']} MB, the lease was never below {each['lease_least_s']} s"
        )


if __name__ == "__main__":
    sys.exit(main())
