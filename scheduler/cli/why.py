"""`onbeat why`: what became of a tick and why, or what will."""

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from scheduler.cli.options import entry_argument, examples, json_option, open_store
from scheduler.quoting import harmless

if TYPE_CHECKING:
    from scheduler.tick_account import Account


@click.command(
    epilog=examples(
        "onbeat why backup 02:30",
        "onbeat why backup 2026-11-21T02:30",
        "onbeat why backup 2026-11-21T02:30Z --json | jq -r .answer",
    )
)
@entry_argument()
@click.argument("at", metavar="AT")
@json_option
def why(*, entry: str, at: str, as_json: bool) -> None:
    """Say what became of the tick of ENTRY at AT, past or coming: what it ran, who paused it, what it waits for.

    AT is read in the entry's own zone, unless it names one. A time without a day is today's, or yesterday's where that
    is nearer; one without seconds means the first tick of that minute.
    """
    from scheduler.cli.document import print_document
    from scheduler.cli.next import moment_asked_for
    from scheduler.documents import account_document
    from scheduler.entry_ticks import zone_of_entry
    from scheduler.foresight.no_tick import jumped_over
    from scheduler.lookup import entry_named
    from scheduler.settings import load_settings
    from scheduler.tick_account import account

    settings = load_settings()
    with open_store(settings) as store:
        stored = entry_named(store, entry)
        zone = ZoneInfo("UTC") if stored.entry is None else zone_of_entry(stored.entry)
        gap = jumped_over(at.strip(), zone)
        moment = gap[0] if gap else moment_asked_for(at, "AT", store.presence.now(), zone, clock="near")
        found = account(store, settings, stored, moment)
    if gap:
        found = replace(found, words=(*found.words, gap[1]))
    if as_json:
        print_document(account_document(found))
    else:
        _print(found, zone)


def _print(found: "Account", zone: ZoneInfo) -> None:
    from scheduler.cli.appearance import state_cell
    from scheduler.cli.tables import Cell, print_facts

    asked = _shown(found.tick or found.asked_at, zone)
    if found.answer == "no_tick":
        click.echo(f"{found.entry} has no tick at {_shown(found.asked_at, zone)}.")
    else:
        click.echo(f"{found.entry} at {asked}")
    for words in found.words:
        click.echo(f"  {harmless(words)}")
    facts: list[tuple[str, str | Cell | None]] = []
    if found.run is not None:
        facts += [("run", found.run.run_id), ("state", state_cell(found.run.state))]
    if found.earlier is not None:
        facts.append(("before it", _shown(found.earlier, zone)))
    if found.later is not None:
        facts.append(("after it", _shown(found.later, zone)))
    if facts:
        click.echo()
        print_facts(facts)


def _shown(moment: datetime, zone: ZoneInfo) -> str:
    local = moment.astimezone(zone)
    whole = "%Y-%m-%d %H:%M:%S" if local.second or not local.microsecond else "%Y-%m-%d %H:%M:%S.%f"
    return f"{local:{whole}} {zone.key}"
