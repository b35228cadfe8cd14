"""A process tree like that of `onbeat up`, with children that a test makes up."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.process import OnbeatProcess, clean_environ, started

ROOT = Path(__file__).parents[2]

_SCRIPT = """
import json, os, sys
from datetime import timedelta
from pathlib import Path
from scheduler.embedded import EmbeddedServer
from scheduler.errors import OnbeatError
from scheduler.log_setup import configure, emit, errors_to_stderr
from scheduler.up.child import ChildSpec
from scheduler.up.tree import Tree

options = json.loads(sys.argv[1])
server = EmbeddedServer(Path.cwd()) if options["server"] else None
if server:
    server.claim_folder()

def children(url):
    environ = {**os.environ, "URL": url or ""}
    return [ChildSpec(name, [sys.executable, "-u", "-c", code], environ) for name, code in options["children"].items()]

try:
    with errors_to_stderr():
        configure("up", format=options["format"])
        code = Tree(directory=Path.cwd(), grace=timedelta(seconds=options["grace"]), server=server).run(children)
        emit("up.stopped", exit_code=code)
    sys.exit(code)
except OnbeatError as error:
    print(f"error: {error}; hint: {error.hint}", file=sys.stderr)
    sys.exit(error.exit_code)
"""

# A child that says when it is up, ends in order on SIGTERM, and says so.
OBEDIENT = """
import json, signal, sys, threading
end = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: end.set())
print(json.dumps({"event": "test.up"}))
end.wait()
print(json.dumps({"event": "test.end"}))
"""
STUBBORN = OBEDIENT.replace("lambda *_: end.set()", "signal.SIG_IGN")


@contextmanager
def tree(
    directory: Path, *, server: bool = False, grace: float = 5, may_leave: bool = False, **children: str
) -> Iterator[OnbeatProcess]:
    """A running tree whose children are Python scripts, by name."""
    *program, options = tree_command(server=server, grace=grace, **children)
    with started(
        options, directory=directory, environ=tree_environ(), may_leave=may_leave, program=program
    ) as process:
        yield process


def tree_command(*, server: bool = False, grace: float = 5, **children: str) -> list[str]:
    """The command of such a tree."""
    options = {"server": server, "grace": grace, "children": children, "format": "json"}
    return [sys.executable, "-c", _SCRIPT, json.dumps(options)]


def tree_environ() -> dict[str, str]:
    """What it needs in its environment."""
    return clean_environ(PYTHONPATH=str(ROOT))
