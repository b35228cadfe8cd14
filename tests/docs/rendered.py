"""
The pages of the reference that are the code in other words: commands and log events.

`make reference` writes them; a test sees that they are up to date.
"""

import inspect
from collections.abc import Iterator

import click

from scheduler.cli import COMMANDS, main
from scheduler.cli.group import Listed
from scheduler.events import GROUPS, Event
from tests.docs.pages import DOCS

_COMMANDS_INTRO = """\
# Commands

`onbeat COMMAND --help` says the same as this page. `python -m scheduler` is the same command.

Commands that read take `--json`: one JSON document on stdout, with the fields of [JSON](json.md). Tables
are for terminals. Errors go to stderr with what to do next, and with one of these
[exit codes](exit-codes.md).

Times are given as `2026-11-21T14:00Z`, as `2026-11-21 14:00` or `14:00` on this machine's clock, or as a
duration from now such as `10m`. Durations are written `90s`, `1h30m`, `2d`.

Completion: `onbeat completion --help` shows the one line for your shell.
"""

_EVENTS_INTRO = """\
# Log events

Every line that an Onbeat process writes to stdout is one JSON object, unless stdout is a terminal or
`ONBEAT_LOG_FORMAT=console`. These are the events, with their level and the fields that they never lack;
others may stand beside them.

Every line has:

| field | what |
| --- | --- |
| `timestamp` | RFC 3339, UTC, milliseconds: `2026-11-21T02:30:00.004Z` |
| `level` | `debug`, `info`, `warning`, `error`, `critical` |
| `event` | one of the names below |
| `process` | `beat`, `worker`, `up`, or the command that wrote it |
| `host`, `pid` | where |

Every line of a run also has `entry`, `job`, `run_id`, `scheduled_at` and `attempt`.

Names and fields keep their meaning from version to version. [Read the logs](../how-to/read-the-logs.md) has
recipes.
"""


def commands_page() -> str:
    sections = [
        "\n\n".join([f"## {title}", *(_command(listed) for listed in commands)])
        for title, commands in COMMANDS.items()
    ]
    return "\n".join([_COMMANDS_INTRO, *(f"{section}\n" for section in sections)])


def events_page() -> str:
    return "\n".join([_EVENTS_INTRO, *(_events(title, events) for title, events in GROUPS.items())])


PAGES = {"reference/commands.md": commands_page, "reference/events.md": events_page}


def _command(listed: Listed) -> str:
    command = listed.load()
    context = click.Context(command, info_name=listed.name, parent=click.Context(main, info_name="onbeat"))
    usage = f"    onbeat {listed.name} {' '.join(command.collect_usage_pieces(context))}".rstrip()
    parts = [f"### onbeat {listed.name}", inspect.cleandoc(command.help or "").replace("\b\n", ""), usage]
    if options := list(_options(command)):
        parts.append("\n".join(["| option | what |", "| --- | --- |", *options]))
    if command.epilog:
        examples = [line.strip() for line in command.epilog.splitlines() if line.startswith("  ")]
        parts.append("\n".join(["Examples:", "", *(f"    {example}" for example in examples)]))
    return "\n\n".join(parts)


def _options(command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=command.name)
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if isinstance(parameter, click.Option) and record and "--help" not in parameter.opts:
            names, meaning = record
            yield f"| `{_cell(names)}` | {_cell(meaning)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def _events(title: str, events: tuple[Event, ...]) -> str:
    rows = [
        f"| `{event.name}` | {event.level} | {', '.join(f'`{field}`' for field in event.fields) or '–'} "
        f"| {event.meaning} |"
        for event in events
    ]
    return "\n".join(
        [f"## {title}", "", "| event | level | fields | meaning |", "| --- | --- | --- | --- |", *rows, ""]
    )


def write() -> None:
    for name, render in PAGES.items():
        (DOCS / name).write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    write()
