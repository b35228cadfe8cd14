"""`onbeat apply`: put a file in force now."""

from pathlib import Path

import click

from scheduler.cli.options import env_option, examples, open_store, settings_in


@click.command(epilog=examples("onbeat apply", "onbeat plan && onbeat apply staging.toml"))
@click.argument("file", required=False, type=click.Path(path_type=Path))
@env_option
def apply(*, file: Path | None, env: str | None) -> int:
    """Put FILE, or the schedules.toml of the settings, in force, in one transaction. Running jobs go on.

    Beats apply their own file when they start: give them the same one, and the same environment. A store that
    holds a higher ONBEAT_REVISION is left as it is (exit code 1).
    """
    from scheduler.cli.person import who
    from scheduler.cli.usable_file import usable
    from scheduler.errors import OnbeatError
    from scheduler.store.entries import Outdated

    settings = settings_in(env)
    path = file or settings.schedules
    read = usable(file, env=env)
    with open_store(settings) as store:
        try:
            changes = store.entries.apply(
                read.entries,
                digest=read.digest,
                revision=settings.revision,
                now=store.presence.now(),
                by=who(),
                env=read.env,
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
                "schedules.applied",
                digest=read.digest,
                revision=settings.revision,
                env=read.env,
                by=who(),
                **counts,
            )
    done = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    click.echo(f"{path} is in force: {done or 'nothing had to be changed'}.")
    return 0
