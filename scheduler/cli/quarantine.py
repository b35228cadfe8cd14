"""`onbeat quarantine`: messages that no worker could take; drop them, or send them again."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from scheduler.cli.options import examples, json_option, open_store

if TYPE_CHECKING:
    from scheduler.store import Store
    from scheduler.store.refusals import Refusal


@click.command(
    epilog=examples(
        "onbeat quarantine",
        "onbeat quarantine 3f2a",
        "onbeat quarantine 3f2a --replay",
        "onbeat quarantine --all --drop",
        "onbeat quarantine --json | jq -r '.[] | .reason' | sort | uniq -c",
    )
)
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "everything", is_flag=True, help="All of them, for --drop or --replay.")
@click.option("--drop", is_flag=True, help="Forget them.")
@click.option("--replay", is_flag=True, help="Put them into their queues again, as they came.")
@json_option
def quarantine(*, ids: tuple[str, ...], everything: bool, drop: bool, replay: bool, as_json: bool) -> None:
    """List the messages that no worker could take, the newest first; with an ID, one in full."""
    from scheduler.cli.document import print_document
    from scheduler.cli.person import who
    from scheduler.documents import refusal_document
    from scheduler.lookup import refusals_named
    from scheduler.operations import drop_refused

    if drop and replay:
        raise click.UsageError("give --drop or --replay, not both")
    if (drop or replay) and bool(ids) == everything:
        raise click.UsageError("name messages by their ids, or give --all")
    if everything and not (drop or replay):
        raise click.UsageError("--all goes with --drop or --replay; without them all are listed")
    with open_store() as store:
        found = refusals_named(store, ids)
        if drop:
            found = drop_refused(store, found, by=who())
        elif replay:
            found = _replay(store, found)
    if as_json:
        print_document([refusal_document(each) for each in found])
    elif drop or replay:
        what = "message is" if len(found) == 1 else "messages are"
        click.echo(f"{len(found)} {what} {'dropped' if drop else 'in the queue again'}.")
    elif ids:
        _print_whole(found)
    else:
        _print_list(found)


def _replay(store: "Store", found: "Sequence[Refusal]") -> "list[Refusal]":
    from scheduler.cli.person import who
    from scheduler.operations import replay_refused
    from scheduler.publisher import open_publisher
    from scheduler.settings import load_settings

    publisher = open_publisher(load_settings(), store)
    try:
        return replay_refused(store, publisher, found, by=who())
    finally:
        publisher.close()


def _print_list(found: "Sequence[Refusal]") -> None:
    from scheduler.cli.tables import Column, print_table
    from scheduler.timestamps import rfc3339

    if not found:
        click.echo("No message was refused.", err=True)
        return
    columns = [Column("id"), Column("refused at", drop=2), Column("queue", most=32)]
    columns += [Column("bytes", "right", drop=1), Column("reason", flexible=True)]
    rows = [
        [each.id, rfc3339(each.refused_at) or "", each.queue or "", str(each.size), each.reason]
        for each in found
    ]
    print_table(columns, rows)


def _print_whole(found: "Sequence[Refusal]") -> None:
    from scheduler.cli.tables import print_facts, print_heading
    from scheduler.documents import message_of
    from scheduler.timestamps import rfc3339

    for each in found:
        facts = [
            ("message", each.id),
            ("reason", each.reason),
            ("queue", each.queue),
            ("refused at", rfc3339(each.refused_at)),
            ("worker", each.worker),
            ("size", f"{each.size} bytes" + ("" if each.whole else f", of which {len(each.item)} are kept")),
        ]
        print_facts(facts)
        print_heading("As it came")
        message = message_of(each)
        text = message if isinstance(message, str) else json.dumps(message, indent=2, ensure_ascii=False)
        click.echo(text)
