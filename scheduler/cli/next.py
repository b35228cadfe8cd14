"""`onbeat next`: the coming ticks, from the file alone."""

import heapq
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Literal, NamedTuple
from zoneinfo import ZoneInfo

import click

from scheduler.cli.options import entry_argument, env_option, examples, json_option

if TYPE_CHECKING:
    from scheduler.entry import Entry

DEFAULT_COUNT = 10
MOST_SHOWN = 10_000
MOST = 100_000
FORMATS = ("text", "json", "ics")


class Tick(NamedTuple):
    """One entry at one time; in the order of time, then of names. `excluded` is why it is not to run, or None."""

    scheduled_at: datetime
    entry: str
    excluded: str | None = None


@click.command(
    "next",
    epilog=examples(
        "onbeat next",
        "onbeat next backup --count 3 --timezone America/New_York",
        "onbeat next backup --from 2026-03-28 --until 2026-03-31  # across a change of the clock",
        "onbeat next --until 30d --format ics > jobs.ics  # for a calendar",
        "onbeat next report --excluded  # with those on holidays",
    ),
)
@entry_argument(required=False)
@click.option("--from", "start", metavar="TIME", help="Ticks from then on, with it (now).")
@click.option("--until", metavar="TIME", help="Ticks up to then, with it.")
@click.option(
    "-n",
    "--count",
    type=click.IntRange(1, MOST),
    metavar="N",
    help=f"At most so many ({DEFAULT_COUNT}; with --until {MOST_SHOWN}, for programs and calendars {MOST}).",
)
@click.option("--timezone", metavar="ZONE", help="Read and show times in this zone (the entry's own).")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="For people, for programs, or as an iCalendar file.",
)
@click.option("--excluded", is_flag=True, help="Show excluded ticks too, and what excludes them.")
@env_option
@json_option
def next_(  # noqa: PLR0913 - one for each option
    *,
    entry: str | None,
    start: str | None,
    until: str | None,
    count: int | None,
    timezone: str | None,
    form: str,
    excluded: bool,
    env: str | None,
    as_json: bool,
) -> None:
    """Show the coming ticks of ENTRY, or of all enabled entries together. Needs no server.

    What the file says is shown, without the ticks that it excludes; not what a beat has applied, nor pauses. Changes
    of the clock and calendars are taken into account.
    """
    from scheduler.cli.document import print_document
    from scheduler.cli.progress import progress
    from scheduler.entry_ticks import zone_of_entry

    zone = zone_asked_for(timezone)
    with progress() as steps:
        steps.begin("Reading the file")
        chosen = chosen_entries(entry, env)
        zones = {name: zone or zone_of_entry(each) for name, each in chosen.items()}
        reading = zones[entry] if entry else zone
        now = datetime.now(UTC)
        first = moment_asked_for(start, "--from", now, reading) if start else now
        last = moment_asked_for(until, "--until", now, reading) if until else None
        usual = MOST if as_json or form != "text" else MOST_SHOWN
        most = count or (usual if last else DEFAULT_COUNT)
        steps.begin("Working out ticks")
        found = list(islice(ticks(chosen, first, last, excluded=excluded), most + 1))
    if as_json or form == "json":
        print_document([_document(tick, zones[tick.entry], excluded=excluded) for tick in found[:most]])
    elif form == "ics":
        from scheduler.cli.ics import calendar_text

        click.echo(calendar_text([tick for tick in found[:most] if not tick.excluded], chosen, now), nl=False)
    elif found:
        _print(found[:most], zones, now)
    else:
        hidden = not excluded and any(each.exclusion for each in chosen.values())
        more = " --excluded shows those that are excluded." if hidden else ""
        click.echo(f"No tick in that time.{more}" if chosen else "No enabled entry has a schedule.", err=True)
    if last and len(found) > most:
        click.echo(f"There are more; --count shows up to {MOST}.", err=True)


def ticks(
    entries: "Mapping[str, Entry]", start: datetime, until: datetime | None, *, excluded: bool = False
) -> Iterator[Tick]:
    """The ticks of `entries` from `start` to `until`, both with it, the earliest first; `excluded` ones too."""
    after = start - timedelta(microseconds=1)
    of_each = (_ticks_of(name, entry, after, until, excluded=excluded) for name, entry in entries.items())
    return heapq.merge(*of_each)


def _ticks_of(
    name: str, entry: "Entry", after: datetime, until: datetime | None, *, excluded: bool
) -> Iterator[Tick]:
    from scheduler.entry_ticks import coming_ticks, looked_at

    if not excluded:
        return (Tick(tick, name) for tick in coming_ticks(entry, after, until))
    ticks = (Tick(tick, name, reason) for tick, reason in looked_at(entry, after))
    return takewhile(lambda tick: until is None or tick.scheduled_at <= until, ticks)


def chosen_entries(name: str | None, env: str | None, *, jobs: bool = False) -> "dict[str, Entry]":
    """The entry of that name, or all that are enabled and have a schedule, in the environment `env`.

    With `jobs` they have what their jobs declare.

    Raises InvalidSchedules where the file can't be used, NotFound where it has no such entry.
    """
    from scheduler.cli.usable_file import usable
    from scheduler.errors import NotFound
    from scheduler.suggestion import did_you_mean

    file = usable(env=env, jobs=jobs)
    if name is None:
        return {key: each for key, each in file.entries.items() if each.enabled and each.schedule}
    if name not in file.entries:
        hint = did_you_mean(name, file.entries)
        raise NotFound(
            f"no such entry in {file.files[0]}: {name!r}{hint}", hint="`onbeat next` shows them all"
        )
    entry = file.entries[name]
    if entry.schedule is None:
        how = entry.follows or f"only by hand, with `onbeat trigger {name}`"
        click.echo(f"{name} has no times of its own: it runs {how}", err=True)
    elif not entry.enabled:
        click.echo(f"{name} is disabled: these are the times it would have", err=True)
    elif entry.max_runs is not None:
        most = f"{entry.max_runs} runs" if entry.max_runs > 1 else "1 run"
        click.echo(f"{name} has {most} in all; `onbeat show {name}` says how many it has had", err=True)
    return {name: entry}


def zone_asked_for(name: str | None) -> ZoneInfo | None:
    """The zone that `--timezone` names. Raises BadParameter where there is none."""
    from scheduler.cadences.wall_clock import zone_named

    try:
        return zone_named(name) if name else None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--timezone") from None


def moment_asked_for(
    text: str, option: str, now: datetime, zone: ZoneInfo | None, clock: Literal["next", "near"] = "next"
) -> datetime:
    """The moment that `option` says. Raises BadParameter where it says none."""
    from scheduler.timestamps import parse_moment

    try:
        return parse_moment(text, now=now, zone=zone, clock=clock)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None


def _document(tick: Tick, zone: ZoneInfo, *, excluded: bool) -> dict[str, object]:
    local = tick.scheduled_at.astimezone(zone).isoformat(timespec="milliseconds")
    document = {"entry": tick.entry, "scheduled_at": tick.scheduled_at, "local": local}
    return document if not excluded else {**document, "excluded": tick.excluded}


def _print(found: list[Tick], zones: Mapping[str, ZoneInfo], now: datetime) -> None:
    from scheduler.cli.tables import Cell, Column, Content, on_terminal, print_table
    from scheduler.timestamps import relative, rfc3339

    rows: list[list[Content]] = []
    seen = on_terminal()
    for tick in found:
        zone = zones[tick.entry]
        local = tick.scheduled_at.astimezone(zone)
        clock = f"{local:%a %F %T}" + (f".{local:%f}"[:4] if local.microsecond else "")
        rows.append(
            [
                tick.entry,
                Cell(f"{clock} {local:%Z}", plain=local.isoformat(timespec="milliseconds")),
                Cell(
                    relative(tick.scheduled_at, now) if seen else "", "dim", plain=rfc3339(tick.scheduled_at)
                ),
                Cell(zone.key, "dim"),
                Cell(tick.excluded or "", "yellow"),
            ]
        )
    columns = [
        Column("entry", most=40),
        Column("local"),
        Column("when"),
        Column("zone", drop=1),
        Column("excluded"),
    ]
    shown = len(columns) if any(tick.excluded for tick in found) else len(columns) - 1
    print_table(columns[:shown], [row[:shown] for row in rows])
