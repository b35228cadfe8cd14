"""`onbeat up`: beat, worker and server in one foreground process tree."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scheduler.cli.options import examples

if TYPE_CHECKING:
    from scheduler.entry import Entry
    from scheduler.settings import Settings

SHOWN_ENTRIES = 12


@click.command(
    epilog=examples("onbeat up", "onbeat up -c 4", "onbeat up | jq -c 'select(.level == \"error\")'")
)
@click.option("-c", "--concurrency", type=click.IntRange(1, 10_000), help="So many runs at once.")
def up(*, concurrency: int | None) -> int:
    """Start everything here: a beat, a worker, and a server of their own.

    The server is a Valkey that keeps its data in .onbeat/, unless ONBEAT_REDIS_URL names another. Ctrl-C and
    SIGTERM let running jobs end within ONBEAT_SHUTDOWN_GRACE; a second Ctrl-C ends them at once.
    """
    from scheduler.embedded import EmbeddedServer
    from scheduler.settings import load_settings
    from scheduler.up.tree import ChildFailed, Tree

    settings = load_settings(**({} if concurrency is None else {"concurrency": concurrency}))
    entries = _entries(settings)
    directory = Path.cwd()
    server = EmbeddedServer(directory) if settings.redis_url is None else None
    if server is not None:
        server.claim_folder()
    try:
        return _run(
            Tree(directory=directory, grace=settings.shutdown_grace, server=server), settings, entries
        )
    except ChildFailed as failure:
        if not sys.stdout.isatty():
            for line in failure.said:
                sys.__stderr__.write(f"{line}\n")
        raise


def _run(tree: object, settings: "Settings", entries: "Mapping[str, Entry]") -> int:
    raise NotImplementedError
