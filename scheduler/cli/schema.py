"""`onbeat schema`: what may stand in schedules.toml, for editors."""

from pathlib import Path

import click

from scheduler.cli.options import examples


@click.command(
    epilog=examples(
        "onbeat schema > .schedules.schema.json",
        "sed -i '1i #:schema ./.schedules.schema.json' schedules.toml  # for editors with Taplo",
    )
)
@click.option("--json", "as_json", is_flag=True, help="It is always JSON; for symmetry.")
def schema(*, as_json: bool) -> None:  # noqa: ARG001 - accepted as everywhere, and changes nothing
    """Print the JSON Schema (2020-12) of schedules.toml, with this project's jobs and their arguments.

    Editors complete and check with it: name the file in a first line `#:schema FILE` (Even Better TOML,
    Taplo).
    """
    from scheduler.cli.document import print_document
    from scheduler.job_catalogue import load_catalogue
    from scheduler.schedule_schema import schema_of
    from scheduler.settings import load_settings

    catalogue = load_catalogue(load_settings().jobs, Path.cwd())
    for problem in catalogue.problems:
        click.echo(problem.text(), err=True)
    print_document(schema_of(catalogue.jobs))
