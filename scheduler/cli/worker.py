"""`onbeat worker`: one worker, in the foreground."""

import click

from scheduler.cli.options import examples

POOLS = ("prefork", "threads", "solo")


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
    default="prefork",
    show_default=True,
    help="What executes the runs. Only prefork, child processes, ends a job at its timeout.",
)
def worker(*, queues: str | None, concurrency: int | None, pool: str) -> int:
    """Be one worker: take runs from the queues and execute them.

    SIGTERM and Ctrl-C let running jobs end within ONBEAT_SHUTDOWN_GRACE and hand back the rest.
    """
    from scheduler.log_setup import errors_to_stderr
    from scheduler.settings import load_settings
    from scheduler.worker.process import run

    overrides = {"queues": queues, "concurrency": concurrency}
    settings = load_settings(**{name: value for name, value in overrides.items() if value is not None})
    with errors_to_stderr():
        return run(settings, queues=settings.queues, concurrency=settings.concurrency, pool=pool)
