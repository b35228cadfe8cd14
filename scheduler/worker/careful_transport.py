"""Kombu's Redis transport, with a look at each message before it is made one.

An item of a queue's list may be anything: whoever can write to the server can push it. Kombu reads it as its own and
raises where it is not, which ends the worker (FACTS: 4 of 14 malformed messages did). Here such an item is put aside.
"""

from collections.abc import Callable
from typing import Any, Final, cast

from kombu.transport import TRANSPORT_ALIASES
from kombu.transport import redis as kombus

from scheduler.message_form import envelope_problem

PutAside = Callable[[str, str, bytes], None]  # the queue, the reason, the item


class _Receiver:
    """Whom a channel hands what it could not read."""

    put_aside: PutAside | None = None


class CarefulChannel(kombus.Channel):
    """A channel that hands on no item that is not a message."""

    def _create_client(self, asynchronous: bool = False) -> Any:  # noqa: FBT001, FBT002 - kombu's signature
        client: Any = super()._create_client(asynchronous)  # type: ignore[no-untyped-call]  # kombu has none
        if asynchronous:
            client.parse_response = _careful(client.parse_response, self.sep)
        return client


class CarefulSentinelChannel(CarefulChannel, kombus.SentinelChannel):
    """The same, where Sentinel says which server it is."""


class CarefulTransport(kombus.Transport):
    """What `redis` and `rediss` stand for in a worker."""

    Channel = CarefulChannel


class CarefulSentinelTransport(kombus.SentinelTransport):
    """What `sentinel` stands for in a worker."""

    Channel = CarefulSentinelChannel


_ALIASES: Final = {
    "redis": "CarefulTransport",
    "rediss": "CarefulTransport",
    "sentinel": "CarefulSentinelTransport",
}


def connect(put_aside: PutAside) -> None:
    """Let this process take messages from Redis by these transports; what is none goes to `put_aside`."""
    _Receiver.put_aside = staticmethod(put_aside)
    for alias, transport in _ALIASES.items():
        TRANSPORT_ALIASES[alias] = f"{__name__}:{transport}"


def _careful(read: Callable[..., Any], separator: str) -> Callable[..., Any]:
    def parse_response(connection: Any, command_name: str, **options: Any) -> Any:
        answer = read(connection, command_name, **options)
        if command_name != "BRPOP" or not answer:
            return answer
        place, item = answer
        if (reason := envelope_problem(item)) is None:
            return answer
        if _Receiver.put_aside is not None:
            queue = place.decode(errors="replace") if isinstance(place, bytes) else str(place)
            _Receiver.put_aside(queue.rsplit(separator, 1)[0], reason, cast("bytes", item))
        return None  # as when nothing came

    return parse_response
