"""The plugin that pytest loads where Onbeat is installed: the fixture `schedule`. What that needs is imported then."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from scheduler.testing import Schedules

FILE = "onbeat_schedules"
CLOCK = "onbeat_clock"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Two lines that a project may set in pytest's configuration."""
    parser.addini(FILE, "The schedules.toml of the fixture `schedule` (that of Onbeat's settings)")
    parser.addini(
        CLOCK, "What stops the clock in `schedule.step`: freezegun or time-machine (the installed one)"
    )


@pytest.fixture
def schedule(pytestconfig: pytest.Config) -> Iterator["Schedules"]:
    """The project's schedules.toml, checked: ask for ticks, step through them, run its jobs. No server is needed.

    The file is that of ONBEAT_SCHEDULES, of pytest's option `onbeat_schedules`, or of Onbeat's settings; the project
    is pytest's root directory.
    """
    from scheduler.errors import OnbeatError
    from scheduler.testing import Schedules

    path = os.environ.get("ONBEAT_SCHEDULES") or pytestconfig.getini(FILE) or None
    clock = pytestconfig.getini(CLOCK) or None
    schedules, text = None, ""
    try:
        schedules = Schedules.read(path, directory=Path(pytestconfig.rootpath), clock=clock)
    except OnbeatError as error:
        text = _text(error)
    if schedules is None:
        pytest.fail(text, pytrace=False)
    yield schedules
    schedules.close()


def _text(error: Exception) -> str:
    problems = [problem.text() for problem in getattr(error, "problems", ())]
    hint = getattr(error, "hint", None)
    return "\n".join([*problems, f"error: {error}", *([f"  hint: {hint}"] if hint else [])])
