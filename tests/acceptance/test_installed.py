"""The distribution as a user gets it: a wheel in an environment of its own, far from this repository."""

import json
import signal
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.process import clean_environ, finished, started

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def call(argv: Sequence[str | Path], directory: Path) -> str:
    """Run a program to its good end; what it wrote."""
    done = subprocess.run(
        argv,
        cwd=directory,
        env=clean_environ(HOME=str(directory)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture
def installed(wheel: Path, tmp_path: Path) -> Path:
    """The `bin` of a new environment with the wheel in it.

    Its dependencies are those of the environment that the tests run in, so that no network is needed. The
    repository itself is not: a .pth file that is reached by a .pth file is not read.
    """
    env = tmp_path / "env"
    venv.create(env, with_pip=False)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    call([*pip, "--python", env / "bin/python", "install", "--no-deps", "--no-index", wheel], tmp_path)
    (packages,) = (env / "lib").glob("python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return env / "bin"


def test_a_new_project_passes_its_test_and_runs(installed: Path, tmp_path: Path) -> None:
    onbeat = (str(installed / "onbeat"),)
    project = tmp_path / "demo"
    environ = clean_environ(HOME=str(tmp_path))

    where = call([installed / "python", "-c", "import scheduler; print(scheduler.__file__)"], tmp_path)
    assert Path(where.strip()).is_relative_to(installed.parent)
    finished("init", "demo", directory=tmp_path, environ=environ, program=onbeat).expect(0)
    assert "3 passed" in call([installed / "python", "-m", "pytest", "-q", "-p", "no:randomly"], project)
    with started("up", directory=project, environ=environ, program=onbeat) as up:
        up.wait_for_event("run.succeeded", within=40, entry="hello")
        runs = finished("runs", "hello", "--json", directory=project, environ=environ, program=onbeat)
        up.send(signal.SIGINT)
        assert up.wait(within=30) == 0
        up.assert_nothing_left()

    assert runs.expect(0).json()[0]["state"] == "succeeded"
    assert up.strays == []
    told = [event for event in up.events if event["level"] in {"warning", "error", "critical"}]
    assert not told, json.dumps(told, indent=1)
