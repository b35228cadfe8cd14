"""A Docker engine of its own, in namespaces of its own: its bridges, rules and processes end with it."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.deploy.debian import run
from tests.deploy.enclosure import ENCLOSED, end
from tests.support.children import kill_all, launch, new_mark
from tests.support.waiting import eventually

# The machine's own cgroup2 tree, where there is one beside the old ones, confuses the engine.
_START = """
umount /sys/fs/cgroup/unified 2>/dev/null || true
ip link set lo up && mount -t tmpfs onbeat /run &&
exec dockerd --data-root "$1/data" --exec-root /run/docker --host "unix://$1/docker.sock" --pidfile "$1/docker.pid" \\
    --oom-score-adjust 0
"""


@dataclass(frozen=True, slots=True)
class Engine:
    """`docker` and `docker-compose`, for the engine in this folder."""

    folder: Path

    @property
    def environ(self) -> dict[str, str]:
        socket = f"unix://{self.folder}/docker.sock"
        # The old builder is what this engine always has; the files must not need more.
        return {**os.environ, "DOCKER_HOST": socket, "DOCKER_BUILDKIT": "0", "COMPOSE_DOCKER_CLI_BUILD": "0"}

    def docker(self, *argv: str | Path, within: float = 300) -> str:
        return run("docker", *argv, within=within, env=self.environ)

    def inspect(self, name: str) -> dict[str, Any]:
        """What the engine knows of a container or an image."""
        found: list[dict[str, Any]] = json.loads(self.docker("inspect", name))
        return found[0]

    def answers(self) -> bool:
        argv = ("docker", "version")
        done = subprocess.run(argv, env=self.environ, capture_output=True, timeout=30, check=False)
        return done.returncode == 0


@dataclass(frozen=True, slots=True)
class Composed:
    """One compose file's services."""

    engine: Engine
    file: Path
    variables: Mapping[str, str]
    project: str = "onbeat"

    def __call__(self, *argv: str, within: float = 300) -> str:
        environ = {**self.engine.environ, **self.variables}
        words = ("docker-compose", "--project-name", self.project, "--file", str(self.file), *argv)
        return run(*words, within=within, env=environ)

    def container(self, service: str) -> str:
        return self("ps", "--quiet", service).strip()

    def state(self, service: str) -> dict[str, Any]:
        """`Status`, `ExitCode`, `Health` and more of a service's one container."""
        state: dict[str, Any] = self.engine.inspect(self.container(service))["State"]
        return state

    def inside(self, service: str, *argv: str) -> str:
        return self.engine.docker("exec", self.container(service), *argv)

    def lines(self, service: str) -> list[str]:
        """All that the service has written."""
        return self.engine.docker("logs", self.container(service)).splitlines()


@contextmanager
def docker_engine(folder: Path) -> Iterator[Engine]:
    """The engine while the block runs. All of its containers end with its process namespace."""
    folder.mkdir()
    mark = new_mark()
    argv = [*ENCLOSED, "--net", "/bin/sh", "-ec", _START, "start", str(folder)]
    engine = Engine(folder)
    with (folder.parent / "dockerd.log").open("wb") as log:
        dockerd = launch(argv, mark=mark, environ=dict(os.environ), stdout=log, stderr=log)
        try:
            eventually(engine.answers, within=60, every=0.3, what=f"a Docker engine; see {log.name}")
            yield engine
        finally:
            end(dockerd)
            kill_all(mark)
