"""Our beat, stock RedBeat and celery beat side by side, on one server that is set as that of `onbeat up`.

    .venv/bin/python benchmarks/dispatch.py [--entries 10000] [--repeats 1] [--only onbeat,redbeat]
                                            [--measure start-up,burst] [--json FILE]

Real processes, whose logs are read as a collector would. Measured are, for entries that are all due at one minute:

start-up    from the start of the process until it is ready, on an empty server and again with nothing changed, three
            times in turns; how long that kept cores busy, the server's with it, and how many commands it ran
burst       from the minute until the last message is in the broker, and how long that kept a core busy; and the same
            for 500 entries, for celery beat does not come to its end with 10,000: before each message it compares all
            entries with a copy of them (Scheduler.schedules_equal), which takes 60 ms of a core
sustained   ours: ticks a second over rounds of as many entries, with records, ledger and log lines; theirs: the burst
steady      200 entries, each every second: how long after its time a message can be taken from the queue; for the stock
            beats, which do not say what time a message is for, how many messages came of those that should have

A repeat takes some five minutes for each kind of beat. Figures are medians, with the least and the greatest. At the end
it says which aims are met; the exit code is 1 where one is not.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from scheduler import log_setup
from scheduler.beat.turn import take_turn
from scheduler.cadences.interval import Interval
from scheduler.embedded import EmbeddedServer
from scheduler.entry import Entry
from scheduler.epoch import milliseconds
from scheduler.store import Keys, Store, connect

sys.path.insert(0, str(Path(__file__).parent))
from beats import CELERY, ONBEAT, REDBEAT, Beat, running, write_project
from figures import Figures, report

MINUTE_S = 60.0
STEADY_ENTRIES = 200
STEADY_S = 12.0
ROUNDS = 6
MEASURES = ("start-up", "burst", "steady", "sustained")
STARTS = 3
FEW = 500  # as many entries celery beat can send within a minute


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--entries", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--only", default="onbeat,redbeat,celery beat")
    parser.add_argument("--measure", default=",".join(MEASURES))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    beats = [beat for beat in (ONBEAT, REDBEAT, CELERY) if beat.name in options.only.split(",")]
    figures: Figures = defaultdict(lambda: defaultdict(list))
    machine = about_machine()
    with tempfile.TemporaryDirectory(prefix="ob") as name:
        folder = Path(name) / "project"
        server = EmbeddedServer(Path(name))
        server.claim_folder()
        store = Store(connect(server.start(), socket_timeout_s=30), Keys())
        machine["server"] = "valkey {valkey_version}".format(**store.client.info("server"))
        try:
            for _ in range(options.repeats):
                measure(beats, folder, store, str(server.url), options, figures)
        finally:
            store.close()
            server.stop()
    machine["load after"] = round(os.getloadavg()[0], 1)
    names = [beat.name for beat in (ONBEAT, REDBEAT, CELERY)]
    return int(not report(figures, machine, options, names))


def measure(
    beats: list[Beat], folder: Path, store: Store, url: str, options: argparse.Namespace, figures: Figures
) -> None:
    """All that was asked for, once; the beats in turns."""
    measures, entries = options.measure.split(","), options.entries
    for beat in beats * (STARTS if "start-up" in measures else 0):
        measure_start(beat, folder, store, url, entries, figures)
    if "burst" in measures:
        for beat in beats:
            measure_burst(beat, folder, store, url, entries, figures)
        for beat in beats:
            measure_burst(beat, folder, store, url, FEW, figures, f"burst of {FEW}")
    for beat in beats if "steady" in measures else ():
        measure_steady(beat, folder, store, url, figures)
    if "sustained" in measures and ONBEAT in beats:
        store.client.flushall()
        figures["sustained, ticks/s"][ONBEAT.name] += sustained(store, entries)


def measure_start(beat: Beat, folder: Path, store: Store, url: str, entries: int, figures: Figures) -> None:
    """A start on an empty server, and another with nothing changed."""
    say(f"{beat.name}: two starts")
    store.client.flushall()
    store.client.script_flush()
    write_project(folder, entries, "minute")
    for what in ("all new", "unchanged"):
        await_second(1, 30)
        before = commands(store), server_cpu_s(store)
        with running(beat, folder, url, entries, "minute") as process:
            figures[f"start-up, {what}, s"][beat.name].append(process.await_ready(120))
            figures[f"start-up, {what}, CPU s"][beat.name].append(
                process.ready_cpu_s + server_cpu_s(store) - before[1]
            )
            figures[f"start-up, {what}, commands"][beat.name].append(commands(store) - before[0])


def measure_burst(
    beat: Beat, folder: Path, store: Store, url: str, entries: int, figures: Figures, name: str = "burst"
) -> None:
    """All entries due at one minute, and that minute: the next one has its own ticks."""
    say(f"{beat.name}: {entries} entries at one minute")
    store.client.flushall()
    store.client.script_flush()
    write_project(folder, entries, "minute")
    await_second(1, 30)
    with running(beat, folder, url, entries, "minute") as process:
        process.await_ready(120)
        minute = next_minute(leisure_s=10)
        store.client.delete(beat.queue)
        time.sleep(minute - time.time())
        busy = process.cpu_s(), server_cpu_s(store)
        length = 0
        while length < entries and time.time() < minute + MINUTE_S - 1:
            time.sleep(0.01)
            length = int(str(store.client.llen(beat.queue)))
        took = time.time() - minute
        used = process.cpu_s() - busy[0], server_cpu_s(store) - busy[1]
    figures[f"{name}, % sent in its minute"][beat.name].append(100 * length / entries)
    if length >= entries:
        figures[f"{name}, s"][beat.name].append(took)
        figures[f"{name}, CPU s of the beat"][beat.name].append(used[0])
        figures[f"{name}, CPU s of the server"][beat.name].append(used[1])
    else:
        say(f"{beat.name}: {length:,} of {entries:,} within the minute")
    if beat is not ONBEAT and entries > FEW:
        figures["sustained, ticks/s"][beat.name].append(length / took)


def measure_steady(beat: Beat, folder: Path, store: Store, url: str, figures: Figures) -> None:
    """200 entries, each every second."""
    say(f"{beat.name}: {STEADY_ENTRIES} a second")
    store.client.flushall()
    write_project(folder, STEADY_ENTRIES, "second")
    lateness: list[float] = []
    count = 0
    with running(beat, folder, url, STEADY_ENTRIES, "second") as process:
        process.await_ready(60)
        settled, end = time.time() + 3, time.time() + 3 + STEADY_S
        while (now := time.time()) < end:
            popped: Any = store.client.brpop([beat.queue], timeout=1)
            now = time.time()
            if popped is None or now < settled:
                continue
            count += 1
            if beat is ONBEAT:
                at = json.loads(popped[1])["headers"]["onbeat"]["scheduled_at"]
                lateness.append(now * 1000 - at)
    if lateness:
        points = statistics.quantiles(lateness, n=100)
        figures["steady, p50 ms late"][beat.name].append(points[49])
        figures["steady, p99 ms late"][beat.name].append(points[98])
    figures["steady, % sent"][beat.name].append(100 * count / (STEADY_ENTRIES * STEADY_S))


def sustained(store: Store, entries: int) -> list[float]:
    """Ticks a second of turns, in this process, round after round; the first, which reads the entries, is left out."""
    every = Interval(timedelta(minutes=1))
    wanted = {
        f"entry-{number:05}": Entry(
            name=f"entry-{number:05}",
            job="jobs.note",
            schedule=every,
            kwargs={"region": f"eu-{number}", "limit": 100},
            overlap="allow",
            max_active=100_000,
        )
        for number in range(entries)
    }
    store.entries.apply(wanted, digest="d", revision=0, now=store.presence.now(), by="benchmark")
    reader = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert reader.stdin is not None
    log_setup.configure("beat", format="json", stream_fd=reader.stdin.fileno())
    rates = []
    for _ in range(ROUNDS + 1):
        set_back(store, wanted)
        began = time.perf_counter()
        turn = take_turn(store, push=True, go_on=True)
        ticks = turn.dispatched
        while turn.more:
            turn = take_turn(store, push=True, select=turn.following, go_on=True)
            ticks += turn.dispatched
        rates.append(ticks / (time.perf_counter() - began))
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    reader.stdin.close()
    reader.wait()
    return rates[1:]


def set_back(store: Store, names: dict[str, Entry]) -> None:
    """All entries are due again, and what they left is gone."""
    minute = store.presence.now().replace(second=0, microsecond=0)
    pipeline = store.client.pipeline(transaction=False)
    for name in names:
        key = store.keys.entry(name)
        pipeline.hset(key, "tick", milliseconds(minute - timedelta(minutes=1)))
        pipeline.zadd(store.keys.schedule, {key: milliseconds(minute) / 1000})
        pipeline.delete(store.keys.runs(name), store.keys.active(name))
    pipeline.delete("default", store.keys.own("unclaimed"))
    pipeline.execute()
    for key in store.client.scan_iter(store.keys.run("*"), count=5_000):
        store.client.delete(key)


def commands(store: Store) -> int:
    """How many commands the server has been sent or has run for a script."""
    return int(store.client.info("stats")["total_commands_processed"])


def server_cpu_s(store: Store) -> float:
    """How long the server has kept a core busy."""
    used = store.client.info("cpu")
    return float(used["used_cpu_user"]) + float(used["used_cpu_sys"])


def await_second(first: int, last: int) -> None:
    """Wait for a moment of the minute that is far enough from its ends."""
    while not first <= time.time() % MINUTE_S < last:
        time.sleep(0.1)


def next_minute(leisure_s: float) -> float:
    """The next full minute that is at least so far away."""
    return (time.time() + leisure_s) // MINUTE_S * MINUTE_S + MINUTE_S


def about_machine() -> dict[str, Any]:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load before": round(os.getloadavg()[0], 1),
    }


def say(text: str) -> None:
    print(f"… {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
