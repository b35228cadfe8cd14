"""Who is there: beats and workers sign in with what they are, and are believed for as long as they go on doing it."""

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import uuid4

from scheduler.epoch import moment
from scheduler.store.connection import Client
from scheduler.store.keys import Keys
from scheduler.store.scripts import Scripts

Kind = Literal["beats", "workers"]

ALIVE_FOR: Final = timedelta(seconds=15)
# A beat signs in every two seconds, and in no sleep or turn for more than another two.
HOME_FOR: Final = timedelta(seconds=6)
FORGET_AFTER: Final = timedelta(hours=1)


def new_member() -> str:
    """An id for this process, by which it signs in: host, pid, and what tells it from an earlier one of that pid."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:6]}"


@dataclass(frozen=True, slots=True)
class Sign:
    """The last sign of one process: its id, what it said of itself, and when, by the server's clock."""

    id: str
    about: Mapping[str, Any]
    seen_at: datetime


def has_homes(sign: Sign, now: datetime) -> bool:
    """True where the beat gave a sign so lately that entries have their home with it.

    A sign of a time to come is an old one: the clock was set back since.
    """
    return abs(now - sign.seen_at) <= HOME_FOR


class Presence:
    """The beats and the workers of one deployment."""

    def __init__(self, client: Client, keys: Keys, scripts: Scripts) -> None:
        self._client: Any = client  # redis-py's types: bytes or str
        self._keys = keys
        self._scripts = scripts

    def sign_in(self, kind: Kind, member: str, about: Mapping[str, Any]) -> dict[str, Sign]:
        """Say that `member` is alive and what it is; returns all that are known, by id."""
        forget_ms = FORGET_AFTER // timedelta(milliseconds=1)
        answer = self._scripts.call(
            "sign", [self._keys.own(kind)], [member, json.dumps(dict(about)), forget_ms]
        )
        return _signs(dict(zip(answer[::2], answer[1::2], strict=True)))

    def sign_out(self, kind: Kind, member: str) -> None:
        """Forget `member`: it has stopped in order."""
        self._client.hdel(self._keys.own(kind), member)

    def all(self, kind: Kind) -> dict[str, Sign]:
        """All that are known, by id, the silent ones included."""
        return _signs(self._client.hgetall(self._keys.own(kind)))

    def now(self) -> datetime:
        """The time by the server's clock."""
        seconds, microseconds = self._client.time()
        return moment(seconds * 1000 + microseconds // 1000)


def _signs(rows: Mapping[str, str]) -> dict[str, Sign]:
    signs: dict[str, Sign] = {}
    for member, text in sorted(rows.items()):
        document = json.loads(text)
        signs[member] = Sign(member, document["is"], moment(document["seen"]))
    return signs
