"""`onbeat trace`: the life of a run, from the store or from JSON logs alone."""

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from scheduler.cli.options import examples, json_option, open_store

if TYPE_CHECKING:
    from scheduler.run_story import Step

_LOG = click.File("r", encoding="utf-8", errors="backslashreplace")
_QUIET = frozenset({"run.log", "python.warning", "log.repeated"})


@click.command(
    epilog=examples(
        "onbeat trace 3f2a9c1d",
        "onbeat trace 3f2a9c1d beat.log worker-*.log",
        "journalctl -u 'onbeat-*' -o cat | onbeat trace 3f2a9c1d -",
    )
)
@click.argument("run_id")
@click.argument("files", nargs=-1, type=_LOG, metavar="[FILE]...")
@click.option("--logs", is_flag=True, help="The lines that the job wrote, too.")
@json_option
def trace(*, run_id: str, files: Sequence[Any], logs: bool, as_json: bool) -> None:
    """Show the steps of the run RUN_ID in their order: decided, published, claimed, lost, tried again, ended.

    With FILEs, `-` for stdin, they come from these logs alone, and no server is asked. The beginning of an id will do.
    """
    from scheduler.cli.document import print_document
    from scheduler.documents import step_document
    from scheduler.run_story import story_in

    if files:
        name, steps = story_in((line for file in files for line in file), run_id.strip().lower())
    else:
        name, steps = _of_store(run_id)
    shown = [step for step in steps if logs or step.event not in _QUIET]
    if as_json:
        print_document([step_document(step) for step in shown])
    else:
        _print(name, shown, hidden=len(steps) - len(shown))


def _of_store(run_id: str) -> "tuple[str, list[Step]]":
    from scheduler.following import lines_so_far
    from scheduler.lookup import run_with_id
    from scheduler.run_story import steps_in, story_of

    with open_store() as store:
        run = run_with_id(store, run_id)
        steps = [*story_of(run), *steps_in(lines_so_far(store, run.run_id))]
    return run.run_id, sorted(steps, key=lambda step: step.at)


def _print(name: str, steps: "Sequence[Step]", *, hidden: int) -> None:
    from scheduler.cli.tables import Cell, Column, print_table

    click.echo(f"run {name}")
    columns = [Column("at"), Column("after", "right"), Column("step"), Column("try", "right", drop=2)]
    columns += [Column("who", drop=1, most=40), Column("what", flexible=True)]
    rows: list[list[str | Cell]] = [
        [
            f"{step.at.astimezone():%H:%M:%S.%f}"[:-3],
            "" if before is None else _after(step, before),
            Cell(step.event, _STYLES.get(step.event, "")),
            "" if step.attempt is None else str(step.attempt),
            step.who or "",
            " ".join(_details(step)),
        ]
        for step, before in zip(steps, [None, *steps], strict=False)
    ]
    if steps:
        click.echo(f"from {steps[0].at.astimezone():%Y-%m-%d %H:%M:%S %Z}")
        print_table(columns, rows)
    if hidden:
        lines = "1 line" if hidden == 1 else f"{hidden} lines"
        click.echo(f"{lines} that the job wrote: --logs shows them.", err=True)


def _after(step: "Step", before: "Step") -> str:
    from scheduler.timestamps import rough

    return f"+{rough(step.at - before.at)}"


def _details(step: "Step") -> Iterator[str]:
    for name, value in step.details.items():
        if name in {"traceback", "worker"}:
            continue
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        yield text if name == "message" else f"{name}={text}"


_STYLES = {
    "run.succeeded": "green",
    "run.failed": "red",
    "run.lost": "red",
    "run.timed_out": "red",
    "run.retrying": "yellow",
    "run.cancelled": "yellow",
    "run.expired": "yellow",
    "run.interrupted": "yellow",
}
