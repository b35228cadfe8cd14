"""`onbeat entries`: what is scheduled."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from scheduler.cli.options import examples, json_option, open_store

if TYPE_CHECKING:
    from scheduler.cli.tables import Cell
    from scheduler.run import Run


@click.command(
    epilog=examples("onbeat entries", "onbeat entries --json | jq -r '.[] | select(.paused) | .entry'")
)
@json_option
def entries(*, as_json: bool) -> None:
    """List every entry: its schedule, its last run and its next tick."""
    from scheduler.cli.document import print_document
    from scheduler.documents import entry_document

    with open_store() as store:
        stored = store.entries.all()
        latest = store.runs.latest(stored)
        pauses = store.pauses.all()
        now = store.presence.now()
        limited = [name for name, each in stored.items() if each.entry and each.entry.max_runs is not None]
        counts = store.ledger.of(limited)
    documents = [
        entry_document(
            each,
            pauses=pauses,
            last_run=latest.get(name),
            now=now,
            dispatched=counts[name].dispatched if name in counts else 0,
        )
        for name, each in stored.items()
    ]
    if as_json:
        print_document(documents)
    elif not documents:
        click.echo("No entries. Schedules are applied by `onbeat up` or `onbeat beat`.", err=True)
    else:
        _print(documents, latest, now)


def _print(
    documents: list[dict[str, Any]],
    latest: "Mapping[str, Run]",
    now: datetime,
) -> None:
    from scheduler.cli.appearance import moment_cell, relative_cell, state_cell
    from scheduler.cli.tables import Cell, Column, narrow, print_table

    rows = []
    for document in documents:
        name = document["entry"]
        next_at = document["next_at"] and datetime.fromisoformat(document["next_at"])
        run = latest.get(name)
        rows.append(
            [
                name,
                _schedule(document),
                _state(document) or moment_cell(next_at, now, short=narrow()),
                Cell("") if run is None else state_cell(run.state),
                Cell("")
                if run is None
                else relative_cell(run.started_at or run.scheduled_at, now, style="dim"),
                Cell(document["job"] or "", "dim"),
            ]
        )
    columns = [
        Column("entry", most=32),
        Column("schedule"),
        Column("next"),
        Column("last run"),
        Column("when", drop=2),
    ]
    print_table([*columns, Column("job", flexible=True, drop=1)], rows)


def _schedule(document: Mapping[str, Any]) -> str:
    zone = document["timezone"]
    if document["trouble"]:
        return ""
    return f"{document['schedule'] or 'by hand'}{f' {zone}' if zone and zone != 'UTC' else ''}"


def _state(document: Mapping[str, Any]) -> "Cell | None":
    from scheduler.cli.tables import Cell

    if document["trouble"]:
        return Cell("✗ can't be read", "red", plain="unreadable")
    if not document["enabled"]:
        return Cell("– disabled", "dim", plain="disabled")
    if document["ended"]:
        return Cell(f"– {document['ended']}", "dim", plain=document["ended"])
    if document["paused"]:
        return Cell("■ paused", "yellow", plain="paused")
    return None
