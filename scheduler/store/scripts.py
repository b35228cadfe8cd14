"""The Lua scripts beside this file, each loaded once and called by its digest.

Lua in Redis has no modules: a line `-- include: NAME` in a script stands for what NAME.lua says.
"""

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

from redis.commands.core import Script
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError, ResponseError

from scheduler.store.connection import Client

NAMES: Final = (
    "select",
    "backlog",
    "commit",
    "create",
    "hold",
    "publish",
    "claim",
    "expire",
    "renew",
    "finish",
    "follow",
    "report",
    "replay",
    "cancel",
    "release",
    "sign",
    "append",
    "marks",
    "apply",
    "durations",
)

_INCLUDE: Final = re.compile(r"^-- include: (\w+)$", re.MULTILINE)


@cache
def source(name: str) -> str:
    """The text of one script, with what it includes."""
    text = (files("scheduler.store") / f"{name}.lua").read_text(encoding="utf-8")
    return _INCLUDE.sub(lambda found: source(found[1]), text)


class Sent:
    """A call of a script that is on its way, so that its caller can work on while the server does."""

    def __init__(self, script: Script, keys: Sequence[str], args: Sequence[str | int]) -> None:
        self._script, self._keys, self._args = script, keys, args
        self._client: Any = script.registered_client  # redis-py's types: a cluster has no pool
        self._connection = self._sent()

    def result(self) -> Any:
        """The answer; ask once, for the connection is kept until then. Raises Unreachable.

        A call that was cut off is made once more: every script may run twice with the same arguments.
        """
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                return connection.read_response()
            except NoScriptError:
                pass  # the server has restarted, or is another one: `Script` loads it
            except ResponseError as error:
                raise self._client.explained(error) from error
            except RedisConnectionError:
                connection.disconnect()
            except BaseException as error:
                connection.disconnect()  # its answer may still come, and is not the next command's
                if isinstance(error, RedisError):
                    raise self._client.explained(error) from error
                raise
            finally:
                self._client.connection_pool.release(connection)
        return self._script(keys=self._keys, args=self._args)

    def _sent(self) -> Any:
        pool = self._client.connection_pool
        try:
            connection = pool.get_connection()
        except RedisError:
            return None  # `result` tries anew, and says why it can't
        try:
            connection.send_command("EVALSHA", self._script.sha, len(self._keys), *self._keys, *self._args)
        except BaseException as error:
            connection.disconnect()
            pool.release(connection)
            if isinstance(error, RedisConnectionError):
                return None
            if isinstance(error, RedisError):
                raise self._client.explained(error) from error
            raise
        return connection


class Scripts:
    """The scripts, bound to one client."""

    def __init__(self, client: Client) -> None:
        self._scripts: dict[str, Script] = {name: client.register_script(source(name)) for name in NAMES}

    def send(self, name: str, keys: Sequence[str], args: Sequence[str | int]) -> Sent:
        """Have the server begin with the script `name`, and ask for its answer later."""
        return Sent(self._scripts[name], keys, args)

    def call(self, name: str, keys: Sequence[str], args: Sequence[str | int]) -> Any:
        """Run the script `name`. Raises Unreachable where the server is in trouble."""
        return self.send(name, keys, args).result()
