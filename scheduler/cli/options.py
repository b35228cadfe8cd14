"""What several commands share: their options, their examples, and the store they read."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from scheduler.settings import Settings
    from scheduler.store import Store

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def examples(*lines: str) -> str:
    """The end of a command's help: what one would type."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def json_option(function: Decorated) -> Decorated:
    """`--json`, as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")(function)


def env_option(function: Decorated) -> Decorated:
    """`--env`, as `env`: for every command that reads a file of schedules."""
    text = "As in this environment, with its tables [env.NAME] (ONBEAT_ENV)."
    return click.option("--env", metavar="NAME", help=text)(function)


def settings_in(env: str | None) -> "Settings":
    """The settings, in the environment that `--env` names. Raises InvalidSettings."""
    from scheduler.settings import load_settings

    return load_settings(env=env) if env is not None else load_settings()


def entry_argument(*, required: bool = True) -> Callable[[Decorated], Decorated]:
    """`ENTRY`, completed with the names in schedules.toml."""
    return click.argument("entry", required=required, shell_complete=_entry_names)


@contextmanager
def open_store(settings: "Settings | None" = None) -> "Iterator[Store]":
    """The store that the settings name, closed afterwards.

    Raises InvalidSettings for a wrong setting and Unreachable where no server is configured.
    """
    from scheduler.errors import Unreachable
    from scheduler.settings import load_settings
    from scheduler.store import StoreRefused
    from scheduler.store import open_store as opened

    settings = settings or load_settings()
    store = opened(settings)
    try:
        yield store
    except StoreRefused:
        raise
    except Unreachable as error:
        if settings.redis_url is not None:
            raise
        raise Unreachable(str(error), hint="`onbeat up` ended without tidying up; start it again") from error
    finally:
        store.close()


class Duration(click.ParamType[timedelta, Any]):
    """A duration such as 1h30m, as a timedelta."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The timedelta. Fails with the reason that `parse_duration` gives."""
        from scheduler.durations import parse_duration

        if isinstance(value, timedelta):
            return value
        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Moment(click.ParamType[datetime, Any]):
    """A time: RFC 3339, a local date or clock, or a duration from now, as an aware UTC datetime."""

    name = "time"

    def __init__(self, *, backwards: bool = False) -> None:
        self.backwards = backwards

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The moment. Fails with the forms that a time may have."""
        from scheduler.timestamps import parse_moment

        if isinstance(value, datetime):
            return value
        try:
            return parse_moment(value, now=datetime.now(UTC), zone=None, backwards=self.backwards)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _entry_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":  # noqa: ARG001 - click's signature
    import tomllib

    from click.shell_completion import CompletionItem

    from scheduler.errors import OnbeatError
    from scheduler.settings import load_settings

    try:
        document = tomllib.loads(Path(load_settings().schedules).read_text(encoding="utf-8"))
    except (OSError, ValueError, OnbeatError):
        return []  # the shell shows nothing while a line is typed; `onbeat check` says what is wrong
    entries = document.get("schedules", {})
    return [
        CompletionItem(name, help=fields.get("description") if isinstance(fields, dict) else None)
        for name, fields in entries.items()
        if name.startswith(incomplete)
    ]
