"""The Lua scripts beside this file, each loaded once and called by its digest.

Lua in Redis has no modules: a line `-- include: NAME` in a script stands for what NAME.lua says.
"""

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

from redis.commands.core import Script

from scheduler.store.connection import Client

NAMES: Final = (
    "select",
    "backlog",
    "commit",
    "create",
    "publish",
    "claim",
    "expire",
    "renew",
    "finish",
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


class Scripts:
    """The scripts, bound to one client."""

    def __init__(self, client: Client) -> None:
        self._scripts: dict[str, Script] = {name: client.register_script(source(name)) for name in NAMES}

    def call(self, name: str, keys: Sequence[str], args: Sequence[str | int]) -> Any:
        """Run the script `name`. Raises Unreachable where the server is in trouble."""
        return self._scripts[name](keys=keys, args=args)
