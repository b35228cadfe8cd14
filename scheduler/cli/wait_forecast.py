"""The part of `onbeat simulate` about waits: the slots that there are, and what they mean for queues and entries."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import click

from scheduler.cli.tables import Column, print_heading, print_table
from scheduler.timestamps import rough

if TYPE_CHECKING:
    from scheduler.foresight.followed_runs import Pool
    from scheduler.foresight.wait_forecast import EntryWaits, Met, QueueWaits, Wait, Waits

MOST_ROWS: Final = 5
_PERCENT: Final = 100


class Slots(click.ParamType["Pool", Any]):
    """`8`, or `reports=2`, or `reports,mail=4`, as a pool of slots."""

    name = "slots"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> "Pool":
        """The pool. Fails where the number or a name is missing."""
        from scheduler.foresight.followed_runs import Pool

        if isinstance(value, Pool):
            return value
        names, _, number = value.rpartition("=")
        queues = [name.strip() for name in names.split(",")] if "=" in value else None
        if not number.strip().isdecimal() or (queues is not None and not all(queues)):
            self.fail(f"{value!r} is no number of slots; write 8, or reports=2", param, ctx)
        return Pool(int(number), None if queues is None else frozenset(queues))


def pools_of(workers: Iterable[Mapping[str, Any]]) -> "list[Pool]":
    """The slots of workers, by what they say of themselves."""
    from scheduler.foresight.followed_runs import Pool

    slots: dict[frozenset[str], int] = {}
    for about in workers:
        queues = frozenset(about.get("queues") or ())
        slots[queues] = slots.get(queues, 0) + int(about.get("concurrency") or 0)
    return [Pool(number, queues) for queues, number in slots.items() if number]


def waits_document(found: "Waits | None", pools: "Sequence[Pool]") -> dict[str, Any] | None:
    """The waits as JSON, in seconds; None where nobody knows how many slots there are."""
    if found is None:
        return None
    return {
        "from": found.start_at,
        "until": found.until,
        "slots": [
            {"queues": None if pool.queues is None else sorted(pool.queues), "slots": pool.slots}
            for pool in pools
        ],
        "queues": [
            {
                "queue": each.queue,
                "slots": each.slots,
                "entries": each.entries,
                "usual": _wait(each.usual),
                "often": _wait(each.often),
            }
            for each in found.queues
        ],
        "entries": [
            {
                "entry": each.entry.name,
                "ticks": each.ticks,
                "usual": _met(each.usual),
                "often": _met(each.often),
            }
            for each in found.entries
        ],
    }


def _wait(wait: "Wait") -> dict[str, Any]:
    return {
        "runs": wait.runs,
        "waited": wait.waited,
        "p95_s": wait.p95.total_seconds(),
        "longest_s": wait.longest.total_seconds(),
        "at": wait.at,
        "busy": round(wait.busy, 4),
    }


def _met(met: "Met") -> dict[str, Any]:
    return {
        "longest_s": met.longest.total_seconds(),
        "waited": met.waited,
        "skipped": met.skipped,
        "expired": met.expired,
    }


def print_waits(found: "Waits | None", slots_from: str, zone: ZoneInfo, *, whole: bool) -> None:
    """Print them for a person. `whole`: each run of the span was followed."""
    print_heading("Waits")
    if found is None:
        click.echo("How many slots there are is not known: say it with --slots 8, or --slots reports=2.")
        return
    click.echo(f"Slots: {slots_from}.")
    if not whole:
        first, last = (moment.astimezone(zone) for moment in (found.start_at, found.until))
        click.echo(
            f"Runs were followed one by one from {first:%a %d %b %R} to {last:%a %d %b %R}, the busiest time."
        )
    if not found.queues:
        click.echo("No run time is known, so nothing can be said of waits.")
        return
    click.echo()
    _print_queues(found.queues, zone)
    if found.entries:
        click.echo()
        _print_entries(found.entries)


def _print_queues(queues: "Sequence[QueueWaits]", zone: ZoneInfo) -> None:
    titles = ("slots", "busy", "runs", "wait", "p95 wait", "longest wait")
    columns = [Column("queue"), *(Column(title, "right") for title in titles), Column("first at")]
    rows = []
    for each in queues[:MOST_ROWS]:
        usual, often = each.usual, each.often
        rows.append(
            [
                each.queue,
                str(each.slots),
                _between(f"{usual.busy:.0%}", f"{often.busy:.0%}"),
                _between(str(usual.runs), str(often.runs)),
                _between(str(usual.waited), str(often.waited)),
                _lasting(usual.p95, often.p95),
                _lasting(usual.longest, often.longest),
                "" if often.at is None else f"{often.at.astimezone(zone):%a %d %b %T}",
            ]
        )
    print_table(columns, rows)
    for each in queues:
        if not each.slots:
            click.echo(f"no slot takes from the queue {each.queue!r}: its runs never start")


def _print_entries(entries: "Sequence[EntryWaits]") -> None:
    titles = ("ticks", "wait", "longest wait", "skipped", "expired")
    columns = [Column("entry", most=40), *(Column(title, "right") for title in titles)]
    rows = [
        [
            each.entry.name,
            str(each.ticks),
            _between(str(each.usual.waited), str(each.often.waited)),
            _lasting(each.usual.longest, each.often.longest),
            _between(str(each.usual.skipped), str(each.often.skipped)),
            _between(str(each.usual.expired), str(each.often.expired)),
        ]
        for each in entries[:MOST_ROWS]
    ]
    print_table(columns, rows)
    if (more := len(entries) - MOST_ROWS) > 0:
        click.echo(f"and {more} more {'entries' if more > 1 else 'entry'}; --json has them all")


def _lasting(usual: timedelta, often: timedelta) -> str:
    return _between(*(rough(each) if each else "0s" for each in (usual, often)))


def _between(usual: str, often: str) -> str:
    """What is usual, and what is often; once, where they are the same."""
    return usual if usual == often else f"{usual} to {often}"
