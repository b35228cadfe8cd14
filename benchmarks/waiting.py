"""What 50,000 retries cost that wait for their time: for a worker, for a beat, and for the server.

    .venv/bin/python benchmarks/waiting.py [--retries 50000] [--seconds 30]

A beat and a worker with two children, real processes with nothing to do, are watched before there is a retry and again
with all of them, whose times come between an hour and 30 days later: how much of a core each keeps busy, what it holds
in memory, and how many commands the server runs. It fails where they cost the worker or the beat more than 1 MB or half
a percent of a core, or the server more than 12 commands a second or 2 KB each.
"""

import argparse
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Final, NamedTuple

from scheduler.attempt import Claimed, Ending
from scheduler.retry import RetryPolicy
from scheduler.run import Call, RunState, manual_run_id

sys.path.insert(0, str(Path(__file__).parent))
from dispatch import about_machine, say
from worker import Bench, cpu_s, rss_mb

MOST_MB: Final = 1.0
MOST_OF_A_CORE: Final = 0.005
MOST_COMMANDS_A_SECOND: Final = 12.0  # where one retry waits or all of them, an idle turn counts what is due
MOST_KB_EACH: Final = 2.0
SETTLED_AFTER_S: Final = 8.0
ENTRIES: Final = 20
HOUR: Final = timedelta(hours=1)
LONGEST: Final = timedelta(days=30)
LEASE: Final = timedelta(seconds=15)


class Seen(NamedTuple):
    """One process in one stretch of time."""

    of_a_core: float
    mb: float


class Look(NamedTuple):
    """A stretch of time: both processes, commands a second, and the server's memory."""

    worker: Seen
    beat: Seen
    commands: float
    server_mb: float


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--retries", type=int, default=50_000)
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    machine = about_machine()
    with tempfile.TemporaryDirectory(prefix="ob") as name:
        bench = Bench(Path(name))
        (bench.folder / "schedules.toml").write_text("")
        try:
            without, many = watched(bench, options.retries, options.seconds)
        finally:
            bench.close()
    print(", ".join(f"{key} {value}" for key, value in machine.items()))
    return int(bool(report(without, many, options.retries)))


def watched(bench: Bench, retries: int, seconds: float) -> tuple[Look, Look]:
    worker, beat = ("-m", "scheduler", "worker", "-c", "2"), ("-m", "scheduler", "beat")
    with bench.running(worker, "worker") as first, bench.running(beat, "beat") as second:
        time.sleep(SETTLED_AFTER_S)
        say(f"without: {seconds:g} s")
        without = look(bench, first.pid, second.pid, seconds)
        say(f"making {retries:,} retries")
        make(bench, retries)
        time.sleep(SETTLED_AFTER_S)
        say(f"with them: {seconds:g} s")
        return without, look(bench, first.pid, second.pid, seconds)


def make(bench: Bench, retries: int) -> None:
    """So many runs whose first attempt failed."""
    policy = RetryPolicy(max_attempts=2)
    now = bench.store.presence.now()
    for number in range(retries):
        call = Call(job="jobs.nothing", retry=policy, kwargs={"customer": number})
        run_id, entry = manual_run_id(), f"entry-{number % ENTRIES}"
        runs = bench.store.runs
        runs.create(run_id, call, entry=entry, trigger="manual", scheduled_at=now, publish_at="never")
        claimed = runs.claim(run_id, 1, "bench", "token", LEASE)
        assert isinstance(claimed, Claimed)
        wait = HOUR + (LONGEST - HOUR) * number / retries
        ending = Ending(state=RunState.RETRYING, error="ConnectionError: no route to host", wait=wait)
        runs.finish(run_id, 1, "bench", ending, entry=entry, call=claimed.call)


def look(bench: Bench, worker: int, beat: int, seconds: float) -> Look:
    """Watch for a while."""
    began, before = time.monotonic(), commands_of(bench)
    busy = cpu_s(worker), cpu_s(beat)
    time.sleep(seconds)
    took = time.monotonic() - began
    return Look(
        worker=Seen((cpu_s(worker) - busy[0]) / took, sum(rss_mb(worker).values())),
        beat=Seen((cpu_s(beat) - busy[1]) / took, sum(rss_mb(beat).values())),
        commands=(commands_of(bench) - before - 1) / took,
        server_mb=int(bench.store.client.info("memory")["used_memory"]) / 1024**2,
    )


def commands_of(bench: Bench) -> int:
    return int(bench.store.client.info("stats")["total_commands_processed"])


def report(without: Look, many: Look, retries: int) -> list[str]:
    """The table; returns what costs too much."""
    missed = []
    for name in ("worker", "beat"):
        before, after = getattr(without, name), getattr(many, name)
        print(
            f"{name:7}{before.of_a_core:.2%} → {after.of_a_core:.2%} of a core, {before.mb:.1f} → {after.mb:.1f} MB"
        )
        if after.mb - before.mb > MOST_MB or after.of_a_core - before.of_a_core > MOST_OF_A_CORE:
            missed.append(f"they cost the {name} too much")
    each_kb = (many.server_mb - without.server_mb) * 1024 / retries
    print(
        f"server {without.commands:.2f} → {many.commands:.2f} commands a second, {each_kb:.2f} KB for each retry"
    )
    if many.commands - without.commands > MOST_COMMANDS_A_SECOND or each_kb > MOST_KB_EACH:
        missed.append("they cost the server too much")
    for each in missed:
        print(f"MISSED: {each}")
    return missed


if __name__ == "__main__":
    sys.exit(main())
