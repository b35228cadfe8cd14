"""How an error looks on a terminal: what and where, then what to do next."""

import click

from scheduler.cli.colour import colour_choice
from scheduler.errors import InvalidSchedules, OnbeatError


def say_error(error: OnbeatError) -> None:
    """Write `error` to stderr: its problems in full, its message, its hint."""
    if isinstance(error, InvalidSchedules):
        for problem in error.problems:
            click.echo(problem.text(), err=True)
    _say(str(error), error.hint)


def say_usage_error(error: click.ClickException) -> None:
    """Write click's complaint in our form, with the way to the help."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context is not None else "onbeat"
    _say(_plain(error), f"{path} --help")


def _say(message: str, hint: str | None) -> None:
    label = click.style("error:", fg="red", bold=True)
    for line in message.splitlines():
        click.echo(f"{label} {line}", err=True, color=colour_choice())
    if hint is not None:
        click.echo(f"  {click.style('hint:', fg='cyan')} {hint}", err=True, color=colour_choice())


def _plain(error: click.ClickException) -> str:
    """Click's message without its capital, its full stop and its newlines; its suggestions in our words."""
    if isinstance(error, click.NoSuchOption):
        close = error.possibilities[0] if error.possibilities else None
        return f"no such option: {error.option_name!r}" + (f"; did you mean {close!r}?" if close else "")
    text = " ".join(error.format_message().split()).removesuffix(".")
    return text[:1].lower() + text[1:]
