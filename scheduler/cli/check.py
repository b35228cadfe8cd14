"""`onbeat check`: every problem of schedules.toml at once, with no server."""

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scheduler.cli.options import env_option, examples, settings_in

if TYPE_CHECKING:
    from scheduler.problem import Problem
    from scheduler.reading.schedule_file import ScheduleFile

_COLOURS = {"error": "red", "warning": "yellow"}


@click.command(
    epilog=examples(
        "onbeat check", "onbeat check staging.toml --strict", "onbeat check --format github  # in a workflow"
    )
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
    help="For people, for programs, or as annotations of a GitHub workflow.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--strict", is_flag=True, help="Warnings and notices are errors.")
@env_option
def check(*, file: Path | None, form: str, as_json: bool, strict: bool, env: str | None) -> int:
    """Check FILE, or the schedules.toml of the settings, and its jobs and their arguments. Needs no server.

    All environments are checked; variables have to be set only for the chosen one. What is right and probably not meant
    is a warning, or a notice that --strict shows; each has a name by which an entry may allow it. Exit code 0: a beat
    can use the file. 3: it can't.
    """
    from scheduler.cli.document import print_document
    from scheduler.errors import InvalidSchedules
    from scheduler.job_catalogue import load_catalogue
    from scheduler.problem import errors_in
    from scheduler.reading.schedule_file import read_schedules

    settings = settings_in(env)
    catalogue = load_catalogue(settings.jobs, Path.cwd())
    path = file or settings.schedules
    read = read_schedules(
        path,
        catalogue=catalogue,
        environ=os.environ,
        env=settings.env,
        every_environment=True,
        lint_at=datetime.now(UTC),
    )
    problems = _all_as_errors(read) if strict else read.problems
    if as_json or form == "json":
        print_document([problem.to_json() for problem in problems])
    elif form == "github":
        for problem in problems:
            click.echo(_annotation(problem))
    else:
        for problem in problems:
            click.echo(_coloured(problem))
        click.echo(_summary(path, read, problems))
    return InvalidSchedules.exit_code if errors_in(problems) else 0


def _all_as_errors(read: "ScheduleFile") -> "list[Problem]":
    """Errors, warnings and notices alike, each file's in their order."""
    files = {str(path): place for place, path in enumerate(read.files)}
    found = [replace(problem, severity="error") for problem in (*read.problems, *read.notices)]
    return sorted(found, key=lambda each: (files.get(each.file, -1), each.line or 0, each.column or 0))


def _coloured(problem: "Problem") -> str:
    """`problem.text()` with its place in bold and its carets in a colour; click takes them out for a pipe."""
    colour = _COLOURS[problem.severity]
    label = click.style("warning: ", fg=colour) if problem.severity == "warning" else ""
    lines = [f"{click.style(problem.where, bold=True)}: {label}{problem.message}{problem.lint}"]
    excerpt = (problem.excerpt() or "").splitlines()
    lines += [click.style(line, dim=True) for line in excerpt[:1]]
    lines += [click.style(line, fg=colour) for line in excerpt[1:]]
    return "\n".join(lines)


def _summary(path: Path, read: "ScheduleFile", problems: "Sequence[Problem]") -> str:
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = len(problems) - errors
    parts = [] if errors else [_count(len(read.entries), "entry", "entries")]
    parts += [_count(errors, "error", "errors")] if errors else []
    parts += [_count(warnings, "warning", "warnings")] if warnings else []
    parts += [] if problems else ["no problems"]
    colour = "red" if errors else "yellow" if warnings else "green"
    return click.style(f"{path}: {', '.join(parts)}", fg=colour)


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _annotation(problem: "Problem") -> str:
    """A workflow command of GitHub Actions; what would end a property or the line is encoded as it asks."""
    place = {
        "file": problem.file,
        "line": problem.line,
        "col": problem.column,
        "title": f"onbeat {problem.code}",
    }
    properties = ",".join(
        f"{name}={_encoded(str(value))}" for name, value in place.items() if value is not None
    )
    return f"::{problem.severity} {properties}::{_encoded(problem.message, message=True)}"


def _encoded(text: str, *, message: bool = False) -> str:
    for character, code in (("%", "%25"), ("\r", "%0D"), ("\n", "%0A")):
        text = text.replace(character, code)
    return text if message else text.replace(":", "%3A").replace(",", "%2C")
