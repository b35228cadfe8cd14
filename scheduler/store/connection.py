"""The one way to Redis: a client with time-outs that tells trouble of the server apart from mistakes of ours."""

import os
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.connection import HiredisRespSerializer
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ClusterDownError,
    InvalidResponse,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import (
    ConnectionError as RedisConnectionError,
)
from redis.exceptions import (
    TimeoutError as RedisTimeoutError,
)
from redis.retry import Retry

from scheduler.errors import InvalidSettings, Unreachable
from scheduler.server_tls import FILES, tls_options
from scheduler.server_url import server_name
from scheduler.store.keys import Keys
from scheduler.store.shared_keys import is_of_wrong_type, misfits
from scheduler.store.whereabouts import Whereabouts, connection_class, whereabouts_of

# kombu's and redis-py's defaults wait for ever on a half-open connection; nothing of ours may.
SOCKET_TIMEOUT_S = 2.0
CONNECT_TIMEOUT_S = 2.0

_TROUBLE = (
    RedisConnectionError,
    RedisTimeoutError,
    BusyLoadingError,
    ReadOnlyError,
    ClusterDownError,
    TryAgainError,
)
_REFUSED = (AuthenticationError, AuthorizationError, NoPermissionError)
_CREDENTIALS_HINT = "check the user and the password in ONBEAT_REDIS_URL"
_PERMISSION_HINT = (
    "allow this user every key, channel and script of this deployment: `~PREFIX* &* +@all -@dangerous +info`"
)
_PROTOCOL_HINT = "is it the right host and port, and does it want rediss://?"
_DATABASE_HINT = "check the database number in ONBEAT_REDIS_URL"
_TLS_HINT = "check its certificate, and ssl_ca_certs and its kin in ONBEAT_REDIS_URL"
_REFUSING_WRITES = ("MISCONF", "OOM", "NOREPLICAS", "MASTERDOWN", "LOADING", "UNBLOCKED", "BUSY")


class _Packer(HiredisRespSerializer):
    """Packs commands in C, and what UTF-8 can't carry, as half a surrogate pair in a file's name, with a backslash."""

    def pack(self, *args: Any) -> list[bytes]:
        """The command as the server reads it."""
        packed: Callable[..., list[bytes]] = super().pack
        try:
            return packed(*args)
        except UnicodeEncodeError:
            # hiredis knows no `encoding_errors`; without this a run whose error has such a text would never end.
            plain = (
                each.encode(errors="backslashreplace") if isinstance(each, str) else each for each in args
            )
            return packed(*plain)


class StoreRefused(Unreachable):
    """The store answers, but not to us: a wrong password or a missing permission. Waiting does not mend it."""


class WrongKey(Unreachable):
    """The store answers, but a key of all entries is not what it must be: nobody can work until it is mended."""


class Client(redis.Redis):
    """redis-py's client whose trouble comes out as `Unreachable`, with the address and without the password."""

    address: str = "the store"
    prefix: str = ""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Run one command. Raises Unreachable where the server can't be reached or refuses to work."""
        command: Callable[..., Any] = super().execute_command
        return self._explained(lambda: command(*args, **options))

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> Pipeline:  # noqa: FBT001, FBT002 - redis-py's signature
        """Commands sent together; their trouble comes out as `execute_command`'s does."""
        pipeline = _ExplainedPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)
        pipeline.explained = self._explained
        return pipeline

    def _explained(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except NoScriptError:
            raise
        except RedisError as error:
            raise self.explained(error) from error

    def explained(self, error: RedisError) -> Exception:
        """The error as Onbeat says it; where a key of all entries is of the wrong type, with its name."""
        if is_of_wrong_type(error) and (found := misfits(self, Keys(self.prefix))):
            named = "; ".join(str(each) for each in found)
            return WrongKey(f"{self.address} can't be worked with: {named}", hint=found[0].mend)
        return explained(error, self.address)


class _ExplainedPipeline(Pipeline):
    explained: Callable[[Callable[[], Any]], Any]

    def immediate_execute_command(self, *args: Any, **options: Any) -> Any:
        """WATCH, which is sent at once."""
        command: Callable[..., Any] = super().immediate_execute_command
        return self.explained(lambda: command(*args, **options))

    def execute(self, raise_on_error: bool = True) -> list[Any]:  # noqa: FBT001, FBT002 - redis-py's signature
        result: list[Any] = self.explained(lambda: super(_ExplainedPipeline, self).execute(raise_on_error))
        return result


def explained(error: RedisError, address: str) -> Exception:
    """The error as Onbeat says it, or the error itself where it is a mistake of ours."""
    if isinstance(error, NoPermissionError):
        return StoreRefused(f"{address} refuses us: {_said_by_the_server(error)}", hint=_PERMISSION_HINT)
    if isinstance(error, InvalidResponse):
        return StoreRefused(f"{address} answers, but not as a Redis server does", hint=_PROTOCOL_HINT)
    if isinstance(error, _REFUSED):
        return StoreRefused(f"{address} refuses us: {_refusal(error)}", hint=_CREDENTIALS_HINT)
    if (distrust := _distrust(error)) is not None:
        return Unreachable(f"{address} can't be reached by TLS: {distrust}", hint=_TLS_HINT)
    if isinstance(error, RedisTimeoutError):
        return Unreachable(f"{address} does not answer in time", hint="is the server overloaded, or cut off?")
    if isinstance(error, _TROUBLE):
        return Unreachable(
            f"{address} can't be reached: {_reason(error)}", hint="is the server running there?"
        )
    if refuses_work(error):
        return Unreachable(f"{address} refuses to work: {error}", hint="free its memory or its disk")
    if isinstance(error, ResponseError) and "DB index" in str(error):
        return StoreRefused(f"{address} has no such database", hint=_DATABASE_HINT)
    return error


def in_words(error: BaseException, address: str) -> Unreachable | None:
    """What an error of another client of Redis says of the server at `address`; None where it is none, or a mistake."""
    found = explained(error, address) if isinstance(error, RedisError) else None
    return found if isinstance(found, Unreachable) else None


def refuses_work(error: Exception) -> bool:
    """Whether a server said that it can't do anything for now: its disk or its memory is full, or it is busy."""
    return isinstance(error, OutOfMemoryError) or (
        isinstance(error, ResponseError) and _said_by_the_server(error).startswith(_REFUSING_WRITES)
    )


def _said_by_the_server(error: RedisError) -> str:
    """Without what redis-py writes before it, in a pipeline."""
    return str(error).rpartition(" of pipeline caused error: ")[2]


def _refusal(error: RedisError) -> str:
    """Why the server refuses us, in fewer words than it uses."""
    text = str(error)
    if "HELLO must be called" in text or "Authentication required" in text:
        return "it wants a password"
    if "invalid username-password" in text or "invalid password" in text:
        return "wrong user or password"
    return text


def _reason(error: BaseException) -> str:
    """What the system said: redis-py wraps it into a sentence that names the address once more."""
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror.lower()
    return str(error)


def _distrust(error: BaseException) -> str | None:
    """Why no TLS came about, in OpenSSL's words; None where it is not that."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not accepted: {cause.verify_message.rstrip('.')}"
        if isinstance(cause, ssl.SSLError) and cause.reason:
            return cause.reason.lower().replace("_", " ")
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _check_files(url: str) -> None:
    """That the files for TLS can be read, for OpenSSL says only that some file is missing. Raises InvalidSettings."""
    options = tls_options(url) or {}
    for name in FILES:
        if name in options and not os.access(path := str(options[name]), os.R_OK):
            message = f"ONBEAT_REDIS_URL: {name} names {path}, which can't be read"
            raise InvalidSettings(message, hint="name a file in PEM format that this user may read")


def connect(
    url: str,
    *,
    prefix: str = "",
    socket_timeout_s: float = SOCKET_TIMEOUT_S,
    connect_timeout_s: float = CONNECT_TIMEOUT_S,
    tries: int = 2,
) -> Client:
    """A client for `url`; it connects at its first command.

    `prefix` is that of all keys, which decides the node of a Cluster. Raises InvalidSettings where the URL is not one
    of Redis.
    """
    options: dict[str, Any] = {
        "decode_responses": True,
        "encoding_errors": "backslashreplace",
        "command_packer": _Packer(),
        "socket_timeout": socket_timeout_s,
        "socket_connect_timeout": connect_timeout_s,
        "health_check_interval": 30,
        # One more try on a connection that the server closed meanwhile; every script of ours may run twice.
        "retry": Retry(NoBackoff(), tries - 1, supported_errors=(RedisConnectionError,)),
    }
    if not url.startswith("unix"):
        options["socket_keepalive"] = True
    _check_files(url)
    try:
        sought = whereabouts_of(url, prefix)
        client: Client = Client.from_url(url, **options) if sought is None else _sought(sought, options)  # type: ignore[assignment]  # redis-py: the class's own instance
    except ValueError as error:
        message = f"ONBEAT_REDIS_URL: {server_name(url)} is not a Redis address: {error}"
        raise InvalidSettings(
            message, hint="write redis://host:6379/0, rediss://… or unix:///path"
        ) from error
    client.address, client.prefix = server_name(url), prefix
    return client


def _sought(sought: Whereabouts, options: dict[str, Any]) -> Client:
    pool = redis.ConnectionPool(
        connection_class=connection_class(sought),
        username=sought.username,
        password=sought.password,
        db=sought.database,
        **options,
    )
    return Client.from_pool(pool)  # type: ignore[return-value]  # redis-py: the class's own instance
