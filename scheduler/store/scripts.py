"""The Lua scripts beside this file, each loaded once and called by its digest.

Lua in Redis has no modules: a line `-- include: NAME` in a script stands for what NAME.lua says.
"""

import re
from collections import deque
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
    "sweep",
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


class Wire:
    """One connection for calls that follow on each other: the server takes them in this order, and none waits.

    It is the pool's again whenever nothing is on its way.
    """

    def __init__(self, client: Client) -> None:
        self._client: Any = client  # redis-py's types: a cluster has no pool
        self._connection: Any = None
        self._on_their_way: deque[Sent] = deque()

    def send(self, script: Script, keys: Sequence[str], args: Sequence[str | int]) -> "Sent":
        """Have the server begin with it. What can't be sent is tried anew when its answer is asked for."""
        sent = Sent(self, script, keys, args)
        try:
            self._connection = self._connection or self._client.connection_pool.get_connection()
        except RedisError:
            return sent
        try:
            # No check of the connection's health: it would take the next answer for its own.
            self._connection.send_command("EVALSHA", script.sha, len(keys), *keys, *args, check_health=False)
        except BaseException as error:
            self.cut()
            if isinstance(error, RedisConnectionError):
                return sent
            if isinstance(error, RedisError):
                raise self._client.explained(error) from error
            raise
        self._on_their_way.append(sent)
        return sent

    def carries(self, sent: "Sent") -> bool:
        """Whether its answer is still to be read here."""
        return sent in self._on_their_way

    def read(self, sent: "Sent") -> Any:
        """The answer to the oldest call on its way. Raises what the server or the connection says."""
        if self._on_their_way[0] is not sent:
            raise ValueError("answers are read in the order of their calls")
        try:
            return self._connection.read_response()
        except ResponseError:
            raise
        except BaseException:
            self.cut()  # the answers may still come, and are not those of the next commands
            raise
        finally:
            if self._on_their_way:
                self._on_their_way.popleft()
                if not self._on_their_way:
                    self._give_back()

    def cut(self) -> None:
        """Give up all answers that were not read."""
        self._on_their_way.clear()
        if self._connection is not None:
            self._connection.disconnect()
            self._give_back()

    def _give_back(self) -> None:
        connection, self._connection = self._connection, None
        self._client.connection_pool.release(connection)


class Sent:
    """A call of a script that is on its way, so that its caller can work on while the server does."""

    def __init__(self, wire: Wire, script: Script, keys: Sequence[str], args: Sequence[str | int]) -> None:
        self.wire = wire
        self._script, self._keys, self._args = script, keys, args

    def result(self) -> Any:
        """The answer; ask once. Raises Unreachable.

        A call that was cut off is made once more: every script may run twice with the same arguments.
        """
        if self.wire.carries(self):
            try:
                return self.wire.read(self)
            except (NoScriptError, RedisConnectionError):
                pass  # cut off; or the server has restarted, or is another one: `Script` loads it
            except RedisError as error:
                client: Any = self._script.registered_client  # ours: redis-py's types know no subclass
                raise client.explained(error) from error
        return self._script(keys=self._keys, args=self._args)

    def abandon(self) -> None:
        """Give up its answer, and those of all that was sent after it."""
        if self.wire.carries(self):
            self.wire.cut()


class Scripts:
    """The scripts, bound to one client."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._scripts: dict[str, Script] = {name: client.register_script(source(name)) for name in NAMES}

    def send(
        self, name: str, keys: Sequence[str], args: Sequence[str | int], wire: Wire | None = None
    ) -> Sent:
        """Have the server begin with the script `name`, and ask for its answer later.

        On `wire` it comes after what was sent there before, and its answer must be asked for after theirs.
        """
        return (wire or Wire(self._client)).send(self._scripts[name], keys, args)

    def call(self, name: str, keys: Sequence[str], args: Sequence[str | int]) -> Any:
        """Run the script `name`. Raises Unreachable where the server is in trouble."""
        return self.send(name, keys, args).result()
