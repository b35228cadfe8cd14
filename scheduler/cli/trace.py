"""`onbeat trace`: the life of a run, from the store or from JSON logs alone."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import IO, TYPE_CHECKING

import click

from scheduler.cli.family import print_family
from scheduler.cli.options import examples, json_option, open_store

if TYPE_CHECKING:
    from scheduler.run_family import Relative
    from scheduler.run_story import Step

_LOG = click.File("r", encoding="utf-8", errors="backslashreplace")
_SHORT = {"lateness_ms": "late", "queue_ms": "waited", "duration_ms": "took"}
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
def trace(*, run_id: str, files: Sequence[IO[str]], logs: bool, as_json: bool) -> None:
    """Show the steps of the run RUN_ID in their order: decided, published, claimed, lost, tried again, ended.

    With FILEs, `-` for stdin, they come from these logs alone, and no server is asked. The beginning of an id will do.
    """
    from scheduler.cli.document import print_document
    from scheduler.documents import step_document
    from scheduler.run_story import family_in, story_in

    if files:
        again = [_seekable(file) for file in files]
        name, steps = story_in(_lines(again), run_id.strip().lower())
        family = [] if as_json else family_in(lambda: _lines(again), name)
    else:
        name, steps, family = _of_store(run_id)
    shown = [step for step in steps if logs or step.event not in _QUIET]
    if as_json:
        print_document([step_document(step) for step in shown])
    else:
        _print(name, shown)
        print_family(family, name)
        if hidden := len(steps) - len(shown):
            lines = "1 line" if hidden == 1 else f"{hidden} lines"
            click.echo(f"{lines} that the job wrote: --logs shows them.", err=True)


def _seekable(file: IO[str]) -> IO[str]:
    """The file, or where it can be read only once, as stdin, a copy."""
    if file.seekable():
        return file
    copy = tempfile.TemporaryFile("w+", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115 - for as long as the command
    shutil.copyfileobj(file, copy)
    return copy


def _lines(files: Sequence[IO[str]]) -> Iterator[str]:
    for file in files:
        file.seek(0)
        yield from file


def _of_store(run_id: str) -> "tuple[str, list[Step], list[Relative]]":
    from scheduler.following import lines_so_far
    from scheduler.lookup import family_of, run_with_id
    from scheduler.run_story import steps_in, story_of

    with open_store() as store:
        run = run_with_id(store, run_id)
        steps = [*story_of(run), *steps_in(lines_so_far(store, run.run_id))]
        family = family_of(store, run)
    return run.run_id, sorted(steps, key=lambda step: step.at), family


def _print(name: str, steps: "Sequence[Step]") -> None:
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


def _after(step: "Step", before: "Step") -> str:
    from scheduler.timestamps import rough

    return f"+{rough(step.at - before.at)}"


def _details(step: "Step") -> Iterator[str]:
    from scheduler.timestamps import rough

    for name, value in step.details.items():
        if name in {"traceback", "parents"}:  # `onbeat run` shows the one, the tree beneath the others
            continue
        if name.endswith("_ms") and isinstance(value, int):
            yield f"{_SHORT.get(name, name.removesuffix('_ms'))}={rough(timedelta(milliseconds=value))}"
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
