"""The group behind `onbeat`: loads a command when it is used; turns errors into words and an exit code.

0    well
1    failed: a run that was waited for, a health check
2    wrong use of a command
3    invalid schedules or settings
4    the server or the broker is out of reach
5    no such entry or run
6    differences found
70   a fault in Onbeat itself; its traceback is shown
130  Ctrl-C
141  whoever read the output went away (`onbeat runs | head -1`)
"""

import errno
import io
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import click

from scheduler.cli.colour import colour_choice
from scheduler.cli.failure import say_error, say_usage_error
from scheduler.errors import OnbeatError
from scheduler.suggestion import did_you_mean

EXIT_FAULT: Final = 70
EXIT_INTERRUPTED: Final = 130
EXIT_PIPE: Final = 141
COMPLETE_VARIABLE: Final = "_ONBEAT_COMPLETE"


@dataclass(frozen=True, slots=True)
class Listed:
    """A subcommand not loaded yet: its name, where it is (`module:object`) and its line in the help."""

    name: str
    where: str
    line: str

    def load(self) -> click.Command:
        """Import the command."""
        module, _, attribute = self.where.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command


class LazyGroup(click.Group):
    """A click group whose subcommands are listed in sections and imported one at a time."""

    def __init__(self, *args: Any, sections: Mapping[str, Sequence[Listed]], **options: Any) -> None:
        super().__init__(*args, **options)
        self.sections = sections
        self.listed = {listed.name: listed for section in sections.values() for listed in section}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the order of the help."""
        return list(self.listed)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The command of that name, imported now."""
        listed = self.listed.get(cmd_name)
        return None if listed is None else listed.load()

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments name. Raises UsageError, with the likeliest, where there is none."""
        name = args[0]
        if name not in self.listed and not name.startswith("-"):
            ctx.fail(f"no such command: {name!r}{did_you_mean(name, self.listed)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """The sections of the help; no command is imported for it."""
        width = max(len(name) for name in self.listed)
        for title, commands in self.sections.items():
            with formatter.section(title):
                formatter.write_dl([(each.name.ljust(width), each.line) for each in commands])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand and send off what it printed, so that a closed pipe is noticed here."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except OSError as error:
            if error.errno != errno.EPIPE:
                raise
            _let_go_of_stdout()
            ctx.exit(EXIT_PIPE)
        return result

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002 - click's signature
        **extra: Any,
    ) -> Any:
        """Run `onbeat ARGS` and exit. A subcommand that returns a number exits with it."""
        _open_what_is_closed()
        options: dict[str, Any] = {
            "args": None if args is None else list(args),
            "prog_name": prog_name or "onbeat",
            "complete_var": complete_var or COMPLETE_VARIABLE,
            "color": colour_choice(),
            **extra,
        }
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        if not standalone_mode:
            return super().main(standalone_mode=False, **options)
        sys.exit(self._exit_code(options))

    def _exit_code(self, options: Mapping[str, Any]) -> int:
        try:
            result = super().main(standalone_mode=False, **options)
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message(), err=True)
            return error.exit_code
        except click.ClickException as error:
            say_usage_error(error)
            return click.UsageError.exit_code
        except click.Abort:
            return EXIT_INTERRUPTED
        except OnbeatError as error:
            say_error(error)
            return error.exit_code
        except OSError as error:
            say_error(_of_the_system(error))
            return OnbeatError.exit_code
        except Exception:  # noqa: BLE001 - the edge of the process: shown in full, and an exit code of its own
            traceback.print_exc()
            say_error(OnbeatError("this is a fault in Onbeat", hint="please report it with the lines above"))
            return EXIT_FAULT
        return result if isinstance(result, int) else 0


def _of_the_system(error: OSError) -> OnbeatError:
    reason = (error.strerror or str(error) or type(error).__name__).lower()
    return OnbeatError(f"{error.filename}: {reason}" if error.filename else reason)


def _open_what_is_closed() -> None:
    """What was closed when we were started, as by `>&-`, is nothing: no file that is opened later takes its place."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing != number:
                os.dup2(nothing, number)
                os.close(nothing)
            stream = open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - for as long as the process
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)


def _let_go_of_stdout() -> None:
    """Point stdout at nothing, so that the interpreter's last flush does not complain of the closed pipe."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)
