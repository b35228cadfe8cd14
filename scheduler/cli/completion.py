"""`onbeat completion SHELL`: the lines that teach a shell to complete `onbeat`."""

import click
from click.shell_completion import get_completion_class

from scheduler.cli.group import COMPLETE_VARIABLE
from scheduler.cli.options import examples


@click.command(
    epilog=examples(
        "onbeat completion bash > ~/.local/share/bash-completion/completions/onbeat",
        "onbeat completion zsh > ~/.zfunc/_onbeat        # with ~/.zfunc in $fpath",
        "onbeat completion fish > ~/.config/fish/completions/onbeat.fish",
        'eval "$(onbeat completion bash)"                # this shell only',
    )
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion of commands, options and entries for SHELL."""
    found = get_completion_class(shell)
    if found is None:  # pragma: no cover - click knows the three shells of the choice
        raise click.UsageError(f"no completion for {shell}")
    click.echo(found(ctx.find_root().command, {}, "onbeat", COMPLETE_VARIABLE).source())
