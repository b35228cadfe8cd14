"""`onbeat health`: for probes, so it imports little and says one line."""

from datetime import timedelta

import click

from scheduler.cli.options import Duration, examples, json_option


@click.command(
    epilog=examples(
        "onbeat health beat",
        "onbeat health worker --max-age 30s",
        "onbeat health beat --json | jq -r .why",
        'HEALTHCHECK CMD ["onbeat", "health", "worker"]',
    )
)
@click.argument("part", type=click.Choice(["beat", "worker", "web"]))
@click.option(
    "--max-age",
    type=Duration(),
    default="10s",
    show_default=True,
    help="The oldest sign of life that will do.",
)
@json_option
def health(*, part: str, max_age: timedelta, as_json: bool) -> int:
    """Exit 0 if this machine's beat or worker ends its turns and the store answers, else 1, and say why.

    Time-outs are short: the answer comes in under a second, or is no.
    """
    from scheduler.errors import OnbeatError
    from scheduler.health import Health, ask

    try:
        found = ask(part, max_age=max_age)
    except OnbeatError as error:
        found = Health(well=False, why=str(error))
    if as_json:
        from scheduler.cli.document import print_document

        print_document(found.to_json(part))
        return 0 if found.well else 1
    click.echo(f"{part} is {'well' if found.well else 'not well'}: {found.why}")
    return 0 if found.well else 1
