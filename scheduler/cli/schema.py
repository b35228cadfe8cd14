"""`onbeat schema`: what may stand in schedules.toml, for editors."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from scheduler.cli.options import examples

if TYPE_CHECKING:
    from scheduler.job_catalogue import JobCatalogue

FILE: Final = ".schedules.schema.json"


@click.command(epilog=examples("onbeat schema --write", "onbeat schema | jq .properties"))
@click.option("--write", is_flag=True, help=f"Write it to {FILE}, beside the schedules.toml of the settings.")
@click.option("--json", "as_json", is_flag=True, help="It is always JSON; for symmetry.")
def schema(*, write: bool, as_json: bool) -> None:  # noqa: ARG001 - accepted as everywhere, and changes nothing
    """Print the JSON Schema (2020-12) of schedules.toml, with this project's jobs and their arguments.

    Editors with Taplo (Even Better TOML, and others) complete and check with it, where the first line of
    schedules.toml is `#:schema ./.schedules.schema.json`. Write it anew when jobs or their arguments change.
    """
    from scheduler.cli.document import print_document
    from scheduler.job_catalogue import load_catalogue
    from scheduler.reading.schedule_schema import schema_of
    from scheduler.settings import load_settings

    settings = load_settings()
    catalogue = load_catalogue(settings.jobs, Path.cwd())
    for problem in catalogue.problems:
        click.echo(problem.text(), err=True)
    if not write:
        print_document(schema_of(catalogue.jobs))
        return
    path = settings.schedules.parent / FILE
    write_schema(path, catalogue)
    click.echo(f"{path} knows {len(catalogue.jobs)} jobs and their arguments.")


def write_schema(path: Path, catalogue: "JobCatalogue") -> None:
    """Write the schema of files with these jobs. Raises UsageProblem where that is not possible."""
    import json

    from scheduler.errors import UsageProblem
    from scheduler.reading.schedule_schema import schema_of

    try:
        path.write_text(
            json.dumps(schema_of(catalogue.jobs), indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )
    except OSError as error:
        raise UsageProblem(f"can't write {path}: {(error.strerror or str(error)).lower()}") from error
