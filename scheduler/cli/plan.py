"""`onbeat plan`: what the file would change, in entries and in firing times."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from scheduler.cli.options import env_option, examples, json_option, open_store

if TYPE_CHECKING:
    from scheduler.entry import Entry
    from scheduler.foresight.comparison import Comparison, TickChange
    from scheduler.plan import Plan

DIFFERENCES_FOUND = 6
MOST_MOVES = 3
FORMATS = ("text", "json", "markdown")


@click.command(
    epilog=examples(
        "onbeat plan",
        "onbeat plan staging.toml --json | jq .ticks",
        "onbeat plan --against main.toml --format markdown  # for a pull request",
    )
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--against",
    type=click.Path(path_type=Path),
    metavar="OLD.toml",
    help="Compare with another file instead of what runs now: needs no server.",
)
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="For whom."
)
@env_option
@json_option
def plan(*, file: Path | None, against: Path | None, form: str, env: str | None, as_json: bool) -> int:
    """Show what FILE, or the schedules.toml of the settings, would change: entries, and ticks of the next 7 days.

    Changes nothing. Exit code 0: all is as the file says. 6: it differs.
    """
    from scheduler.cli.document import print_document
    from scheduler.cli.progress import progress
    from scheduler.cli.usable_file import usable
    from scheduler.foresight.comparison import comparison
    from scheduler.plan import plan as plan_of

    with progress() as steps:
        steps.begin("Reading the file")
        wanted = usable(file, env=env).entries
        steps.begin("Reading what it is compared with")
        stored = usable(against, env=env).entries if against else _running()
        steps.begin("Comparing ticks")
        changes = plan_of(wanted, stored)
        compared = comparison(changes, dict(stored), now=datetime.now(UTC))
    if as_json or form == "json":
        print_document(plan_document(changes, compared))
    else:
        lines = _markdown(changes, compared) if form == "markdown" else _text(changes, compared)
        click.echo("\n".join(lines))
    return 0 if changes.empty else DIFFERENCES_FOUND


def _running() -> "dict[str, Entry]":
    with open_store() as store:
        stored = store.entries.all()
    return {name: each.applied for name, each in stored.items() if each.applied is not None}


def plan_document(changes: "Plan", compared: "Comparison") -> dict[str, Any]:
    """The plan as JSON: names of entries, how each one changes, and the ticks of the next 7 days."""
    from scheduler.foresight.comparison import changed_fields

    return {
        "added": [entry.name for entry in changes.added],
        "changed": [each.after.name for each in changes.changed],
        "removed": list(changes.removed),
        "unchanged": list(changes.unchanged),
        "ticks": _numbers(compared.total),
        "fields": {
            each.after.name: {
                name: {"before": before, "after": after}
                for name, (before, after) in changed_fields(each.before, each.after).items()
            }
            for each in changes.changed
        },
        "ticks_by_entry": {name: _numbers(change) for name, change in compared.by_entry.items()},
        "moves_by_entry": {
            name: [{"before": before, "after": after} for before, after in change.moves]
            for name, change in compared.by_entry.items()
            if change.moves
        },
    }


def _numbers(change: "TickChange") -> dict[str, int]:
    return {"gained": change.gained, "lost": change.lost, "moved": change.moved}


def _rows(changes: "Plan", compared: "Comparison") -> Iterator[tuple[str, str, str, str]]:
    """Mark, entry, what, ticks: one row for each entry that is not as it was."""
    from scheduler.entry_ticks import zone_of_entry
    from scheduler.foresight.comparison import changed_fields

    ticks = compared.by_entry
    for entry in changes.added:
        words = entry.schedule.describe() if entry.schedule is not None else entry.follows or "by hand"
        words += f", not on {entry.exclusion.describe()}" if entry.exclusion is not None else ""
        yield "+", entry.name, f"{words}: {entry.job}", _ticks_text(ticks[entry.name])
    for each in changes.changed:
        fields = changed_fields(each.before, each.after)
        words = ", ".join(_changed(name, was, will) for name, (was, will) in fields.items())
        yield "~", each.after.name, words, _ticks_text(ticks[each.after.name], zone_of_entry(each.after))
    for name in changes.removed:
        yield "-", name, "removed", _ticks_text(ticks[name])


def _changed(name: str, was: Any, will: Any) -> str:
    if name == "days":  # of calendars, and which are more or less
        return f"days of {will}"
    if name == "exclude":
        return f"exclude: {was or 'nothing'} → {will or 'nothing'}"
    return f"{name}: {_shown(was)} → {_shown(will)}"


def _shown(value: Any) -> str:
    if value is None:
        return "default"
    return ", ".join(f"{k}={v!r}" for k, v in value.items()) if isinstance(value, Mapping) else str(value)


def _ticks_text(change: "TickChange", zone: ZoneInfo | None = None) -> str:
    parts = [
        f"{number} {what}"
        for number, what in ((change.gained, "gained"), (change.lost, "lost"), (change.moved, "moved"))
        if number
    ]
    moves = list(dict.fromkeys(_move_text(before, after, zone) for before, after in change.moves if zone))
    if moves:
        more = (
            ", …" if len(moves) > MOST_MOVES or (change.moved > len(change.moves) and len(moves) > 1) else ""
        )
        parts[-1] += f" ({', '.join(moves[:MOST_MOVES])}{more})"
    return ", ".join(parts)


def _move_text(before: datetime, after: datetime, zone: ZoneInfo | None) -> str:
    """Such as "02:00 → 03:00", with the days where it moves to another, and seconds where there are any."""
    was, will = before.astimezone(zone), after.astimezone(zone)
    days = "" if was.date() == will.date() else "%a "
    if was.microsecond or will.microsecond:
        return " → ".join(f"{each:{days}%T}.{each.microsecond // 1000:03}" for each in (was, will))
    clock = "%T" if was.second or will.second else "%R"
    return " → ".join(f"{each:{days}{clock}}" for each in (was, will))


def _text(changes: "Plan", compared: "Comparison") -> list[str]:
    if changes.empty:
        return [f"Nothing to change: {_entries(len(changes.unchanged))} as the file says."]
    colours = {"+": "green", "~": "yellow", "-": "red"}
    lines = []
    for mark, name, words, ticks in _rows(changes, compared):
        lines.append(f"{click.style(f'{mark} {name}', fg=colours[mark])}  {words}")
        if ticks:
            lines.append(click.style(f"    ticks of the next 7 days: {ticks}", dim=True))
    return [*lines, "", _summary(changes, compared)]


def _markdown(changes: "Plan", compared: "Comparison") -> list[str]:
    if changes.empty:
        return ["**Schedules:** nothing changes."]
    rows = [
        f"| `{mark}` | `{name}` | {words.replace('|', chr(92) + '|')} | {ticks} |"
        for mark, name, words, ticks in _rows(changes, compared)
    ]
    head = ["| | entry | what | ticks of the next 7 days |", "| --- | --- | --- | --- |"]
    return [f"**Schedules:** {_summary(changes, compared)}", "", *head, *rows]


def _summary(changes: "Plan", compared: "Comparison") -> str:
    numbers = (len(changes.added), len(changes.changed), len(changes.removed), len(changes.unchanged))
    entries = "{} added, {} changed, {} removed, {} unchanged".format(*numbers)
    ticks = _ticks_text(compared.total)
    return f"{entries}; ticks of the next 7 days: {ticks or 'the same'}"


def _entries(count: int) -> str:
    return "1 entry is" if count == 1 else f"{count} entries are"
