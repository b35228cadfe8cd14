"""`onbeat explain`: one entry's schedule in plain words, from the file alone."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from scheduler.cli.options import entry_argument, env_option, examples, json_option

if TYPE_CHECKING:
    from scheduler.entry import Entry
    from scheduler.foresight.explanation import ClockChange

COMING = 5
MOST_ON_A_DAY = 12


@click.command(
    "explain", epilog=examples("onbeat explain backup", "onbeat explain backup --json  # for a script")
)
@entry_argument()
@env_option
@json_option
def explain(*, entry: str, env: str | None, as_json: bool) -> None:
    """Explain the schedule of ENTRY: each field, what its rules mean, the next ticks, and the next two changes of
    the clock.

    Needs no server: what the file says is explained.
    """
    from scheduler.cli.document import print_document
    from scheduler.cli.next import chosen_entries
    from scheduler.entry_ticks import zone_of_entry

    found = chosen_entries(entry, env, jobs=True)[entry]
    now = datetime.now(UTC)
    document = explanation_document(found, zone_of_entry(found), now)
    if as_json:
        print_document(document)
    else:
        _print(document)


def _kind_sentences(entry: "Entry") -> Iterator[str]:
    from scheduler.foresight.explanation import sentences

    if entry.follows is None:
        yield from sentences(entry.schedule)
    else:
        yield f"It has no times of its own: it runs {entry.follows}, for the same scheduled time."


def explanation_document(entry: "Entry", zone: ZoneInfo, now: datetime) -> dict[str, Any]:
    """What there is to say of the entry's schedule at `now`."""
    from scheduler.documents import schedule_text, timezone_of
    from scheduler.entry_ticks import coming_ticks
    from scheduler.foresight.calendar_explanation import calendar_sentences
    from scheduler.foresight.explanation import clock_changes, crontabs_of, meanings
    from scheduler.foresight.policy_words import policy_sentences

    crontabs, on_a_wall = list(crontabs_of(entry.schedule)), timezone_of(entry) is not None
    return {
        "entry": entry.name,
        "job": entry.job,
        "schedule": schedule_text(entry),
        "timezone": timezone_of(entry),
        "fields": [
            {"crontab": crontab.expression, "field": each.field, "written": each.written, "means": each.means}
            for crontab in crontabs
            for each in meanings(crontab)
        ],
        "words": [*_kind_sentences(entry), *calendar_sentences(entry, now), *policy_sentences(entry)],
        "next": [_tick(tick, zone) for tick in islice(coming_ticks(entry, now), COMING)],
        "clock_changes": [_change(entry, each, zone) for each in clock_changes(zone, now) if on_a_wall],
    }


def _tick(tick: datetime, zone: ZoneInfo) -> dict[str, str]:
    from scheduler.timestamps import rfc3339

    local = tick.astimezone(zone).isoformat(timespec="milliseconds")
    return {"scheduled_at": rfc3339(tick) or "", "local": local}


def _change(entry: "Entry", change: "ClockChange", zone: ZoneInfo) -> dict[str, Any]:
    """A change of the clock, and the ticks of the day on the wall that it falls on."""
    from scheduler.entry_ticks import count_between, ticks_between
    from scheduler.foresight.change_words import at_change
    from scheduler.timestamps import rfc3339

    midnight = change.at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    before, until = midnight - timedelta(microseconds=1), midnight + timedelta(days=1, microseconds=-1)
    ticks, count = ticks_between(entry, before, until), count_between(entry, before, until)
    shown = change.at.replace(tzinfo=None)
    return {
        "at": rfc3339(change.at),
        "day": f"{midnight:%F}",
        "from": f"{shown + change.before:%R}",
        "to": f"{shown + change.after:%R}",
        "means": "" if entry.schedule is None else at_change(entry.schedule, change),
        "count": count,
        "ticks": [_tick(tick, zone) for tick in islice(ticks, MOST_ON_A_DAY)],
    }


def _print(document: dict[str, Any]) -> None:
    from scheduler.cli.tables import Column, print_facts, print_heading, print_table

    zone = f" {document['timezone']}" if document["timezone"] else ""
    print_facts(
        [
            ("entry", document["entry"]),
            ("job", document["job"]),
            ("schedule", f"{document['schedule'] or 'by hand only'}{zone}"),
        ]
    )
    for crontab, fields in groupby(document["fields"], key=itemgetter("crontab")):
        print_heading(crontab)
        rows = [[each["field"], each["written"], each["means"]] for each in fields]
        print_table([Column("field"), Column("written"), Column("means")], rows)
    print_heading("In words")
    for sentence in document["words"]:
        click.echo(sentence)
    if document["next"]:
        print_heading("Next ticks")
        print_table(
            [Column("local"), Column("UTC")],
            [[each["local"], each["scheduled_at"]] for each in document["next"]],
        )
    for change in document["clock_changes"]:
        print_heading(f"{change['day']}: {change['from']} becomes {change['to']}")
        clocks = [each["local"][11:19] + each["local"][23:] for each in change["ticks"]]
        more = change["count"] - len(clocks)
        click.echo(change["means"])
        click.echo(f"Ticks that day: {', '.join(clocks) or 'none'}" + (f" and {more} more" if more else ""))
