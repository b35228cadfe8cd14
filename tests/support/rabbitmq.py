"""A real RabbitMQ for tests: a node of its own, on free ports, in a folder of its own, with its own epmd.

Debian: apt install rabbitmq-server. Its system service is neither needed nor touched.
"""

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final, Self

import pytest
from amqp import Connection
from amqp.exceptions import AMQPError, NotFound

from tests.support.children import kill_all, launch, new_mark
from tests.support.server import Server, free_port
from tests.support.waiting import eventually

# Beneath Debian's wrapper, which runs a node as the user `rabbitmq` and in the system's folders only.
PROGRAM: Final = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
HOW_TO_GET_IT: Final = "apt install rabbitmq-server"
STARTS_WITHIN_S: Final = 120  # 6 s on a quiet machine, 40 on one with ten processes for each core

_CONFIGURATION = """
log.console = false
disk_free_limit.absolute = 1MB
"""


def is_installed() -> bool:
    """Whether this machine has what a node needs."""
    return PROGRAM.exists() and shutil.which("epmd") is not None


class RabbitServer(Server):
    """One node, which keeps its queues through `kill` and `start`."""

    def __init__(self) -> None:
        super().__init__("rmq")
        self._mark = new_mark()
        self._environ = self._environment()
        self._epmd: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self.url_by(self.port)

    def url_by(self, port: int) -> str:
        """Its URL by another port, a proxy's."""
        return f"amqp://guest:guest@127.0.0.1:{port}//"

    def start(self) -> Self:
        """Start it and wait until it answers."""
        self.begin()
        eventually(self._has_begun, STARTS_WITHIN_S, every=0.1, what="RabbitMQ's answer", seen=self.log)
        return self

    def launched(self) -> subprocess.Popen[bytes]:
        """Its process, just started; it answers some seconds later."""
        if self._epmd is None:
            # In the foreground: the one that Erlang would start by itself leaves us, and outlives the tests.
            self._epmd = self._launched(
                str(shutil.which("epmd")), "-port", self._environ["ERL_EPMD_PORT"], "-address", "127.0.0.1"
            )
        return self._launched(str(PROGRAM))

    def answers(self) -> bool:
        """Whether it takes connections now."""
        try:
            self.connect().close()
        except (OSError, AMQPError):
            return False
        return True

    def _has_begun(self) -> bool:
        """Whether it answers. A node ends at once where epmd has not noticed the one before end; then anew."""
        if self._process is not None and self._process.poll() is not None:
            self.begin()
        return self.answers()

    def connect(self) -> Connection:
        """A connection of the tests' own, by a wire that never breaks."""
        connection: Connection = Connection(f"127.0.0.1:{self.port}", connect_timeout=2, read_timeout=5)
        connection.connect()
        return connection

    def length(self, queue: str) -> int:
        """How many messages are ready in a queue, which must exist."""
        with closing(self.connect()) as connection:
            declared: Any = connection.channel().queue_declare(queue, passive=True)
            return int(declared.message_count)

    def waiting(self, queue: str) -> Counter[str]:
        """How many messages are ready in a queue by the runs that they are for; none of one that does not exist.

        They are read and given back: each stays in its place.
        """
        found: Counter[str] = Counter()
        with closing(self.connect()) as connection:
            channel = connection.channel()
            with suppress(NotFound):
                while (message := channel.basic_get(queue)) is not None:
                    found[message.properties["correlation_id"]] += 1
        return found

    def purge(self, queue: str) -> bool:
        """Throw away the messages that are ready in a queue. False where it takes no connections now."""
        try:
            with closing(self.connect()) as connection:
                connection.channel().queue_purge(queue)
        except (OSError, AMQPError):
            return False
        return True

    def log(self) -> str:
        logs = [*sorted((self.directory / "log").glob("*.log")), *self.directory.glob("output")]
        return "\n".join(path.read_text(errors="replace")[-4_000:] for path in logs) or "(no log)"

    def close(self) -> None:
        """End all of it, whatever state it is in, and remove its folder."""
        kill_all(self._mark)
        for process in (self._process, self._epmd):
            if process is not None:
                process.wait(timeout=15)
        self._process = self._epmd = None
        shutil.rmtree(self.directory, ignore_errors=True)

    def _launched(self, *argv: str) -> subprocess.Popen[bytes]:
        output = (self.directory / "output").open("ab")
        with output:
            return launch(argv, mark=self._mark, environ=self._environ, stdout=output, stderr=output)

    def _environment(self) -> dict[str, str]:
        folder = self.directory
        (folder / "rabbitmq.conf").write_text(_CONFIGURATION)
        (folder / "plugins").write_text("[].\n")
        return {
            "PATH": os.defpath,
            "HOME": str(folder),  # where Erlang keeps its cookie
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(free_port()),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"{folder.name}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            # The way systemd starts it: the Erlang machine itself takes the place of the script, so that a signal
            # reaches it. And it does not turn idly for work, which costs a small machine all its cores.
            "RUNNING_UNDER_SYSTEMD": "true",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
        }


@pytest.fixture(scope="module")
def rabbitmq() -> Iterator[RabbitServer]:
    """A running node, shared by the tests of a module."""
    server = RabbitServer()
    try:
        yield server.start()
    finally:
        server.close()
