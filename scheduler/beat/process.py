"""`onbeat beat` as a process: it starts, takes turns until a signal ends it, and ends in order."""

from scheduler.beat.whole import beat_for, refusals_told
from scheduler.log_setup import capture_fds, configure
from scheduler.settings import Settings, secret_values


def run(settings: Settings) -> int:
    """Be a beat until SIGTERM or SIGINT; returns the exit code, or raises SystemExit where it can't start."""
    configure(
        "beat",
        format=settings.log_format,
        level=settings.log_level,
        secrets=secret_values(settings),
    )
    capture_fds()
    with refusals_told():
        beat = beat_for(settings)
    beat.begin()
    beat.run()
    return 0
