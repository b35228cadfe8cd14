"""Progress on stderr: for people, after a second, and gone at the end."""

import sys

import pytest

from scheduler.cli import progress as module
from scheduler.cli.progress import Steps, progress
from tests.support.waiting import eventually


def test_nothing_is_shown_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with progress() as steps:
        steps.begin("Counting", 2)
        steps.advance(2)
    assert capsys.readouterr() == ("", "")


def test_work_that_ends_in_time_shows_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with progress() as steps:
        steps.begin("Counting", 2)
    assert capsys.readouterr() == ("", "")


def test_longer_work_is_shown_step_by_step(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with progress() as steps:
        steps.begin("Reading the file")
        eventually(lambda: steps.shown)
        steps.begin("Counting", 2).advance(2)
    out, err = capsys.readouterr()
    assert out == ""
    assert "Counting" in err


def test_what_has_ended_is_not_shown_any_more(capsys: pytest.CaptureFixture[str]) -> None:
    steps = Steps()
    steps.end()
    steps.show()
    assert not steps.shown
    assert capsys.readouterr() == ("", "")
