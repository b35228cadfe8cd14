"""`onbeat runs`: what ran, the newest first."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import click

from scheduler.cli.options import Moment, entry_argument, examples, json_option, open_store
from scheduler.run import Run, RunState

LATE = timedelta(seconds=5)


@click.command(
    epilog=examples(
        "onbeat runs",
        "onbeat runs backup --state failed --since 24h",
        "onbeat runs --json | jq '.[] | select(.lateness_ms > 1000) | .entry'",
    )
)
@entry_argument(required=False)
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([state.value for state in RunState], case_sensitive=False),
    metavar="STATE",
    help="Only these: queued, running, retrying, succeeded, failed, skipped, expired, cancelled.",
)
@click.option("--since", type=Moment(backwards=True), help="Only runs queued since then: 24h, 14:00, a date.")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(1, 10_000),
    metavar="N",
    default=20,
    show_default=True,
    help="At most so many.",
)
@json_option
def runs(
    *, entry: str | None, states: tuple[str, ...], since: datetime | None, limit: int, as_json: bool
) -> None:
    """List runs, of ENTRY or of all, the newest first.

    ENTRY may also be one that is gone, or a job whose runs have no entry.
    """
    from scheduler.cli.document import print_document
    from scheduler.documents import run_document
    from scheduler.lookup import runs_of

    with open_store() as store:
        wanted = frozenset(RunState(state) for state in states) or None
        found = runs_of(store, entry, states=wanted, since=since, limit=limit)
        now = store.presence.now()
    if as_json:
        print_document([run_document(run) for run in found])
    elif not found:
        click.echo("No runs yet." if not (states or since) else "No such runs.", err=True)
    else:
        print_runs(found, now)


def print_runs(found: Sequence[Run], now: datetime, *, with_entry: bool = True) -> None:
    """Print runs as a table."""
    from scheduler.cli.appearance import (
        attempt_text,
        duration_cell,
        id_cell,
        moment_cell,
        note_of,
        state_cell,
    )
    from scheduler.cli.tables import Cell, Column, narrow, print_table

    columns = [Column("run"), Column("entry", most=32), Column("state"), Column("scheduled")]
    columns += [
        Column("late", "right", drop=1),
        Column("took", "right", drop=3),
        Column("try", "right", drop=2),
        Column("note", flexible=True),
    ]
    rows: list[list[str | Cell]] = [
        [
            id_cell(run.run_id),
            run.entry or run.job,
            state_cell(run.state),
            moment_cell(run.scheduled_at, now, short=narrow()),
            duration_cell(run.lateness, loud_from=LATE),
            duration_cell(run.duration),
            attempt_text(run),
            note_of(run),
        ]
        for run in found
    ]
    if not with_entry:
        columns, rows = [columns[0], *columns[2:]], [[row[0], *row[2:]] for row in rows]
    print_table(columns, rows)
