"""Where the server is, for addresses that name others who know: Sentinels, or the nodes of a Cluster.

    sentinel://[USER:PASSWORD@]HOST:PORT,HOST2:PORT/MASTER[/DB][?sentinel_password=…]
    cluster://[USER:PASSWORD@]HOST:PORT,HOST2:PORT
    rediss+sentinel://… and rediss+cluster://…: by TLS, see `server_tls`

A connection asks them each time it connects. One deployment lives in one slot of a Cluster, for its scripts take many
keys at once, so what it needs there is one node too: the one that has the slot now.
"""

import contextlib
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MovedError, ReadOnlyError, RedisError
from redis.retry import Retry

from scheduler.errors import InvalidSettings
from scheduler.server_tls import sentinels_want_tls, tls_options
from scheduler.server_url import CLUSTER_SCHEMES, SENTINEL_SCHEMES

ASKED_WITHIN_S: Final = 1.0
TAG_HINT: Final = "write ONBEAT_KEY_PREFIX='{onbeat}:', say: what stands in the braces decides the slot"
_DEFAULT_PORT: Final = 6379
_SENTINEL_PORT: Final = 26379

Address = tuple[str, int]


@dataclass(frozen=True)
class Whereabouts:
    """Whom to ask, what to ask for, and how to log in at the server that they name."""

    asked: tuple[Address, ...]
    master: str | None  # of Sentinels; None: of a Cluster
    slot: int
    username: str | None
    password: str | None
    database: int
    sentinel_password: str | None
    tls: tuple[tuple[str, str | bool], ...] | None = None
    sentinel_tls: bool = False
    _known: list[Address] = field(default_factory=list, compare=False)

    def find(self) -> Address:
        """The server's address now. Raises redis-py's ConnectionError where nobody knows it."""
        reasons, distrusted = [], None
        for address in self._in_order():
            try:
                found = self._ask(address)
            except (RedisError, OSError) as error:
                reasons.append(f"{address[0]}:{address[1]}: {error}")
                distrusted = error if isinstance(error.__cause__ or error.__context__, ssl.SSLError) else None
                continue
            if found is not None:
                return found
            reasons.append(f"{address[0]}:{address[1]} does not know it")
        what = f"the master {self.master!r}" if self.master else f"the node with slot {self.slot}"
        message = f"nobody says where {what} is ({'; '.join(reasons)})"
        raise RedisConnectionError(message) from distrusted

    def _in_order(self) -> Iterator[Address]:
        return iter(dict.fromkeys((*self._known, *self.asked)))

    def _ask(self, address: Address) -> Address | None:
        host, port = address
        own: dict[str, Any] = (
            {"password": self.sentinel_password}
            if self.master
            else {"username": self.username, "password": self.password}
        )
        if self.tls is not None and (self.sentinel_tls or not self.master):
            own |= {"ssl": True, **dict(self.tls)}
        client: Any = redis.Redis(
            host=host,
            port=port,
            socket_timeout=ASKED_WITHIN_S,
            socket_connect_timeout=ASKED_WITHIN_S,
            decode_responses=True,
            retry=Retry(NoBackoff(), 0),
            **own,
        )
        with contextlib.closing(client):
            if self.master:
                return _of_master(client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.master))
            nodes, found = _of_slot(client.execute_command("CLUSTER", "SLOTS"), self.slot, host)
            self._known[:] = nodes
            return found


def _of_master(answer: Any) -> Address | None:
    return (str(answer[0]), int(answer[1])) if answer else None


def _of_slot(answer: Any, slot: int, asked: str) -> tuple[list[Address], Address | None]:
    """All nodes, and the primary of the slot. A node that does not know its own name leaves it empty."""
    rows = answer if isinstance(answer, list) else []
    nodes: list[Address] = []
    found = None
    for first, last, primary, *replicas in rows:
        nodes += [(str(node[0] or asked), int(node[1])) for node in (primary, *replicas)]
        if int(first) <= slot <= int(last):
            found = (str(primary[0] or asked), int(primary[1]))
    return nodes, found


class SoughtConnection(redis.Connection):
    """A connection to wherever the server is at the moment of connecting."""

    whereabouts: Whereabouts

    def _connect(self) -> Any:
        self.host, self.port = self.whereabouts.find()
        return super()._connect()  # type: ignore[no-untyped-call]  # redis-py has none

    def read_response(self, *args: Any, **options: Any) -> Any:
        """Its answer. A server that is no primary any more, or lost the slot, is left: raises ConnectionError."""
        try:
            return super().read_response(*args, **options)
        except (ReadOnlyError, MovedError) as error:
            self.disconnect()  # type: ignore[no-untyped-call]  # redis-py has none
            message = f"{self.host}:{self.port} is not the server any more: {error}"
            raise RedisConnectionError(message) from error


class SoughtTlsConnection(SoughtConnection, redis.SSLConnection):
    """The same by TLS."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**dict(self.whereabouts.tls or ()), **options})


_classes: dict[Whereabouts, type[SoughtConnection]] = {}
_lock = threading.Lock()


def connection_class(whereabouts: Whereabouts) -> type[SoughtConnection]:
    """The class of connections that look there."""
    with _lock:
        if whereabouts not in _classes:
            kind = SoughtConnection if whereabouts.tls is None else SoughtTlsConnection
            _classes[whereabouts] = type(kind.__name__, (kind,), {"whereabouts": whereabouts})
        return _classes[whereabouts]


def whereabouts_of(url: str, prefix: str) -> Whereabouts | None:
    """Where to ask for the server of `url`; None where the URL names the server itself.

    `prefix` is that of all keys. Raises InvalidSettings where a Cluster can't keep them in one slot.
    """
    parts = urlsplit(url)
    if parts.scheme not in SENTINEL_SCHEMES + CLUSTER_SCHEMES:
        return None
    of_sentinel = parts.scheme in SENTINEL_SCHEMES
    master, _, database = parts.path.strip("/").partition("/")
    sentinel_password = parse_qs(parts.query).get("sentinel_password", [None])[0]
    return Whereabouts(
        asked=tuple(
            _addresses(parts.netloc.rpartition("@")[2], _SENTINEL_PORT if of_sentinel else _DEFAULT_PORT)
        ),
        master=unquote(master) if of_sentinel else None,
        slot=0 if of_sentinel else _slot(prefix),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        database=int(database or 0) if of_sentinel else 0,
        sentinel_password=sentinel_password,
        tls=None if (options := tls_options(url)) is None else tuple(options.items()),
        sentinel_tls=sentinels_want_tls(url),
    )


def _addresses(places: str, default: int) -> Iterator[Address]:
    for place in places.split(","):
        host, separator, port = place.rpartition(":")
        if not separator or place.endswith("]"):
            host, port = place, str(default)
        yield host.strip("[]") or "localhost", int(port)


def _slot(prefix: str) -> int:
    tag = prefix.partition("{")[2].partition("}")[0]
    if not tag or "}" not in prefix:
        message = (
            "ONBEAT_KEY_PREFIX: on a Redis Cluster all keys must be in one slot, and so begin with a {tag}"
        )
        raise InvalidSettings(message, hint=TAG_HINT)
    return key_slot(prefix.encode())


__all__ = ["Address", "SoughtConnection", "Whereabouts", "connection_class", "whereabouts_of"]
