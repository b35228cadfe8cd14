"""`onbeat`: the command and the list of its subcommands, each loaded from its own file when it is used."""

from typing import Final

import click

from scheduler.cli.group import LazyGroup, Listed

COMMANDS: Final[dict[str, tuple[Listed, ...]]] = {
    "Run": (
        Listed("up", "scheduler.cli.up:up", "Everything at once, here, with a server of its own."),
        Listed("beat", "scheduler.cli.beat:beat", "One beat: it decides when each entry is due."),
        Listed("worker", "scheduler.cli.worker:worker", "One worker: it executes the runs."),
    ),
    "Write schedules": (
        Listed("init", "scheduler.cli.init:init", "A new project: a job, a schedules.toml, a test."),
        Listed("check", "scheduler.cli.check:check", "Every problem of schedules.toml, with no server."),
        Listed("next", "scheduler.cli.next:next_", "The coming ticks."),
        Listed(
            "explain", "scheduler.cli.explain:explain", "One schedule in plain words, across clock changes."
        ),
        Listed(
            "simulate", "scheduler.cli.simulate:simulate", "The load of a day or a month, before it comes."
        ),
        Listed("plan", "scheduler.cli.plan:plan", "What the file would change, in entries and in ticks."),
        Listed("apply", "scheduler.cli.apply:apply", "Put the file in force now."),
        Listed(
            "import", "scheduler.cli.import_:import_", "A schedules.toml from a crontab, Celery, Kubernetes …"
        ),
        Listed("schema", "scheduler.cli.schema:schema", "JSON Schema of schedules.toml, for editors."),
    ),
    "Look": (
        Listed("status", "scheduler.cli.status:status", "Beats, workers, queues, and the ledger of ticks."),
        Listed("entries", "scheduler.cli.entries:entries", "What is scheduled: last and next."),
        Listed("show", "scheduler.cli.show:show", "One entry: its schedule, policies and state."),
        Listed("runs", "scheduler.cli.runs:runs", "What ran, the newest first."),
        Listed("run", "scheduler.cli.run:run", "One run with its attempts and traceback."),
        Listed("logs", "scheduler.cli.logs:logs", "What a run wrote; -f follows it."),
        Listed("why", "scheduler.cli.why:why", "What became of a tick and why, or what will."),
        Listed("trace", "scheduler.cli.trace:trace", "The life of a run, from the store or from JSON logs."),
    ),
    "Act": (
        Listed(
            "trigger", "scheduler.cli.trigger:trigger", "Run an entry now, or at a time; --wait follows it."
        ),
        Listed("cancel", "scheduler.cli.cancel:cancel", "Stop runs: those that wait, and those that run."),
        Listed("retry", "scheduler.cli.retry:retry", "Another attempt for runs that failed, one or many."),
        Listed("pause", "scheduler.cli.pause:pause", "Leave an entry's ticks out until it is resumed."),
        Listed("resume", "scheduler.cli.resume:resume", "Take a paused entry up again."),
        Listed(
            "quarantine",
            "scheduler.cli.quarantine:quarantine",
            "Messages that no worker could take: list, drop, send again.",
        ),
    ),
    "Look after it": (
        Listed("health", "scheduler.cli.health:health", "For probes: 0 or 1 in under a second."),
        Listed(
            "doctor", "scheduler.cli.doctor:doctor", "Checks settings, server, clocks, jobs; what to mend."
        ),
        Listed("settings", "scheduler.cli.settings:settings", "What is set, and where; secrets masked."),
        Listed("completion", "scheduler.cli.completion:completion", "Completion for bash, zsh or fish."),
    ),
}


@click.group(
    cls=LazyGroup,
    sections=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Each command's --help shows an example. Settings: `onbeat settings`.",
)
@click.version_option(package_name="onbeat", prog_name="onbeat", message="%(prog)s %(version)s")
def main() -> None:
    """Jobs on time, once, and always able to say why."""
