"""`onbeat simulate`: what the entries will do over a day or a month, before they do it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import click

from scheduler.cli.options import env_option, examples, json_option, open_store
from scheduler.cli.wait_forecast import Slots, pools_of

if TYPE_CHECKING:
    from scheduler.cli.forecast import Forecast
    from scheduler.cli.progress import Steps
    from scheduler.entry import Entry
    from scheduler.foresight.followed_runs import Pool
    from scheduler.foresight.run_times import RunTime
    from scheduler.foresight.tick_series import Span
    from scheduler.store import Store

MOST_DAYS = 35
NEWEST_RUNS = 50
MOST_MOVES = 5


@click.command(
    epilog=examples(
        "onbeat simulate",
        "onbeat simulate --days 30 --queue reports",
        "onbeat simulate --slots 8 --slots reports=2",
        "onbeat simulate --from 2026-12-01 --until 2026-12-02 --timezone Europe/Berlin",
        "onbeat simulate --json | jq .run_times > times.json  # then, with no server: --durations times.json",
    )
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--from", "start", metavar="TIME", help="From then on, with it (this hour).")
@click.option("--until", metavar="TIME", help="Up to then, without it.")
@click.option(
    "--days", type=click.IntRange(1, MOST_DAYS), metavar="N", help="So many days (1), instead of --until."
)
@click.option("-Q", "--queue", "queues", multiple=True, metavar="NAME", help="Only entries of these queues.")
@click.option(
    "--timezone", metavar="ZONE", help="Read and show times in this zone (the file's, if it has one)."
)
@click.option(
    "--durations",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help='How long runs take, as JSON: {"backup": "90s", "mail": {"p50": 2, "p95": 9.5}}.',
)
@click.option(
    "--slots",
    "pools",
    type=Slots(),
    multiple=True,
    metavar="[QUEUE=]N",
    help="So many runs go at once on the workers, of all queues or of one; those of the workers now, if not given.",
)
@env_option
@json_option
def simulate(  # noqa: PLR0913 - one for each option
    *,
    file: Path | None,
    start: str | None,
    until: str | None,
    days: int | None,
    queues: tuple[str, ...],
    timezone: str | None,
    durations: Path | None,
    pools: "tuple[Pool, ...]",
    env: str | None,
    as_json: bool,
) -> None:
    """Show the load of a day or a month: ticks by the minute, what falls together, overlaps, waits, freer minutes.

    FILE, or the schedules.toml of the settings, is simulated. How long runs take, and how many slots the
    workers have, is asked of the server where it can be reached; otherwise the time-outs count, and --slots.
    """
    from scheduler.cli.document import print_document
    from scheduler.cli.forecast import forecast_document, print_forecast
    from scheduler.cli.progress import progress
    from scheduler.cli.usable_file import usable

    with progress() as steps:
        steps.begin("Reading the file")
        entries = usable(file, env=env).entries
        chosen = _chosen(entries, queues)
        zone = _zone(timezone, chosen)
        span = _span(start, until, days, zone, datetime.now(UTC))
        forecast = _forecast(chosen, span, durations, pools, steps)
    if as_json:
        print_document(forecast_document(forecast, zone))
    else:
        print_forecast(forecast, zone)


def _chosen(entries: "Mapping[str, Entry]", queues: tuple[str, ...]) -> "list[Entry]":
    """The enabled entries with a schedule. Raises NotFound for a queue that no entry has."""
    from scheduler.errors import NotFound
    from scheduler.suggestion import did_you_mean

    known = {entry.queue for entry in entries.values()}
    for queue in queues:
        if queue not in known:
            raise NotFound(f"no entry has the queue {queue!r}{did_you_mean(queue, known)}")
    return [
        entry
        for entry in entries.values()
        if entry.enabled and entry.schedule is not None and (not queues or entry.queue in queues)
    ]


def _zone(name: str | None, entries: "Sequence[Entry]") -> ZoneInfo:
    """The zone of that name, or that of all crontabs if they have the same, or UTC."""
    from scheduler.cli.next import zone_asked_for
    from scheduler.documents import timezone_of

    if (asked := zone_asked_for(name)) is not None:
        return asked
    zones = {zone for entry in entries if (zone := timezone_of(entry)) is not None}
    return ZoneInfo(zones.pop() if len(zones) == 1 else "UTC")


def _span(start: str | None, until: str | None, days: int | None, zone: ZoneInfo, now: datetime) -> "Span":
    from scheduler.cli.next import moment_asked_for
    from scheduler.foresight.tick_series import Span

    if until and days:
        raise click.UsageError("--until and --days both say where it ends; give one of them")
    if start:
        first = _minute(moment_asked_for(start, "--from", now, zone))
    else:
        first = now.astimezone(zone).replace(minute=0, second=0, microsecond=0).astimezone(UTC)
    if until:
        last = _minute(moment_asked_for(until, "--until", now, zone) + timedelta(minutes=1, microseconds=-1))
    else:
        # Days on the wall: one with a change of the clock has 23 or 25 hours.
        last = (first.astimezone(zone) + timedelta(days=days or 1)).astimezone(UTC)
    if last <= first:
        raise click.UsageError("--until is not later than --from")
    if last - first > timedelta(days=MOST_DAYS + 1):
        raise click.UsageError(f"that is more than {MOST_DAYS} days; give an earlier --until")
    return Span(first, last)


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _forecast(
    entries: "Sequence[Entry]",
    span: "Span",
    durations: Path | None,
    pools: "Sequence[Pool]",
    steps: "Steps",
) -> "Forecast":
    from scheduler.cli.forecast import Forecast
    from scheduler.foresight.freer_minute import moves
    from scheduler.foresight.overlap_forecast import grouped, most_at_once, overlaps
    from scheduler.foresight.run_times import run_times
    from scheduler.foresight.simulation import simulation
    from scheduler.foresight.tick_series import all_series
    from scheduler.foresight.wait_forecast import followed_stretch, waits

    steps.begin("Asking for run times")
    asked = _asked(entries, durations, pools)
    times = run_times(entries, asked.known)
    steps.begin("Working out ticks", len(entries))
    series = all_series(entries, span, steps.advance)
    steps.begin("Counting ticks", sum(len(each.entries) for each in series))
    simulated = simulation(series, span, advance=steps.advance)
    steps.begin("Looking for overlaps")
    stretch = followed_stretch(simulated.by_minute)
    groups = grouped(series, times, stretch)
    return Forecast(
        entries=len(entries),
        simulated=simulated,
        times=times,
        times_from=_times_from(entries, times, asked.times_from),
        overlaps=overlaps(series, times, groups),
        at_once=most_at_once(series, times, span, groups),
        moves=moves(series, span, most=MOST_MOVES),
        waits=waits(series, times, span, stretch, asked.pools) if asked.pools else None,
        pools=asked.pools,
        slots_from=asked.slots_from,
    )


class _Asked(NamedTuple):
    """What a file, the server or a person knows: run times and slots, each with a note on where they are from."""

    known: "Mapping[str, RunTime]"
    times_from: str
    pools: "Sequence[Pool]"
    slots_from: str


def _asked(entries: "Sequence[Entry]", durations: Path | None, pools: "Sequence[Pool]") -> _Asked:
    """What is known. Raises UsageProblem where the file of run times can't be used."""
    from scheduler.errors import Unreachable

    names = [entry.name for entry in entries]
    given = _given_times(durations, names) if durations is not None else None
    slots = f"{sum(pool.slots for pool in pools)}, as given"
    if given is not None and pools:
        return _Asked(given, f"from {durations}", pools, slots)
    try:
        with open_store() as store:
            known = given if given is not None else _measured_times(store, names)
            if not pools:
                pools, slots = _running_slots(store)
    except Unreachable as error:
        where = f"no server was asked ({error})" if given is None else f"from {durations}"
        return _Asked(given or {}, where, pools, slots)
    return _Asked(known, "measured" if given is None else f"from {durations}", pools, slots)


def _given_times(durations: Path, names: "Sequence[str]") -> "dict[str, RunTime]":
    from scheduler.errors import UsageProblem
    from scheduler.foresight.run_times import given_run_times

    try:
        return given_run_times(durations.read_text(encoding="utf-8"), names)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageProblem(
            f"{durations}: {reason}", hint='write {"backup": "90s", "mail": {"p50": 2, "p95": 9.5}}'
        ) from error


def _measured_times(store: "Store", names: "Sequence[str]") -> "dict[str, RunTime]":
    from scheduler.foresight.run_times import measured

    found = store.runs.durations(names, newest=NEWEST_RUNS)
    return {name: measured(took) for name, took in found.items()}


def _running_slots(store: "Store") -> "tuple[list[Pool], str]":
    """Those of the workers that gave a sign lately."""
    from scheduler.status import is_alive

    now = store.presence.now()
    workers = [sign.about for sign in store.presence.all("workers").values() if is_alive(sign, now)]
    found = pools_of(workers)
    number = f"the {len(workers)} workers that run" if len(workers) > 1 else "the worker that runs"
    return found, f"{sum(pool.slots for pool in found)}, of {number} now"


def _times_from(entries: "Sequence[Entry]", times: "Mapping[str, RunTime]", where: str) -> str:
    """In words: where the run times come from."""
    by_source: dict[str, int] = {}
    for entry in entries:
        source: str = times[entry.name].source if entry.name in times else "none"
        by_source[source] = by_source.get(source, 0) + 1
    words = {
        "measured": f"measured from up to {NEWEST_RUNS} newest runs for {{}}",
        "given": f"{where} for {{}}",
        "timeout": "the time-out for {}",
        "none": "unknown for {}, which {} left out",
    }
    parts = []
    for source, text in words.items():
        if number := by_source.get(source):
            entries_ = f"{number} {'entry' if number == 1 else 'entries'}"
            parts.append(text.format(entries_, "is" if number == 1 else "are"))
    note = f"; {where}" if where.startswith("no server") else ""
    return f"{', '.join(parts) or 'there is no entry'}{note}"
