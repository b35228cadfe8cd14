"""`onbeat init`: a new project."""

import re
from importlib.resources import files
from pathlib import Path
from typing import Final

import click

from scheduler.cli.options import examples

# Every file of a new project, and what it is for. The templates are scheduler/templates/project/NAME.tmpl.
FILES: Final = {
    "schedules.toml": "what runs, and when",
    "jobs/__init__.py": "",
    "jobs/hello.py": "two jobs to begin with",
    "tests/test_hello.py": "their tests, and one of schedules.toml",
    "pyproject.toml": "what the project needs",
    "README.md": "",
    ".env.example": "settings",
    ".gitignore": "",
}


@click.command(epilog=examples("onbeat init demo", "mkdir demo && cd demo && onbeat init"))
@click.argument("directory", default=".", metavar="[DIR]", type=click.Path(path_type=Path, file_okay=True))
def init(*, directory: Path) -> None:
    """Make a new project in DIR, or here: two jobs, a schedules.toml and a test.

    A file that exists already is never overwritten: then nothing is made.
    """
    write_project(directory)
    place = "here" if directory == Path() else f"in {directory}"
    click.echo(f"A new project is {place}:")
    for name, purpose in FILES.items():
        if purpose:
            click.echo(f"  {name:<20} {purpose}")
    click.echo("\nGo on with:")
    if directory != Path():
        click.echo(f"  cd {directory}")
    click.echo("  onbeat up             run it, with a server of its own; Ctrl-C stops it")
    click.echo("  onbeat runs           in another terminal: what ran, and how it ended")
    click.echo("  pytest                test it")


def write_project(directory: Path) -> None:
    """Write all FILES, or none. Raises UsageProblem where one exists already or can't be written."""
    from scheduler.errors import UsageProblem

    if directory.exists() and not directory.is_dir():
        raise UsageProblem(f"{directory} is a file", hint="name a folder: onbeat init DIR")
    there = [name for name in FILES if (directory / name).exists()]
    if there:
        are = "are files" if len(there) > 1 else "is a file"
        raise UsageProblem(
            f"there {are} already in {directory}: {', '.join(there)}",
            hint="name another folder: onbeat init DIR",
        )
    name = project_name(directory.resolve().name)
    try:
        for path in FILES:
            target = directory / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("x", encoding="utf-8") as file:
                file.write(template(path).replace("PROJECT_NAME", name))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageProblem(
            f"can't write {error.filename}: {reason}", hint="name another folder: onbeat init DIR"
        ) from error
    _write_schema(directory)


def _write_schema(directory: Path) -> None:
    """For editors: schedules.toml names it, so that they complete jobs and keys from the start."""
    import sys

    from scheduler.cli.schema import FILE, write_schema
    from scheduler.job_catalogue import load_catalogue

    sys.dont_write_bytecode = True  # a new project has no __pycache__
    write_schema(directory / FILE, load_catalogue(["jobs"], directory))


def template(path: str) -> str:
    """The template of a file of the project. A dot at the start is spelt out, for tools that leave dotfiles out."""
    stored = f"dot-{path[1:]}" if path.startswith(".") else path
    return files("scheduler").joinpath("templates", "project", f"{stored}.tmpl").read_text(encoding="utf-8")


def project_name(folder: str) -> str:
    """A folder's name as the name of a Python project (PEP 508): "My Jobs!" is "my-jobs"."""
    return re.sub(r"[^a-z0-9]+", "-", folder.lower()).strip("-") or "my-jobs"
