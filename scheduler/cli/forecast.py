"""What `onbeat simulate` found, as JSON and for people."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

import click

from scheduler.cli.chart import chart
from scheduler.cli.tables import Column, print_heading, print_table
from scheduler.cli.wait_forecast import print_waits, waits_document
from scheduler.foresight.followed_runs import Pool
from scheduler.foresight.freer_minute import Move
from scheduler.foresight.overlap_forecast import AtOnce, Overlaps
from scheduler.foresight.run_times import RunTime
from scheduler.foresight.simulation import Crowd, Simulation
from scheduler.foresight.wait_forecast import Waits
from scheduler.timestamps import rough

MOST_ROWS: Final = 5
MOST_NAMES: Final = 4


@dataclass(frozen=True, slots=True)
class Forecast:
    """All that is known of a span to come. `times_from` says where the run times come from."""

    entries: int
    simulated: Simulation
    times: Mapping[str, RunTime]
    times_from: str
    overlaps: Sequence[Overlaps]
    at_once: Sequence[AtOnce]
    moves: Sequence[Move]
    waits: Waits | None = None
    pools: Sequence[Pool] = ()
    slots_from: str = ""


def forecast_document(forecast: Forecast, zone: ZoneInfo) -> dict[str, Any]:
    """The forecast as JSON. `by_minute` begins with the minute `from`; run times are in seconds."""
    simulated = forecast.simulated
    return {
        "from": simulated.span.start_at,
        "until": simulated.span.until,
        "timezone": zone.key,
        "entries": forecast.entries,
        "ticks": simulated.ticks,
        "by_minute": list(simulated.by_minute),
        "busiest": [_crowd(each, zone) for each in simulated.busiest],
        "collided_seconds": simulated.collided,
        "collisions": [_crowd(each, zone) for each in simulated.collisions],
        "run_times_from": forecast.times_from,
        "run_times": {name: time.to_json() for name, time in forecast.times.items()},
        "overlaps": [
            {
                "entry": each.entry.name,
                "overlap": each.entry.overlap,
                "ticks": each.ticks,
                "gap_s": each.shortest_gap.total_seconds(),
                "usual": each.usual,
                "often": each.often,
            }
            for each in forecast.overlaps
        ],
        "at_once": [
            {"queue": each.queue, "runs": each.runs, "at": each.at, "entries": each.entries}
            for each in forecast.at_once
        ],
        "waits": waits_document(forecast.waits, forecast.pools),
        "suggestions": [
            {
                "entry": move.entry.name,
                "from_minute": move.before,
                "to_minute": move.after,
                "others_now": move.now,
                "others_then": move.then,
                "crontab": move.crontab,
                "hashed": move.hashed,
            }
            for move in forecast.moves
        ],
    }


def _crowd(crowd: Crowd, zone: ZoneInfo) -> dict[str, Any]:
    local = crowd.first_at.astimezone(zone).isoformat(timespec="milliseconds")
    entries = [{"entry": name, "ticks": ticks} for name, ticks in crowd.entries]
    return {
        "at": crowd.first_at,
        "local": local,
        "times": crowd.times,
        "ticks": crowd.ticks,
        "entries": entries,
    }


def print_forecast(forecast: Forecast, zone: ZoneInfo) -> None:
    """Print it for a person: the chart, what is most crowded, overlaps, and what could be moved."""
    simulated, span = forecast.simulated, forecast.simulated.span
    first, last = (moment.astimezone(zone) for moment in (span.start_at, span.until))
    click.echo(
        f"{_count(forecast.entries, 'entry', 'entries')}, {_count(simulated.ticks, 'tick', 'ticks')} "
        f"from {first:%a %F %R} to {last:%a %F %R} {zone.key}"
    )
    if not simulated.ticks:
        return
    click.echo()
    for line in chart(simulated.by_minute, span.start_at, zone, sys.stdout.encoding or "ascii"):
        click.echo(line)
    _print_crowds(forecast, zone)
    _print_overlaps(forecast, zone)
    waits = forecast.waits
    whole = waits is None or (waits.start_at, waits.until) == (span.start_at, span.until)
    print_waits(waits, forecast.slots_from, zone, whole=whole)
    _print_moves(forecast)


def _print_crowds(forecast: Forecast, zone: ZoneInfo) -> None:
    simulated = forecast.simulated
    columns = [
        Column("first at"),
        Column("times", "right"),
        Column("ticks", "right"),
        Column("entries", flexible=True),
    ]
    print_heading("Busiest minutes")
    rows = [
        [f"{each.first_at.astimezone(zone):%a %d %b %R}", str(each.times), str(each.ticks), _names(each)]
        for each in simulated.busiest[:MOST_ROWS]
    ]
    print_table(columns, rows)
    if not simulated.collisions:
        return
    seconds = f"in {_count(simulated.collided, 'second', 'seconds')} of the span more than one entry ticks"
    print_heading("Collisions", seconds)
    rows = [
        [
            f"{each.first_at.astimezone(zone):%a %d %b %T}",
            str(each.times),
            str(len(each.entries)),
            _names(each),
        ]
        for each in simulated.collisions[:MOST_ROWS]
    ]
    print_table([*columns[:2], Column("together", "right"), columns[3]], rows)


def _names(crowd: Crowd) -> str:
    names = [name if ticks == 1 else f"{name} ×{ticks}" for name, ticks in crowd.entries]
    more = len(names) - MOST_NAMES
    return ", ".join(names) if more <= 1 else f"{', '.join(names[:MOST_NAMES])} and {more} more"


def _print_overlaps(forecast: Forecast, zone: ZoneInfo) -> None:
    print_heading("Overlaps")
    click.echo(f"Run times: {forecast.times_from}.")
    if all(time.source == "timeout" for time in forecast.times.values()):
        click.echo("So this is the worst that may be: each run taking as long as it may.")
    if forecast.at_once:
        columns = [
            Column("queue"),
            Column("at once", "right"),
            Column("first at"),
            Column("entries", "right"),
        ]
        rows = [
            [each.queue, str(each.runs), f"{each.at.astimezone(zone):%a %d %b %T}", str(each.entries)]
            for each in forecast.at_once[:MOST_ROWS]
        ]
        click.echo()
        print_table(columns, rows)
    if not forecast.overlaps:
        return
    becomes = {"skip": "skipped", "allow": "run beside it", "queue": "wait", "replace": "replace it"}
    columns = [Column("entry", most=40), Column("every"), Column("p50"), Column("p95"), Column("from")]
    columns.append(Column("ticks that find a run still going", flexible=True))
    rows = []
    for each in forecast.overlaps[:MOST_ROWS]:
        number = str(each.often) if each.usual == each.often else f"{each.usual} to {each.often}"
        met = f"{number} of {each.ticks} are {becomes[each.entry.overlap]}"
        met = (
            met.replace(" are run", " run").replace(" are wait", " wait").replace(" are replace", " replace")
        )
        time = each.run_time
        rows.append(
            [each.entry.name, rough(each.shortest_gap), rough(time.p50), rough(time.p95), time.source, met]
        )
    click.echo()
    print_table(columns, rows)
    if (more := len(forecast.overlaps) - MOST_ROWS) > 0:
        click.echo(f"and {more} more {'entries' if more > 1 else 'entry'}; --json has them all")


def _print_moves(forecast: Forecast) -> None:
    if not forecast.moves:
        return
    print_heading("Freer minutes")
    for move in forecast.moves:
        others = "another starts" if move.now == 1 else f"{move.now} others start"
        then = f"{move.then} start" if move.then > 1 else "1 starts" if move.then else "none"
        click.echo(
            f"move {move.entry.name} from minute {move.before} to minute {move.after}: {others} at "
            f":{move.before:02}, {then} at :{move.after:02}\n"
            f'  crontab = "{move.crontab}", or "{move.hashed}" to leave the minute to its name'
        )


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
