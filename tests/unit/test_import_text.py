"""The written file: it is TOML, it says what was not carried over, and `${` stays what it was."""

from pathlib import Path

import pytest

from scheduler.cli.import_ import FORMATS
from scheduler.importing import KINDS as KNOWN
from scheduler.importing import Draft, Imported, Note, Unreadable, kind_of, toml_text
from scheduler.importing.draft import entry_name
from tests.support.imports import EXAMPLES, entries, said

KINDS = {
    "user.crontab": "crontab",
    "cron.d": "system-crontab",
    "beat.py": "celery",
    "django-celery-beat.json": "django-celery-beat",
    "cronjobs.yaml": "kubernetes",
    "sidekiq-cron.yml": "sidekiq-cron",
    "recurring.yml": "solid-queue",
}


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_the_kind_of_a_file_follows_from_its_content(name: str, kind: str) -> None:
    path = EXAMPLES / name
    assert kind_of(path.read_text(encoding="utf-8"), path) == kind


def test_the_command_and_the_examples_know_every_kind() -> None:
    assert set(FORMATS) == KNOWN.keys() == set(KINDS.values())
    assert {path.name for path in EXAMPLES.iterdir() if path.is_file()} == KINDS.keys()


@pytest.mark.parametrize(
    "text", ["", "Dear diary\n", "# only a comment\n", "{}", "[1, 2]", "[schedules.a]\n"]
)
def test_a_file_of_no_known_kind_is_refused_with_a_place(text: str) -> None:
    with pytest.raises(Unreadable, match="none of: a user's crontab") as caught:
        kind_of(text, Path("-"))
    assert caught.value.line is not None


def test_what_was_not_carried_over_stands_above_its_entry() -> None:
    draft = Draft(name="a", keys={"job": "j"}, comments=["as\nit\x1b was"])
    draft.say("its mail is not carried over")
    text = toml_text(Imported(drafts=[draft], notes=[Note(text="of all")], timezone="UTC"), source="a test")
    assert text == (
        "# Made by `onbeat import` from a test.\n# of all\n\n"
        '[defaults]\ntimezone = "UTC"\n\n'
        "# as\n# it\ufffd was\n# Not as it was: its mail is not carried over\n"
        '[schedules.a]\njob = "j"\n'
    )


def test_text_comes_back_as_it_was_but_for_onbeats_own_variables(tmp_path: Path) -> None:
    value = {"x": "a\nb\r\n", "y": ['"""', "\\", "\t\x7f", "${X}"], "z": {"a.b": "é\u2028"}}
    found = Imported(drafts=[Draft(name="a", keys={"job": "j", "kwargs": value})]).finish()
    assert entries(found, tmp_path)["a"]["kwargs"] == {**value, "y": ['"""', "\\", "\t\x7f", "$${X}"]}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [None]}, "TOML has no null"),
        ({"a": {1: 2}}, "its key 1 is not a text"),
        ({"a": "\ud800"}, "half a character"),
        ({"a": b"x"}, "no form for a bytes"),
        ({"a": float("nan")}, "can't be kept as JSON"),
    ],
)
def test_arguments_that_toml_can_t_hold_switch_the_entry_off(
    value: dict[str, object], message: str, tmp_path: Path
) -> None:
    found = Imported(drafts=[Draft(name="a", keys={"job": "j", "kwargs": value})]).finish()
    assert entries(found, tmp_path)["a"] == {"job": "j", "enabled": False}
    assert message in said(found, "a")[0]


def test_arguments_that_hold_themselves_are_refused() -> None:
    loop: list[object] = []
    loop.append(loop)
    found = Imported(drafts=[Draft(name="a", keys={"job": "j", "args": loop})]).finish()
    assert "nested deeper" in said(found, "a")[0]


def test_a_key_that_this_version_refuses_is_left_out_and_said(tmp_path: Path) -> None:
    keys = {"job": "j", "queue": "no queue", "no_key": 1, "timeout": b"x"}
    found = Imported(drafts=[Draft(name="a", keys=keys)]).finish()
    assert entries(found, tmp_path)["a"] == {"job": "j"}
    assert len(said(found, "a")) == 3


def test_a_name_is_made_of_what_a_name_may_hold() -> None:
    assert entry_name("Send mail (US) – now!") == "Send-mail-US-now"
    assert entry_name("§") == "entry"
    assert len(entry_name("x" * 500)) == 100
