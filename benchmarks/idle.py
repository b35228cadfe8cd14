"""What a beat costs that has nothing to do: 100,000 entries, none of them due.

    .venv/bin/python benchmarks/idle.py [--entries 100000] [--seconds 60]

A real beat on a server that is set as that of `onbeat up`. After its start it is watched for a minute: how much of a
core it keeps busy, and how many commands the server runs, those within scripts with them. It fails above 1 % and 5 a
second.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from scheduler.embedded import EmbeddedServer
from scheduler.store import Keys, Store, connect

sys.path.insert(0, str(Path(__file__).parent))
from beats import ONBEAT, running, write_project

MOST_OF_A_CORE = 0.01
MOST_COMMANDS_A_SECOND = 5.0
SETTLED_AFTER_S = 5.0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ob") as name:
        server = EmbeddedServer(Path(name))
        server.claim_folder()
        store = Store(connect(server.start(), socket_timeout_s=30), Keys())
        try:
            share, commands = watched(Path(name) / "idle", store, str(server.url), options)
        finally:
            store.close()
            server.stop()
    print(f"{options.entries} entries: {share:.2%} of a core, {commands:.2f} commands a second")
    return int(share > MOST_OF_A_CORE or commands > MOST_COMMANDS_A_SECOND)


def watched(folder: Path, store: Store, url: str, options: argparse.Namespace) -> tuple[float, float]:
    """The share of a core and the commands a second of a beat that has nothing to do."""
    write_project(folder, options.entries, "year")
    with running(ONBEAT, folder, url, options.entries, "year") as process:
        print(f"ready after {process.await_ready(600):.1f} s", file=sys.stderr, flush=True)
        time.sleep(SETTLED_AFTER_S)
        began, busy, before = time.monotonic(), process.cpu_s(), commands_of(store)
        time.sleep(options.seconds)
        took = time.monotonic() - began
        return (process.cpu_s() - busy) / took, (commands_of(store) - before - 1) / took


def commands_of(store: Store) -> int:
    return int(store.client.info("stats")["total_commands_processed"])


if __name__ == "__main__":
    sys.exit(main())
