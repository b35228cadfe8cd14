"""`onbeat import`: a schedules.toml from another scheduler's file."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scheduler.cli.options import examples

if TYPE_CHECKING:
    from scheduler.errors import InvalidSchedules
    from scheduler.importing import Imported, Note, Unreadable

FORMATS = (
    "crontab",
    "system-crontab",
    "celery",
    "django-celery-beat",
    "kubernetes",
    "sidekiq-cron",
    "solid-queue",
)


@click.command(
    name="import",
    epilog=examples(
        "crontab -l | onbeat import - --timezone Europe/Berlin -o schedules.toml",
        "onbeat import /etc/cron.d/backup --system",
        "onbeat import config/celery.py",
        "kubectl get cronjobs -o yaml | onbeat import -",
    ),
)
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--format", "form", type=click.Choice(FORMATS), help="What it is; by its content otherwise.")
@click.option("--system", is_flag=True, help="A crontab with a user on each line, as in /etc/cron.d.")
@click.option("--timezone", metavar="ZONE", help="The zone of times that name none.")
@click.option("--environment", metavar="NAME", help="Of a Solid Queue file.  [default: production]")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write to this new file, not to stdout."
)
def import_(
    *,
    file: Path,
    form: str | None,
    system: bool,
    timezone: str | None,
    environment: str | None,
    output: Path | None,
) -> None:
    """Print a schedules.toml made from FILE: a crontab, a Celery beat_schedule (a Python file, which is
    executed), a dump of django-celery-beat, Kubernetes CronJobs, sidekiq-cron's or Solid Queue's YAML.

    FILE may be - for stdin. What can't be carried over is said on stderr, line by line, and above its entry.
    """
    from scheduler.errors import UsageProblem
    from scheduler.importing import KINDS, Unreadable, imported, kind_of, toml_text

    if timezone is not None:
        _check_zone(timezone)
    if output is not None and output.exists():
        raise UsageProblem(f"{output} exists already", hint="name a new file, or move the old one away")
    text = _text(file)
    try:
        kind = form or ("system-crontab" if system else kind_of(text, file))
    except Unreadable as problem:
        raise _invalid(file, text, problem, hint=f"say what it is: --format {'|'.join(FORMATS)}") from problem
    try:
        if system and kind != "system-crontab":
            raise UsageProblem("--system is for crontabs", hint="leave --system or --format out")
        if kind == "celery" and str(file) == "-":
            raise UsageProblem(
                "a Celery schedule is imported from its file, not from stdin", hint="name the file"
            )
        found = imported(text, file, kind, timezone=timezone, environment=environment)
    except Unreadable as problem:
        raise _invalid(file, text, problem) from problem
    document = toml_text(found, source=KINDS[kind])
    if output is None:
        click.echo(document, nl=False)
    else:
        with output.open("x", encoding="utf-8") as new:
            new.write(document)
    _say(file, found, output)


def _check_zone(name: str) -> None:
    from scheduler.cadences.wall_clock import zone_named

    try:
        zone_named(name)
    except ValueError as problem:
        raise click.BadParameter(str(problem), param_hint="--timezone") from problem


def _text(file: Path) -> str:
    """What the file holds, or stdin for -. Raises InvalidSchedules for what is no text, UsageProblem for no file."""
    from scheduler.errors import UsageProblem
    from scheduler.importing import Unreadable

    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageProblem(
            f"{file}: {reason}", hint="name a file that can be read, or - for stdin"
        ) from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1
        problem = Unreadable("it is no text in UTF-8", line, column)
        raise _invalid(file, "", problem) from error


def _invalid(file: Path, text: str, problem: "Unreadable", *, hint: str | None = None) -> "InvalidSchedules":
    from scheduler.errors import InvalidSchedules
    from scheduler.problem import Problem

    lines = text.splitlines()
    source_line = lines[problem.line - 1] if problem.line and problem.line <= len(lines) else None
    name = _shown(file)
    shown = Problem(
        file=name,
        line=problem.line,
        column=problem.column,
        code="import",
        message=str(problem),
        source_line=source_line,
    )
    return InvalidSchedules(f"{name} can't be imported", problems=[shown], hint=hint)


def _say(file: Path, found: "Imported", output: Path | None) -> None:
    """What could not be carried over, a line each, and how much was."""
    name = _shown(file)
    for note in found.notes:
        _say_note(name, note, "")
    for draft in found.drafts:
        for note in draft.notes:
            _say_note(name, note, f"{draft.name}: ")
    count, notes = len(found.drafts), len(found.notes) + sum(len(draft.notes) for draft in found.drafts)
    entries = "1 entry" if count == 1 else f"{count} entries"
    remarks = "nothing to remark" if not notes else "1 remark" if notes == 1 else f"{notes} remarks"
    where = f" written to {output}" if output is not None else ""
    click.echo(f"{name}: {entries}{where}, {remarks}; go on with `onbeat check`", err=True)


def _say_note(file: str, note: "Note", entry: str) -> None:
    place = file if note.line is None else f"{file}:{note.line}"
    click.echo(f"{place}: warning: {entry}{' '.join(note.text.split())}", err=True)


def _shown(file: Path) -> str:
    return "stdin" if str(file) == "-" else str(file)
