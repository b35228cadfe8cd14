"""`onbeat up`: beat, worker and server in one foreground process tree."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scheduler.cli.options import examples

if TYPE_CHECKING:
    from scheduler.embedded import EmbeddedServer
    from scheduler.entry import Entry
    from scheduler.settings import Settings
    from scheduler.up.child import ChildSpec

SHOWN_ENTRIES = 10


@click.command(
    epilog=examples("onbeat up", "onbeat up -c 4", "onbeat up | jq -c 'select(.level == \"error\")'")
)
@click.option(
    "-c", "--concurrency", type=click.IntRange(1, 10_000), metavar="N", help="So many runs at once."
)
def up(*, concurrency: int | None) -> int:
    """Start everything here: a beat, a worker, and a server of their own.

    The server is a Valkey that keeps its data in .onbeat/, unless ONBEAT_REDIS_URL names another. Ctrl-C
    and SIGTERM let running jobs end within ONBEAT_SHUTDOWN_GRACE; a second Ctrl-C ends them at once.
    """
    from scheduler.embedded import EmbeddedServer
    from scheduler.log_setup import errors_to_stderr
    from scheduler.settings import load_settings
    from scheduler.up.tree import ChildFailed

    settings = load_settings(**({} if concurrency is None else {"concurrency": concurrency}))
    entries = _entries(settings)
    server = EmbeddedServer(Path.cwd()) if settings.redis_url is None else None
    if server is not None:
        server.claim_folder()
    if sys.stdout.isatty():
        _print_first_screen(settings, entries, server)
    try:
        with errors_to_stderr():
            return _run(settings, server)
    except ChildFailed as failure:
        if not sys.stdout.isatty():  # on a terminal it stands just above
            for line in failure.said:
                click.echo(line, err=True)
        raise


def _entries(settings: "Settings") -> "Mapping[str, Entry]":
    """The file's entries. Its jobs are looked at by the beat: a supervisor imports no code that it watches."""
    from scheduler.errors import InvalidSchedules
    from scheduler.reading.schedule_file import read_schedules

    file = read_schedules(settings.schedules, catalogue=None, environ=os.environ, env=settings.env)
    problems = [problem for problem in file.problems if problem.severity == "error"]
    if problems:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise InvalidSchedules(f"{settings.schedules} can't be used: {count}", problems=problems)
    return file.entries


def _run(settings: "Settings", server: "EmbeddedServer | None") -> int:
    from scheduler import __version__
    from scheduler.errors import OnbeatError
    from scheduler.log_setup import configure, emit
    from scheduler.settings import secret_values
    from scheduler.up.tree import Tree

    configure(
        "up",
        format=settings.log_format,
        level=settings.log_level,
        secrets=secret_values(settings),
    )
    emit("up.started", version=__version__, directory=Path.cwd())
    code = 1
    try:
        tree = Tree(directory=Path.cwd(), grace=settings.shutdown_grace, server=server)
        code = tree.run(_children(settings))
    except OnbeatError as error:
        code = error.exit_code
        raise
    finally:
        emit("up.stopped", exit_code=code)
    return code


def _children(settings: "Settings") -> "Callable[[str | None], Sequence[ChildSpec]]":
    from scheduler.up.child import ChildSpec

    def made(url: str | None) -> "Sequence[ChildSpec]":
        environ = {**os.environ, "ONBEAT_LOG_FORMAT": "json"}
        if url is not None:
            environ["ONBEAT_REDIS_URL"] = url
        # -P: a module of the project that happens to be called `scheduler` must not take our place.
        onbeat = [sys.executable, "-P", "-m", "scheduler"]
        worker = ["worker"] if settings.concurrency is None else ["worker", "-c", str(settings.concurrency)]
        return [
            ChildSpec("beat", [*onbeat, "beat"], environ),
            ChildSpec("worker", [*onbeat, *worker], environ),
        ]

    return made


def _print_first_screen(
    settings: "Settings", entries: "Mapping[str, Entry]", server: "EmbeddedServer | None"
) -> None:
    """What runs here, and what is scheduled next."""
    from scheduler import __version__
    from scheduler.cli.tables import print_facts, print_heading

    click.echo(f"{click.style('Onbeat', bold=True)} {__version__}")
    here = Path.cwd()
    home = Path.home()
    print_facts(
        [
            (
                "folder",
                f"~/{here.relative_to(home)}" if here.is_relative_to(home) and here != home else str(here),
            ),
            (
                "schedules",
                f"{settings.schedules}, {len(entries)} {'entry' if len(entries) == 1 else 'entries'}",
            ),
            (
                "server",
                str(settings.redis_url) if server is None else "Valkey, embedded; its data is in .onbeat/",
            ),
        ]
    )
    print_heading("Next", "" if entries else f"nothing is scheduled: add an entry to {settings.schedules}")
    _print_next(entries)
    click.echo()
    click.echo(
        click.style(
            "Ctrl-C ends it. In another terminal: onbeat status, onbeat runs, onbeat logs ENTRY", dim=True
        )
    )
    click.echo()


def _print_next(entries: "Mapping[str, Entry]") -> None:
    from scheduler.cli.tables import Cell, Column, print_table
    from scheduler.entry_ticks import next_tick
    from scheduler.timestamps import local, relative

    now = datetime.now(UTC)
    coming = []
    for entry in entries.values():
        moment = next_tick(entry, now) if entry.enabled else None
        if moment is not None and entry.schedule is not None:
            coming.append((moment, entry.name, entry.schedule.describe(), entry.job))
    coming.sort()
    if coming:
        print_table(
            [Column("entry"), Column("next"), Column("at"), Column("schedule"), Column("job", flexible=True)],
            [
                (
                    Cell(name, "bold"),
                    relative(moment, now),
                    local(moment, None, now),
                    schedule,
                    Cell(job, "dim"),
                )
                for moment, name, schedule, job in coming[:SHOWN_ENTRIES]
            ],
        )
    if len(coming) > SHOWN_ENTRIES:
        click.echo(click.style(f"and {len(coming) - SHOWN_ENTRIES} more: onbeat next", dim=True))
