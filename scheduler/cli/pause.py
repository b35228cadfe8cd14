"""`onbeat pause`: ticks are recorded as left out until the entry is resumed."""

from datetime import timedelta

import click

from scheduler.cli.options import Duration, entry_argument, examples, json_option, open_store


@click.command(
    epilog=examples(
        'onbeat pause backup --for 1h --reason "the disk is being replaced"',
        'onbeat pause --all --reason "moving the database"',
    )
)
@entry_argument(required=False)
@click.option("--all", "everything", is_flag=True, help="Every entry, those added later too.")
@click.option("--for", "duration", type=Duration(), help="Resume by itself after so long, such as 1h30m.")
@click.option("--reason", required=True, help="Why; shown by `onbeat entries` and in the log.")
@json_option
def pause(
    *, entry: str | None, everything: bool, duration: timedelta | None, reason: str, as_json: bool
) -> None:
    """Pause ENTRY, or --all. Its ticks are recorded as skipped and are not replayed; running runs go on."""
    from scheduler.cli.document import print_document
    from scheduler.cli.person import who
    from scheduler.documents import pause_document
    from scheduler.lookup import entry_named
    from scheduler.operations import pause as put

    require_one(entry, everything=everything)
    if not reason.strip():
        raise click.BadParameter("say why, for whoever finds it paused", param_hint="--reason")
    with open_store() as store:
        name = None if entry is None else entry_named(store, entry).name
        paused = put(store, name, by=who(), reason=reason.strip(), duration=duration)
    if as_json:
        print_document(pause_document(paused))
        return
    until = (
        f"until {paused.until.astimezone().isoformat(' ', 'seconds')}"
        if paused.until
        else "until it is resumed"
    )
    click.echo(f"{entry or 'Every entry'} is paused {until}.")


def require_one(entry: str | None, *, everything: bool) -> None:
    """Raises UsageError unless either an entry or --all was given."""
    if entry is None and not everything:
        raise click.UsageError("name an entry, or give --all")
    if entry is not None and everything:
        raise click.UsageError("give an entry or --all, not both")
