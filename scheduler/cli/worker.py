"""`onbeat worker`: one worker, in the foreground."""

from collections.abc import Callable
from typing import Any

import click

from scheduler.cli.options import examples

POOLS = ("prefork", "threads", "solo")


def _as_setting(reader: str) -> Callable[[click.Context, click.Parameter, str | None], Any]:
    """An option that is read as its setting is, by this function of `setting_values`."""

    def read(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Any:
        from scheduler import setting_values

        try:
            return None if value is None else getattr(setting_values, reader)(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error

    return read


@click.command(epilog=examples("onbeat worker", "onbeat worker -Q default,reports -c 4"))
@click.option(
    "-Q", "--queues", metavar="Q,Q", help="Take only these queues (those of the entries, else default)."
)
@click.option(
    "-c",
    "--concurrency",
    type=click.IntRange(1, 10_000),
    metavar="N",
    help="So many runs at once (one for each core).",
)
@click.option(
    "--pool",
    type=click.Choice(POOLS),
    help="What executes the runs (prefork). Only prefork, child processes, ends a job at its timeout.",
)
@click.option(
    "--autoscale",
    metavar="MAX,MIN",
    callback=_as_setting("pool_range"),
    help="As many children as there is work for, within these bounds, instead of -c.",
)
@click.option(
    "--max-tasks-per-child",
    type=click.IntRange(1),
    metavar="N",
    help="Replace a child after so many runs.",
)
@click.option(
    "--max-memory-per-child",
    metavar="SIZE",
    callback=_as_setting("memory_kib"),
    help="Replace a child after a run in which it held more memory than this, such as 200MB.",
)
def worker(*, queues: str | None, **overrides: Any) -> int:
    """Be one worker: take runs from the queues and execute them.

    SIGTERM and Ctrl-C let running jobs end within ONBEAT_SHUTDOWN_GRACE and hand back the rest.
    """
    from scheduler.log_setup import errors_to_stderr
    from scheduler.settings import load_settings
    from scheduler.worker.process import run

    if overrides["autoscale"] and overrides["concurrency"]:
        raise click.UsageError("--autoscale says how many children there are, so -c can't")
    overrides["queues"] = queues
    settings = load_settings(**{name: value for name, value in overrides.items() if value is not None})
    with errors_to_stderr():
        return run(settings, queues=settings.queues, concurrency=settings.concurrency)
