"""The URLs of servers: which forms are right, and how one is shown without its password."""

import re
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from pydantic import Secret

from scheduler.server_tls import tls_problem

REDIS_SCHEMES: Final = ("redis", "rediss", "unix")
SENTINEL_SCHEMES: Final = ("sentinel", "redis+sentinel", "rediss+sentinel")
CLUSTER_SCHEMES: Final = ("cluster", "redis+cluster", "rediss+cluster")
BROKER_SCHEMES: Final = ("amqp", "amqps", "pyamqp")

_ALL_REDIS: Final = REDIS_SCHEMES + SENTINEL_SCHEMES + CLUSTER_SCHEMES
_CREDENTIALS = re.compile(
    r"(?P<before>[a-z][a-z0-9+.-]*://(?:[^\s/?#@:]*:)?)(?P<password>[^\s/?#]*)@", re.IGNORECASE
)
_SECRET_OPTION = re.compile(r"(?P<name>[?&](?:[a-z_]*password|token)=)[^&#\s]+", re.IGNORECASE)
_MAX_PORT: Final = 65_535
_MASK: Final = "***"
_DEFAULT_PORTS: Final = {
    "amqp": 5672,
    "pyamqp": 5672,
    "amqps": 5671,
    **dict.fromkeys(SENTINEL_SCHEMES, 26379),
}


class SecretUrl(Secret[str]):
    """A URL that prints with its password masked; `get_secret_value()` gives the whole."""

    def _display(self) -> str:
        return masked_url(self.get_secret_value())


def password_of(url: str) -> str | None:
    """The password in `url`, as it is given to the server; None where there is none."""
    try:
        password = urlsplit(url).password
    except ValueError:
        return None
    return unquote(password) if password else None


def masked_url(text: str) -> str:
    """`text` with the password of every URL in it replaced by `***`. The user's name, host and path stay."""

    def mask(found: re.Match[str]) -> str:
        before: str = found["before"]
        has_password = not before.endswith("//")
        return f"{before}{_MASK if has_password else found['password']}@"

    return _SECRET_OPTION.sub(rf"\g<name>{_MASK}", _CREDENTIALS.sub(mask, text))


def server_name(url: str) -> str:
    """Where `url` points, without credentials: `host:port`, several of them, or a socket's path."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return unquote(parts.path)
    places = parts.netloc.rpartition("@")[2]
    default = _DEFAULT_PORTS.get(parts.scheme, 6379)
    named = [_with_port(place or "localhost", default) for place in places.split(",")]
    return ", ".join(named)


def redis_url_problem(url: str) -> str | None:
    """What is wrong with `url` as the address of a Redis or Valkey, or None where its form is right."""
    parts = urlsplit(url)
    if not parts.scheme or "://" not in url:
        return "is not a URL; write it as redis://HOST:PORT/DB or unix:///PATH.sock"
    if parts.scheme not in _ALL_REDIS:
        return f"has the scheme {parts.scheme!r}; use redis, rediss, unix, sentinel or cluster"
    if parts.scheme == "unix":
        return _unix_problem(parts)
    if problem := _places_problem(parts) or tls_problem(url):
        return problem
    if parts.scheme in SENTINEL_SCHEMES:
        return (
            None if parts.path.strip("/") else "names no master; write sentinel://HOST:PORT,HOST2:PORT/NAME"
        )
    return _database_problem(parts.path.strip("/"))


def broker_url_problem(url: str) -> str | None:
    """What is wrong with `url` as the address of a broker, or None where its form is right."""
    parts = urlsplit(url)
    if "://" in url and parts.scheme in BROKER_SCHEMES:
        return _places_problem(parts)
    if "://" in url and parts.scheme not in _ALL_REDIS:
        return f"has the scheme {parts.scheme!r}; use amqp, amqps, redis, rediss or unix"
    return redis_url_problem(url)


def _unix_problem(parts: SplitResult) -> str | None:
    if not parts.path.strip("/"):
        return "names no socket; write unix:///PATH.sock"
    if parts.netloc and "@" not in parts.netloc:
        return f"has {parts.netloc!r} where nothing may stand; an absolute path takes three slashes: unix:///PATH.sock"
    return _database_problem(dict(parse_qsl(parts.query)).get("db", ""))


def _places_problem(parts: SplitResult) -> str | None:
    several = parts.scheme in SENTINEL_SCHEMES + CLUSTER_SCHEMES
    places = parts.netloc.rpartition("@")[2].split(",")
    if len(places) > 1 and not several:
        return f"names {len(places)} hosts; {parts.scheme}:// takes one"
    for place in places:
        if not place:
            return "names no host"
        if problem := _port_problem(place):
            return problem
    return None


def _port_problem(place: str) -> str | None:
    match = re.fullmatch(r"(?:\[[0-9a-fA-F:.%]+\]|[^:\[\]]*)(?::(?P<port>[^:]*))?", place)
    if match is None:
        return f"has a host that can't be read: {place!r}; an IPv6 address stands in brackets"
    port = match["port"]
    if port is not None and not (port.isascii() and port.isdigit() and 0 < int(port) <= _MAX_PORT):
        return f"has the port {port!r}; a port is a whole number from 1 to {_MAX_PORT}"
    return None


def _database_problem(database: str) -> str | None:
    if not database or (database.isascii() and database.isdigit()):
        return None
    return f"has the database {database!r}; a database is a number such as 0"


def _with_port(place: str, default: int) -> str:
    has_port = (
        re.search(r":\d+$", place) and not place.endswith("]") and (place.count(":") == 1 or "]" in place)
    )
    return place if has_port else f"{place}:{default}"
