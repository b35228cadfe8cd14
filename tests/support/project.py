"""A user's project in a folder of its own: jobs, schedules.toml, settings, and the commands run in it."""

import textwrap
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.support.process import Finished, OnbeatProcess, clean_environ, finished, started
from tests.support.valkey import ValkeyServer

JOBS = '''
from scheduler import job


@job
def hello(name: str = "world") -> str:
    """Say hello."""
    print(f"hello {name}")
    return f"hello {name}"
'''

SCHEDULES = """
[schedules.hello]
job = "jobs.hello"
interval = "1s"
"""


class Project:
    """
    A folder with jobs/ and schedules.toml. `environ` is what its commands run with; a test may change it.

    Text is dedented, so that it can stand indented in a test.
    """

    def __init__(self, directory: Path, redis_url: str | None) -> None:
        self.directory = directory
        home = directory / "home"
        home.mkdir()
        self.environ = clean_environ(HOME=str(home))
        if redis_url is not None:
            self.environ["ONBEAT_REDIS_URL"] = redis_url
        self.jobs(JOBS)
        self.schedules(SCHEDULES)

    def write(self, name: str, text: str) -> Path:
        """Write a file of the project, making its folders."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"))
        return path

    def jobs(self, text: str) -> Path:
        """The module `jobs`."""
        return self.write("jobs/__init__.py", text)

    def schedules(self, text: str) -> Path:
        return self.write("schedules.toml", text)

    def run(self, *arguments: str, within: float = 30, stdin: bytes = b"", **environ: str) -> Finished:
        """`onbeat ARGUMENTS` in this folder, to its end."""
        return finished(
            *arguments,
            directory=self.directory,
            environ={**self.environ, **environ},
            within=within,
            stdin=stdin,
        )

    def start(
        self, *arguments: str, may_leave: bool = False, **environ: str
    ) -> AbstractContextManager[OnbeatProcess]:
        """`with project.start("beat") as beat:` – a running process, ended with the block."""
        return started(
            *arguments,
            directory=self.directory,
            environ={**self.environ, **environ},
            may_leave=may_leave,
        )


@pytest.fixture
def project(tmp_path: Path, valkey: ValkeyServer) -> Project:
    """A project whose commands use this test's empty Valkey."""
    return Project(tmp_path, valkey.url)


@pytest.fixture
def serverless_project(tmp_path: Path) -> Project:
    """A project with no server: for commands that need none, and for `onbeat up`, which brings its own."""
    return Project(tmp_path, None)


@pytest.fixture(scope="module")
def module_project(tmp_path_factory: pytest.TempPathFactory, module_valkey: ValkeyServer) -> Project:
    """One for the tests of a module together, on `module_valkey`."""
    return Project(tmp_path_factory.mktemp("project"), module_valkey.url)
