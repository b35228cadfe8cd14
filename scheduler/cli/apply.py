"""`onbeat apply`: put a file in force now."""

from pathlib import Path

import click

from scheduler.cli.options import examples, open_store


@click.command(epilog=examples("onbeat apply", "onbeat plan && onbeat apply staging.toml"))
@click.argument("file", required=False, type=click.Path(path_type=Path))
def apply(*, file: Path | None) -> int:
    """Put FILE, or the schedules.toml of the settings, in force, in one transaction. Running jobs go on.

    Beats apply their own file when they start: give them the same one. A store that holds a higher
    ONBEAT_REVISION is left as it is (exit code 1).
    """
    from scheduler.cli.person import who
    from scheduler.cli.usable_file import usable
    from scheduler.errors import OnbeatError
    from scheduler.settings import load_settings
    from scheduler.store.entries import Outdated

    settings = load_settings()
    path = file or settings.schedules
    read = usable(path)
    with open_store(settings) as store:
        try:
            changes = store.entries.apply(
                read.entries,
                digest=read.digest,
                revision=settings.revision,
                now=store.presence.now(),
                by=who(),
            )
        except Outdated as outdated:
            raise OnbeatError(
                f"the store has revision {outdated.revision}, and {path} comes with {settings.revision}",
                hint="set ONBEAT_REVISION to the number of this build",
            ) from outdated
        counts = {
            "added": len(changes.added),
            "changed": len(changes.changed),
            "removed": len(changes.removed),
        }
        if not changes.empty:
            store.pauses.announce(
                "schedules.applied", digest=read.digest, revision=settings.revision, by=who(), **counts
            )
    done = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    click.echo(f"{path} is in force: {done or 'nothing had to be changed'}.")
    return 0
