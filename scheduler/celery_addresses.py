"""The addresses of servers as Celery, kombu and RedBeat write them, and what each must be told beside them."""

from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from scheduler.errors import InvalidSettings, Unreachable
from scheduler.redis_transport import SOUGHT
from scheduler.server_tls import tls_options, without_tls_options
from scheduler.server_url import BROKER_SCHEMES, CLUSTER_SCHEMES, SENTINEL_SCHEMES
from scheduler.settings import Settings, with_server
from scheduler.store.whereabouts import Whereabouts, whereabouts_of

# kombu waits for ever by default; a half-open connection must be noticed.
TIMEOUT_S: Final = 3
AMQP_TIMEOUT_S: Final = 10
# AMQP's: a connection is given up after two of them without a word. Celery's default is two minutes.
HEARTBEAT_S: Final = 5
# A wait for messages that gets no answer is given up after up to twice this and a second, a wait for broadcasts too.
HEALTH_CHECK_S: Final = 3
LOCAL_REDIS: Final = "redis://127.0.0.1:6379/0"


def store(settings: Settings) -> str:
    """The store's URL, or a Redis on this machine where none is named."""
    try:
        url = with_server(settings).redis_url
    except Unreachable:
        url = None
    return url.get_secret_value() if url else LOCAL_REDIS


def broker(url: str) -> str:
    """The URL in the form that kombu reads: it calls a unix socket `redis+socket`."""
    parts, sought = urlsplit(url), _sought(url)
    if sought is not None:  # an address to begin with; which server it is, `redis_transport` finds out
        return f"redis://{_credentials(sought)}{_place(*sought.asked[0])}/{sought.database}"
    if parts.scheme != "unix":
        return without_tls_options(url)
    query = {name: value for name, value in parse_qsl(parts.query) if name != "db"}
    query["virtual_host"] = dict(parse_qsl(parts.query)).get("db", "0")
    return f"redis+socket://{parts.netloc}{parts.path}?{urlencode(query)}"


def is_redis(url: str) -> bool:
    """True for a broker of which a worker takes messages by BRPOP."""
    return not url.startswith(BROKER_SCHEMES)


def backend_options(url: str, prefix: str) -> dict[str, Any]:
    """What Celery's result backend must be told beside its address."""
    options: dict[str, Any] = {"global_keyprefix": prefix} if prefix and is_redis(url) else {}
    if (sought := _sought(url)) is not None and sought.master:
        options["master_name"] = sought.master
        options["sentinel_kwargs"] = _to_ask(sought)
    return options


def backend_tls(url: str) -> dict[str, Any] | None:
    """What Celery's result backend must be told of TLS."""
    return None if (options := tls_options(url)) is None else {**options}


def broker_tls(url: str) -> dict[str, Any] | None:
    """What kombu must be told of TLS; where the server is sought its connections know by themselves."""
    return None if _sought(url) is not None else backend_tls(url)


def _to_ask(sought: Whereabouts) -> dict[str, Any]:
    """What a Sentinel is asked with."""
    options: dict[str, Any] = {"password": sought.sentinel_password} if sought.sentinel_password else {}
    if sought.sentinel_tls:
        options |= {"ssl": True, **dict(sought.tls or ())}
    return options


def transport_options(broker_url: str, prefix: str) -> dict[str, Any]:
    """What kombu must be told beside the broker's address."""
    if not is_redis(broker_url):
        # Where the broker is asked something: a wire that dies just then would hold up for ever.
        return {"confirm_publish": True, "read_timeout": AMQP_TIMEOUT_S, "write_timeout": AMQP_TIMEOUT_S}
    options: dict[str, Any] = {
        "socket_timeout": TIMEOUT_S,
        "socket_connect_timeout": TIMEOUT_S,
        "health_check_interval": HEALTH_CHECK_S,
        "retry_on_timeout": False,
    }
    if broker_url.startswith(SENTINEL_SCHEMES + CLUSTER_SCHEMES):
        options[SOUGHT] = broker_url
    if not broker_url.startswith("unix"):
        options["socket_keepalive"] = True
    if prefix:
        options["global_keyprefix"] = prefix
    return options


def result_backend(url: str) -> str:
    """Where Celery keeps results. Raises InvalidSettings for a Cluster, of which it knows nothing."""
    if url.startswith(CLUSTER_SCHEMES):
        message = "ONBEAT_RESULT_BACKEND: Celery can't keep results on a Redis Cluster"
        raise InvalidSettings(message, hint="name another server, or none: run records are kept without it")
    sought = _sought(url)
    if sought is None:
        return broker(url)
    places = [f"sentinel://{_credentials(sought)}{_place(*each)}" for each in sought.asked]
    return f"{';'.join(places)}/{sought.database}"


def redbeat(url: str) -> str:
    """The server for RedBeat's own API, as it wants it."""
    if (sought := _sought(url)) is None:
        return url
    if sought.master:
        return "redis-sentinel://"
    scheme, _, rest = broker(url).partition("://")
    return f"{scheme if sought.tls is None else 'rediss'}://{rest}"


def redbeat_options(url: str) -> dict[str, Any]:
    """What RedBeat's client is made with."""
    options: dict[str, Any] = {"socket_timeout": TIMEOUT_S, "socket_connect_timeout": TIMEOUT_S}
    if (sought := _sought(url)) is None:
        return options
    if not sought.master:
        return {**options, "cluster": True, **dict(sought.tls or ())}
    login = {"username": sought.username, "password": sought.password, "db": sought.database}
    return {
        **options,
        **{name: value for name, value in login.items() if value is not None},
        "sentinels": list(sought.asked),
        "service_name": sought.master,
        "sentinel_kwargs": _to_ask(sought),
    }


def _sought(url: str) -> Whereabouts | None:
    return whereabouts_of(url, "{any}")


def _credentials(sought: Whereabouts) -> str:
    user, password = quote(sought.username or "", safe=""), quote(sought.password or "", safe="")
    return f"{user}:{password}@" if password else ""


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
