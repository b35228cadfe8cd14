"""`onbeat trigger`: run an entry because a person says so."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from scheduler.cli.options import Moment, entry_argument, examples, json_option, open_store

if TYPE_CHECKING:
    from scheduler.run import Run
    from scheduler.store import Store
    from scheduler.store.entries import StoredEntry

_PATIENCE = 3


@click.command(
    epilog=examples(
        "onbeat trigger backup --wait",
        'onbeat trigger report --kwargs \'{"region": "eu"}\'',
        "onbeat trigger backup --at 02:30",
    )
)
@entry_argument()
@click.option(
    "--kwargs", "kwargs_json", metavar="JSON", help="An object, put over the entry's own arguments."
)
@click.option("--at", type=Moment(), help="Not now but then: 02:30, a date with time, 10m.")
@click.option("--reason", help="Why; for the log.")
@click.option("--wait", is_flag=True, help="Follow its log and exit with its outcome: 0 or 1.")
@json_option
def trigger(
    *,
    entry: str,
    kwargs_json: str | None,
    at: datetime | None,
    reason: str | None,
    wait: bool,
    as_json: bool,
) -> int:
    """Ask for a run of ENTRY, now or at a time. A paused or disabled entry runs too: you asked for it."""
    from scheduler.cli.document import print_document
    from scheduler.cli.person import who
    from scheduler.documents import whole_run_document
    from scheduler.lookup import entry_named, run_with_id
    from scheduler.operations import trigger as ask
    from scheduler.publisher import open_publisher
    from scheduler.settings import load_settings

    kwargs = _kwargs(kwargs_json)
    with open_store() as store:
        stored = entry_named(store, entry)
        _check(stored, kwargs)
        publisher = open_publisher(load_settings(), store)
        run_id = ask(store, publisher, stored, by=who(), kwargs=kwargs, at=at, reason=reason)
        if not as_json:
            click.echo(
                f"{entry}: run {run_id}" + (f" at {at.astimezone().isoformat(' ', 'seconds')}" if at else ""),
                err=wait,
            )
        run = _waited_for(store, run_id, quiet=as_json) if wait else run_with_id(store, run_id)
    if as_json:
        print_document(whole_run_document(run))
    elif wait:
        _say_outcome(run)
    return 0 if not wait or run.state in {"succeeded", "skipped"} else 1


def _kwargs(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        kwargs = json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"not JSON: {error}", param_hint="--kwargs") from None
    if not isinstance(kwargs, dict):
        raise click.BadParameter('must be an object such as {"region": "eu"}', param_hint="--kwargs")
    return kwargs


def _check(stored: "StoredEntry", kwargs: Mapping[str, Any]) -> None:
    """Refuse arguments that don't fit, where the job's code is here to say so."""
    if not kwargs or stored.entry is None:
        return
    import sys
    from contextlib import redirect_stdout
    from pathlib import Path

    from scheduler.errors import UsageProblem
    from scheduler.job_catalogue import load_catalogue
    from scheduler.settings import load_settings

    with redirect_stdout(sys.stderr):  # what a module prints when it is imported is no part of our answer
        catalogue = load_catalogue(load_settings().jobs, Path.cwd())
    if stored.entry.job not in catalogue.jobs:
        return
    problem = catalogue.problem_with(stored.entry.job, stored.entry.args, {**stored.entry.kwargs, **kwargs})
    if problem:
        raise UsageProblem(
            f"--kwargs: {problem}", hint=f"`onbeat show {stored.name}` shows the entry's arguments"
        )


def _waited_for(store: "Store", run_id: str, *, quiet: bool) -> "Run":
    from scheduler.cli.logs import print_lines
    from scheduler.following import lines_until_end
    from scheduler.lookup import run_with_id

    try:
        lines = _with_hint(store, run_id, lines_until_end(store, run_id))
        if quiet:
            for _ in lines:
                pass
        else:
            print_lines(lines, as_json=False)
    except KeyboardInterrupt:
        click.echo(f"\nThe run goes on: onbeat logs {run_id} -f", err=True)
        raise
    return run_with_id(store, run_id)


def _with_hint(
    store: "Store", run_id: str, lines: Iterator[Mapping[str, Any] | None]
) -> Iterator[Mapping[str, Any] | None]:
    """The lines, and once, where the run does not begin, a word on stderr about what is missing."""
    silent = 0
    for line in lines:
        silent = silent + 1 if line is None else 0
        if silent == _PATIENCE and (run := store.runs.get(run_id)) is not None and run.state == "queued":
            click.echo(f"still queued: {_missing(store, run.queue)}", err=True)
        yield line


def _missing(store: "Store", queue: str) -> str:
    from scheduler.status import is_alive

    now = store.presence.now()
    workers = [sign for sign in store.presence.all("workers").values() if is_alive(sign, now)]
    if not any(is_alive(sign, now) for sign in store.presence.all("beats").values()):
        return "no beat is running"
    if not workers:
        return "no worker is running"
    if not any(queue in sign.about.get("queues", ()) for sign in workers):
        return f"no worker takes the queue {queue!r}"
    return "its time has not come, or the workers are busy"


def _say_outcome(run: "Run") -> None:
    from scheduler.cli.appearance import state_cell
    from scheduler.quoting import harmless
    from scheduler.timestamps import rough

    cell = state_cell(run.state)
    took = f" in {rough(run.duration)}" if run.duration is not None else ""
    why = run.error or run.reason
    colour = cell.style if cell.style in {"green", "red", "yellow"} else None
    click.echo(click.style(cell.text, fg=colour) + took + (f": {harmless(why)}" if why else ""), err=True)
