import re
from pathlib import Path

import pytest

from scheduler.cli import COMMANDS, main
from scheduler.cli.group import Listed
from tests.docs.pages import every_page, page
from tests.docs.rendered import commands_page

LISTED = [listed for commands in COMMANDS.values() for listed in commands]
PLANNED = {
    "web",
    "backfill",
    "cancel",
    "retry",
}


def test_the_page_is_the_help_of_every_command() -> None:
    """`make reference` writes it."""
    assert commands_page() == page("reference/commands.md")


@pytest.mark.parametrize("listed", LISTED, ids=lambda listed: listed.name)
def test_every_command_has_help_and_an_example_that_begins_with_it(listed: Listed) -> None:
    command = listed.load()
    assert command.help
    assert f"onbeat {listed.name}" in (command.epilog or "")


@pytest.mark.parametrize("file", every_page(), ids=lambda file: file.name)
def test_the_pages_speak_only_of_commands_that_exist(file: Path) -> None:
    text = re.sub(r"```.*?```", "", file.read_text(), flags=re.DOTALL)
    for name in re.findall(r"(?:^ {4}|`|&& )onbeat ([a-z]+)", text, re.MULTILINE):
        assert name in main.listed, f"onbeat {name}"
