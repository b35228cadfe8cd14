"""The plugin for pytest in the tests of this repository, and a project's own tests run by pytest."""

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

from tests.support.process import clean_environ

# An environment that was installed before there was the plugin does not name it.
LOADED = () if entry_points(group="pytest11", name="onbeat") else ("-p", "scheduler.pytest_plugin")


def pytest_says(directory: Path, *arguments: str, program: Path | str = sys.executable) -> str:
    """What pytest says of the tests in `directory`, which all pass."""
    done = subprocess.run(
        [program, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", *LOADED, *arguments],
        cwd=directory,
        env=clean_environ(HOME=str(directory)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
