"""`onbeat status`: how the deployment does."""

from typing import TYPE_CHECKING

import click

from scheduler.cli.options import examples, json_option, open_store

if TYPE_CHECKING:
    from scheduler.cli.tables import Cell, Column
    from scheduler.status import Status
    from scheduler.store.entries import Applied
    from scheduler.store.presence import Sign


@click.command(epilog=examples("onbeat status", "onbeat status --json | jq .ledger.unaccounted"))
@json_option
def status(*, as_json: bool) -> None:
    """Show beats, workers, queues, what is late, and the ledger of ticks."""
    from scheduler.cli.document import print_document
    from scheduler.settings import load_settings
    from scheduler.status import read_status, status_document

    settings = load_settings()
    with open_store(settings) as store:
        found = read_status(store, settings)
    if as_json:
        print_document(status_document(found))
    else:
        _print(found)


def _print(found: "Status") -> None:
    from scheduler.cli.tables import print_heading

    _print_summary(found)
    if found.beats:
        print_heading("Beats")
        _print_signs(found, found.beats)
    if found.workers:
        print_heading("Workers")
        _print_signs(found, found.workers)
    if found.queues:
        print_heading("Queues")
        _print_queues(found)


def _print_summary(found: "Status") -> None:
    from scheduler.cli.appearance import moment_cell
    from scheduler.cli.tables import Cell, print_facts

    problems = found.problems()
    counts = found.ledger
    skipped = f", {counts.skipped} skipped" if counts.skipped else ""
    coalesced = f", {counts.coalesced} coalesced" if counts.coalesced else ""
    ledger = f"{counts.expected} expected: {counts.dispatched} dispatched{skipped}{coalesced}"
    applied = found.applied
    print_facts(
        [
            ("state", Cell("✓ well", "green", plain="well") if not problems else None),
            *(("!", Cell(problem, "yellow")) for problem in problems),
            ("entries", f"{len(found.entries)}" + (f", {len(found.paused)} paused" if found.paused else "")),
            (
                "ticks",
                Cell(f"{ledger}, {counts.unaccounted} unaccounted", "red" if counts.unaccounted else ""),
            ),
            (
                "schedules",
                f"{applied.digest[:12]} revision {applied.revision}{_environment(applied)}"
                if applied.digest
                else None,
            ),
            ("applied", moment_cell(applied.applied_at, found.now) if applied.applied_at else None),
            ("outbox", f"{found.outbox} waiting to be published" if found.outbox else None),
        ]
    )


def _environment(applied: "Applied") -> str:
    return f", environment {applied.env}" if applied.env else ""


def _print_signs(found: "Status", signs: "tuple[Sign, ...]") -> None:
    from scheduler.cli.appearance import relative_cell
    from scheduler.cli.tables import Cell, Column
    from scheduler.status import is_alive

    rows: list[list[str | Cell]] = []
    for sign in signs:
        alive = is_alive(sign, found.now)
        mark = Cell("✓ alive", "green", plain="alive") if alive else Cell("✗ silent", "red", plain="silent")
        about = sign.about
        doing = ", ".join(about.get("queues") or ())
        slots = about.get("concurrency")
        running = about.get("running")
        busy = "" if slots is None else f"{_count(running)}/{slots}"
        seen = relative_cell(sign.seen_at, found.now, style="dim")
        host, pid = str(about.get("host", sign.id)), str(about.get("pid", ""))
        rows.append([host, pid, mark, seen, _entries(found, sign), busy, doing])
    _print_used(
        [
            Column("host"),
            Column("pid", "right"),
            Column("state"),
            Column("seen"),
            Column("entries", "right"),
            Column("busy"),
            Column("queues", flexible=True),
        ],
        rows,
    )


def _entries(found: "Status", sign: "Sign") -> str:
    return str(found.homes.get(sign.id, 0)) if sign in found.beats else ""


def _count(running: object) -> int:
    return len(running) if isinstance(running, (list, dict)) else int(running or 0)  # type: ignore[call-overload]


def _print_used(columns: "list[Column]", rows: "list[list[str | Cell]]") -> None:
    """Print the columns that have something in them."""
    from scheduler.cli.tables import Cell, print_table

    used = [
        i for i in range(len(columns)) if any(c.text if isinstance(c := row[i], Cell) else c for row in rows)
    ]
    print_table([columns[i] for i in used], [[row[i] for i in used] for row in rows])


def _print_queues(found: "Status") -> None:
    from scheduler.cli.tables import Cell, Column, print_table

    print_table(
        [Column("queue"), Column("waiting", "right"), Column("workers", "right")],
        [
            [
                queue.name,
                "" if queue.length is None else str(queue.length),
                str(len(queue.workers)) if queue.workers else Cell("0", "yellow"),
            ]
            for queue in found.queues
        ],
    )
