"""How long `next`, `plan` and `simulate` take over 10,000 entries and 7 days; each is to stay below 10 s.

    .venv/bin/python benchmarks/commands.py [ENTRIES]

The entries share 50 schedules of every kind that is common, in four zones, and some have jitter. `check` is shown for
comparison: all of them read the file. The times are those of whole processes: what they kept a core busy, which is
judged, and what passed on the clock, which on a busy machine is more.
"""

import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT_S = 10.0
ENTRIES = 10_000
ROUNDS = 3
SPAN = ("--from", "2026-11-21", "--until", "2026-11-28")
JOBS = "from scheduler import job\n\n\n@job\ndef hello() -> None: ...\n"
COMMANDS = {
    "check": ["check"],
    "next": ["next", *SPAN],
    "next, as a calendar": ["next", *SPAN, "--format", "ics"],
    "next, the first ten": ["next"],
    "plan, nothing changed": ["plan", "--against", "same.toml"],
    "plan, all changed": ["plan", "--against", "other.toml", "--json"],
    "plan, all added": ["plan", "--against", "empty.toml"],
    "simulate": ["simulate", *SPAN],
    "simulate, measured": ["simulate", *SPAN, "--durations", "times.json"],
    "simulate, with slots": ["simulate", *SPAN, "--durations", "times.json", "--slots", "4000"],
}


def schedules(seed: int) -> list[str]:
    """Fifty schedules as lines of TOML."""
    chance = random.Random(seed)
    crontabs = [f"{chance.randrange(60)} {chance.randrange(24)} * * *" for _ in range(28)]
    crontabs += ["* * * * *", *(f"*/{step} * * * *" for step in (5, 10, 15, 30))]
    crontabs += ["0 * * * *", "@daily", "@hourly", "0 9-17 * * 1-5", "0 0 1 * *", "30 2 L * *", "0 6 * * 1#1"]
    crontabs += ["H * * * *", "H H * * *", "H/15 * * * *"]
    intervals = ["10s", "30s", "1m", "5m", "15m", "1h", "6h"]
    return [*(f'crontab = "{each}"' for each in crontabs), *(f'interval = "{each}"' for each in intervals)]


def file_of(entries: int, seed: int) -> str:
    """A schedules.toml."""
    kinds = schedules(seed)
    zones = ["Europe/Berlin", "America/New_York", "UTC", "Asia/Seoul"]
    tables = ['[defaults]\njob = "jobs.hello"\ntimeout = "5m"\n']
    for index in range(entries):
        kind = kinds[index % len(kinds)]
        lines = [f"[schedules.entry-{index}]", kind, f'timezone = "{zones[index % len(zones)]}"']
        lines += ['jitter = "10m"'] if index % 11 == 0 else []
        tables.append("\n".join([*lines, ""]))
    return "\n".join(tables)


def seconds(arguments: list[str], folder: Path) -> tuple[float, float]:
    """How long `onbeat ARGUMENTS` keeps a core busy in `folder`, and how long it takes."""
    began, busy = time.perf_counter(), _busy()
    command = [sys.executable, "-m", "scheduler", *arguments]
    code = subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    if code.returncode not in (0, 6):
        sys.exit(f"onbeat {' '.join(arguments)} ended with {code.returncode}: {code.stderr.decode()}")
    return _busy() - busy, time.perf_counter() - began


def _busy() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    entries = int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "jobs").mkdir()
        (folder / "jobs" / "__init__.py").write_text(JOBS)
        for file, seed in (("schedules.toml", 1), ("same.toml", 1), ("other.toml", 2)):
            (folder / file).write_text(file_of(entries, seed))
        (folder / "empty.toml").write_text("[schedules]\n")
        chance = random.Random(3)
        times = [
            f'"entry-{index}": {{"p50": {chance.random() * 60:.2f}, "p95": {60 + chance.random() * 600:.2f}}}'
            for index in range(entries)
        ]
        (folder / "times.json").write_text(f"{{{', '.join(times)}}}")
        print(
            f"{entries} entries, 7 days; the best of {ROUNDS}, core and clock; load {os.getloadavg()[0]:.1f}"
        )
        best = {}
        for what, arguments in COMMANDS.items():
            taken = [seconds(arguments, folder) for _ in range(ROUNDS)]
            best[what] = min(busy for busy, _ in taken)
            print(f"{what:24} {best[what]:6.2f} s  {min(clock for _, clock in taken):6.2f} s", flush=True)
    if over := [what for what, took in best.items() if took > LIMIT_S]:
        sys.exit(f"longer than {LIMIT_S:g} s: {', '.join(over)}")


if __name__ == "__main__":
    main()
