"""`onbeat cancel`: stop runs."""

from typing import TYPE_CHECKING

import click

from scheduler.cli.options import examples, json_option, open_store

if TYPE_CHECKING:
    from scheduler.run import Run
    from scheduler.store.cancels import Stopping


@click.command(
    epilog=examples(
        "onbeat cancel 3f2a9c1d",
        'onbeat cancel 3f2a9c1d 77b01e52 --reason "wrong region"',
        "onbeat runs --state queued --json | jq -r '.[].run_id' | xargs onbeat cancel",
    )
)
@click.argument("run_ids", metavar="RUN_ID...", nargs=-1, required=True)
@click.option("--reason", default="", help="Why; shown by `onbeat run` and in the log.")
@json_option
def cancel(*, run_ids: tuple[str, ...], reason: str, as_json: bool) -> None:
    """Stop runs. One that waits is cancelled now; one that runs gets SIGTERM, and SIGKILL after the worker's grace.

    A run that has ended stays as it is. The beginning of an id is enough where only one run has it.
    """
    from scheduler.cli.document import print_document
    from scheduler.cli.person import who
    from scheduler.documents import stopping_document
    from scheduler.lookup import run_with_id
    from scheduler.operations import cancel as stop

    with open_store() as store:
        # All are looked up before any is stopped: a mistyped id changes nothing.
        runs = {run.run_id: run for run in [run_with_id(store, text) for text in run_ids]}
        by, why = who(), reason.strip()
        answers = [(run, stop(store, run, by=by, reason=why)) for run in runs.values()]
    if as_json:
        print_document([stopping_document(run, stopping) for run, stopping in answers])
        return
    for run, stopping in answers:
        click.echo(f"{run.entry or run.job}: run {run.run_id} {_words(run, stopping)}")


def _words(run: "Run", stopping: "Stopping") -> str:
    match stopping.answer:
        case "cancelled":
            return "is cancelled"
        case "asked" if run.cancel_asked:
            return "was to be cancelled already; its worker ends it"
        case "asked":
            return "runs; its worker is told to end it"
        case "over":
            return f"had ended: {stopping.state}"
        case "gone":
            return "is gone: its history was trimmed"
