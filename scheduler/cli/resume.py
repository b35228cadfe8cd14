"""`onbeat resume`: take a paused entry up again."""

import click

from scheduler.cli.options import entry_argument, examples, json_option, open_store


@click.command(epilog=examples("onbeat resume backup", "onbeat resume --all"))
@entry_argument(required=False)
@click.option("--all", "everything", is_flag=True, help="Lift the pause of every entry.")
@click.option("--reason", help="Why; for the log.")
@json_option
def resume(*, entry: str | None, everything: bool, reason: str | None, as_json: bool) -> None:
    """Resume ENTRY, or lift the pause that --all made. It goes on with its next tick.

    An entry that was paused by its name stays so when --all is resumed.
    """
    from scheduler.cli.document import print_document
    from scheduler.cli.pause import require_one
    from scheduler.cli.person import who
    from scheduler.documents import pause_document
    from scheduler.lookup import entry_named
    from scheduler.operations import resume as lift

    require_one(entry, everything=everything)
    with open_store() as store:
        if entry is not None and entry not in store.pauses.all():
            entry_named(store, entry)
        lifted = lift(store, entry, by=who(), reason=reason)
        still = store.pauses.all() if lifted is None or entry is None else {}
    if as_json:
        print_document(None if lifted is None else pause_document(lifted))
    elif lifted is None:
        click.echo(
            (f"{entry} was not paused." if entry else "No pause --all is in force.") + _hint(entry, still)
        )
    else:
        others = "" if entry or not still else f" Still paused by name: {', '.join(still)}."
        click.echo(f"{entry or 'Every entry'} is resumed.{others}")


def _hint(entry: str | None, still: object) -> str:
    paused = list(still) if isinstance(still, dict) else []
    if entry is not None and "*" in paused:
        return " Every entry is paused: `onbeat resume --all` lifts that."
    return f" Paused by name: {', '.join(paused)}." if entry is None and paused else ""
