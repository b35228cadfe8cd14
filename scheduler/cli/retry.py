"""`onbeat retry`: another attempt for runs that ended badly."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import click

from scheduler.cli.options import Moment, examples, json_option, open_store
from scheduler.run import RunState

if TYPE_CHECKING:
    from scheduler.run import Run
    from scheduler.store import Store
    from scheduler.store.replays import Replay

STATES: Final = ("failed", "expired", "cancelled", "retrying")
BATCH: Final = 100


@click.command(
    epilog=examples(
        "onbeat retry 3f2a9c1d",
        "onbeat retry --state failed --since 2h --dry-run",
        'onbeat retry --state failed --entry sync --since 2h --reason "the API is back"',
    )
)
@click.argument("run_ids", metavar="[RUN_ID]...", nargs=-1)
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(STATES, case_sensitive=False),
    metavar="STATE",
    help="All that are in this state: failed, expired, cancelled, or retrying: those that wait.",
)
@click.option("--entry", help="With --state: only runs of this entry.")
@click.option("--since", type=Moment(backwards=True), help="With --state: only runs queued since then: 2h.")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(1, 100_000),
    metavar="N",
    default=1_000,
    show_default=True,
    help="With --state: at most so many, the newest.",
)
@click.option("--reason", default="", help="Why; for the log.")
@click.option("--dry-run", is_flag=True, help="Only list them.")
@json_option
def retry(*, run_ids: tuple[str, ...], reason: str, dry_run: bool, as_json: bool, **filters: Any) -> None:
    """Give runs another attempt, now: those named, or all in a state. The same run goes on, with its checkpoint.

    One that waits for its next attempt has it now. One that is queued or runs already is left alone, so a command that
    is given twice does its work once.
    """
    from scheduler.cli.document import print_document
    from scheduler.documents import replay_document, run_document

    if bool(run_ids) == bool(filters["states"]):
        raise click.UsageError("name runs by their ids, or say which with --state failed")
    if run_ids and (filters["entry"] or filters["since"]):
        raise click.UsageError("--entry and --since go with --state")
    with open_store() as store:
        runs = _named(store, run_ids) if run_ids else _in_state(store, **filters)
        if dry_run:
            now = store.presence.now()
            if as_json:
                print_document([run_document(run) for run in runs])
            else:
                _print(runs, now)
            return
        replays = _replayed(store, runs, reason.strip())
    if as_json:
        print_document([replay_document(run, each) for run, each in zip(runs, replays, strict=True)])
    elif run_ids:
        for run, each in zip(runs, replays, strict=True):
            click.echo(f"{run.entry or run.job}: run {run.run_id} {_words(each)}")
    else:
        _say_count(replays, filters["limit"])


def _named(store: "Store", run_ids: Sequence[str]) -> "list[Run]":
    """The runs with these ids, all looked up before any is touched. Raises UsageProblem where one ended well."""
    from scheduler.errors import UsageProblem
    from scheduler.lookup import run_with_id

    runs = list({run.run_id: run for run in [run_with_id(store, text) for text in run_ids]}.values())
    for run in runs:
        if run.state in {RunState.SUCCEEDED, RunState.SKIPPED}:
            hint = f"`onbeat trigger {run.entry}` asks for a new one" if run.entry else None
            raise UsageProblem(f"the run {run.run_id} has ended well: {run.state}", hint=hint)
    return runs


def _in_state(
    store: "Store", *, states: Sequence[str], entry: str | None, since: datetime | None, limit: int
) -> "list[Run]":
    from scheduler.lookup import runs_of

    wanted = frozenset(RunState(state) for state in states)
    return runs_of(store, entry, states=wanted, since=since, limit=limit)


def _replayed(store: "Store", runs: "Sequence[Run]", reason: str) -> "list[Replay]":
    from scheduler.cli.person import who
    from scheduler.cli.progress import progress
    from scheduler.operations import replay
    from scheduler.publisher import open_publisher
    from scheduler.settings import load_settings

    by, publisher = who(), open_publisher(load_settings(), store)
    replays: list[Replay] = []
    try:
        with progress() as steps:
            steps.begin("Replaying", len(runs))
            for start in range(0, len(runs), BATCH):
                batch = runs[start : start + BATCH]
                replays += replay(store, publisher, batch, by=by, reason=reason)
                steps.advance(len(batch))
    finally:
        publisher.close()
    return replays


def _print(runs: "Sequence[Run]", now: datetime) -> None:
    from scheduler.cli.runs import print_runs

    if not runs:
        click.echo("No such runs.", err=True)
        return
    print_runs(runs, now)
    click.echo(f"{_count(len(runs))} would get another attempt.", err=True)


def _say_count(replays: "Sequence[Replay]", limit: int) -> None:
    if not replays:
        click.echo("No such runs.", err=True)
        return
    queued = sum(each.answer in {"queued", "due"} for each in replays)
    more = f" There may be more: --limit is {limit}." if len(replays) == limit else ""
    click.echo(f"{_count(queued)} {'is' if queued == 1 else 'are'} queued for another attempt.{more}")


def _count(number: int) -> str:
    return "1 run" if number == 1 else f"{number} runs"


def _words(replay: "Replay") -> str:
    match replay.answer:
        case "queued":
            return f"is queued for attempt {replay.attempt}"
        case "due":
            return f"waits no more: attempt {replay.attempt} starts now"
        case "active":
            return f"has not ended: {replay.state}"
        case "well":
            return f"has ended well: {replay.state}"
        case "gone":
            return "is gone: its history was trimmed"
