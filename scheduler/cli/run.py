"""`onbeat run`: one run with its attempts and traceback."""

import json
from datetime import datetime

import click

from scheduler.cli.family import print_family
from scheduler.cli.options import examples, json_option, open_store
from scheduler.quoting import harmless
from scheduler.run import Attempt, Run, RunState


@click.command(epilog=examples("onbeat run 3f2a9c1d", "onbeat run 3f2a9c1d --json | jq .result"))
@click.argument("run_id")
@json_option
def run(*, run_id: str, as_json: bool) -> None:
    """Show the run RUN_ID: its times, its attempts, its result or what went wrong.

    The beginning of an id is enough where only one run has it.
    """
    from scheduler.cli.document import print_document
    from scheduler.documents import whole_run_document
    from scheduler.lookup import family_of, run_with_id

    with open_store() as store:
        found = run_with_id(store, run_id)
        now = store.presence.now()
        family = [] if as_json else family_of(store, found)
    if as_json:
        print_document(whole_run_document(found))
    else:
        _print(found, now)
        print_family(family, found.run_id)


def _print(found: Run, now: datetime) -> None:
    from scheduler.cli.appearance import duration_cell, moment_cell, state_cell
    from scheduler.cli.tables import print_facts

    print_facts(
        [
            ("run", found.run_id),
            ("entry", found.entry),
            ("job", found.job),
            ("state", state_cell(found.state)),
            ("reason", found.reason),
            ("trigger", found.trigger),
            ("queue", found.queue),
            ("worker", found.worker),
            ("scheduled", moment_cell(found.scheduled_at, now)),
            ("queued", moment_cell(found.queued_at, now)),
            ("started", moment_cell(found.started_at, now) if found.started_at else None),
            ("finished", moment_cell(found.finished_at, now) if found.finished_at else None),
            ("progress", _progress(found, now)),
            ("next try", moment_cell(found.retry_at, now) if found.retry_at else None),
            ("took", duration_cell(found.duration) if found.duration is not None else None),
            ("late", duration_cell(found.lateness) if found.lateness is not None else None),
            ("attempt", f"{found.attempt} of {found.max_attempts}"),
            ("checkpoint", found.checkpoint),
            ("result", None if found.result is None else json.dumps(found.result, ensure_ascii=False)),
        ]
    )
    if len(found.attempts) > 1 or found.error:
        _print_attempts(found.attempts, now)
    if found.state is RunState.SUCCEEDED:
        return
    if found.traceback:
        click.echo()
        click.echo(harmless(found.traceback.rstrip()))
    elif found.error and found.state is not RunState.RUNNING:
        click.echo()
        click.echo(harmless(found.error))


def _progress(found: Run, now: datetime) -> str | None:
    from scheduler.cli.appearance import moment_cell, progress_text

    if found.heartbeat_at is None:
        return None
    return f"{progress_text(found)}, {moment_cell(found.heartbeat_at, now, short=True).text}".lstrip(", ")


def _print_attempts(attempts: tuple[Attempt, ...], now: datetime) -> None:
    from scheduler.cli.appearance import duration_cell, moment_cell, state_cell
    from scheduler.cli.tables import Cell, Column, narrow, print_heading, print_table

    print_heading("Attempts")
    columns = [Column("try", "right"), Column("outcome"), Column("started"), Column("took", "right", drop=1)]
    print_table(
        [*columns, Column("error", flexible=True)],
        [
            [
                str(each.number),
                state_cell(each.outcome or "running"),
                moment_cell(each.started_at, now, short=narrow()),
                duration_cell(
                    each.finished_at - each.started_at if each.finished_at and each.started_at else None
                ),
                Cell(each.error or "", "red"),
            ]
            for each in attempts
        ],
    )
