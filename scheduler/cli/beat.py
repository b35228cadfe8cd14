"""`onbeat beat`: one beat, in the foreground."""

import click

from scheduler.cli.options import examples


@click.command(
    epilog=examples(
        "onbeat beat", "ONBEAT_REVISION=$BUILD_NUMBER onbeat beat", "kill -HUP PID   # read it again"
    )
)
def beat() -> int:
    """Be one beat: apply schedules.toml and decide when each entry is due.

    Run as many as you like: each tick is decided once. SIGHUP applies the file again; SIGTERM and
    Ctrl-C end it after its turn.
    """
    from scheduler.garbage import collector_at_rest

    with collector_at_rest(set_aside=True):
        from scheduler.beat.process import run
        from scheduler.log_setup import errors_to_stderr
        from scheduler.settings import load_settings

    with errors_to_stderr():
        return run(load_settings())
