"""Kombu's Redis transport, with what Onbeat needs of it: it finds the server anew, and lets no item end a worker.

Kombu writes down in the server what a worker has taken and not yet acknowledged. For a message that names a run that
would be two round trips to no end: the run is on record, and its message is sent again should nobody claim it.

An item of a queue's list may be anything: whoever can write to the server can push it. Kombu reads it as its own and
raises where it is not, which ends the worker. Here such an item is put aside.

Kombu knows Sentinel by another transport, and a Cluster not at all. Here both are a matter of where to connect to, as
they are for the store: all keys of a deployment are in one slot, the queues' too.
"""

from collections.abc import Callable
from typing import Any, Final, cast

from kombu.transport import TRANSPORT_ALIASES, virtual
from kombu.transport import redis as kombus

from scheduler.message import HIGHEST_PRIORITY, ONBEAT_HEADER, list_name
from scheduler.message_form import envelope_problem
from scheduler.store.connection import refuses_work
from scheduler.store.whereabouts import connection_class, whereabouts_of

PutAside = Callable[[str, str, bytes], None]  # the queue, the reason, the item

# The transport options of ours: the server's address as Onbeat writes it, where others have to be asked for it.
SOUGHT: Final = "onbeat_url"


class WorkRefused(ConnectionError):
    """The server answers and can't work for now: as good as none."""


class _Receiver:
    """Whom a channel hands what it could not read."""

    put_aside: PutAside | None = None


class QoS(kombus.QoS):
    """What was taken and is not yet acknowledged; messages that name a run are kept in memory only."""

    def append(self, message: Any, delivery_tag: str) -> None:
        """A message was taken."""
        keep: Any = virtual.QoS.append if _names_a_run(message) else kombus.QoS.append  # kombu has no types
        keep(self, message, delivery_tag)

    def ack(self, delivery_tag: str) -> None:
        """It is done with."""
        forget: Any = virtual.QoS.ack if self._in_memory(delivery_tag) else kombus.QoS.ack
        forget(self, delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:  # noqa: FBT001, FBT002 - kombu's signature
        """It is done with, or put back."""
        if requeue or not self._in_memory(delivery_tag):
            super().reject(delivery_tag, requeue)  # type: ignore[no-untyped-call]  # kombu has none
        else:
            virtual.QoS.ack(self, delivery_tag)  # type: ignore[no-untyped-call]  # as above

    def restore_by_tag(self, tag: str, client: Any = None, leftmost: bool = False) -> None:  # noqa: FBT001, FBT002
        """Put it back into its queue, unless it was acknowledged."""
        message = self._in_memory(tag)
        if message is None:
            super().restore_by_tag(tag, client, leftmost)  # type: ignore[no-untyped-call]  # as above
        elif tag not in self._dirty:
            where = message.delivery_info
            with self.channel.conn_or_acquire(client) as connected:
                pipeline = connected.pipeline()
                raw = message._raw  # noqa: SLF001 - kombu's own QoS does the same
                self.channel._do_restore_message(  # noqa: SLF001 - as above
                    raw, where["exchange"], where["routing_key"], pipeline, leftmost
                )
                pipeline.execute()

    def _in_memory(self, tag: str) -> Any:
        message = self._delivered.get(tag)
        return message if message is not None and _names_a_run(message) else None


def _names_a_run(message: Any) -> bool:
    return isinstance(message.headers, dict) and ONBEAT_HEADER in message.headers


class Channel(kombus.Channel):
    """A channel that hands on no item that is not a message."""

    QoS = QoS
    from_transport_options: tuple[str, ...] = (*kombus.Channel.from_transport_options, SOUGHT)  # type: ignore[assignment]  # kombu's is one longer
    onbeat_url: str | None = None
    # As RabbitMQ has it: 9 goes first, and what has no priority has 0. Kombu has it the other way round.
    priority_steps: list[int] = list(range(HIGHEST_PRIORITY, -1, -1))  # noqa: RUF012 - kombu declares it so

    def priority(self, n: int) -> int:
        """The step of a priority: each is one."""
        return n

    def _q_for_pri(self, queue: str, pri: int) -> str:
        return list_name(queue, pri)

    def _connparams(self, asynchronous: bool = False) -> Any:  # noqa: FBT001, FBT002 - kombu's signature
        if self.onbeat_url is not None and (sought := whereabouts_of(self.onbeat_url, self.global_keyprefix)):
            self.connection_class = connection_class(sought)
        params: Any = super()._connparams(asynchronous)  # type: ignore[no-untyped-call]  # kombu has none
        params["connection_class"] = _patient_class(params["connection_class"])
        return params

    def _create_client(self, asynchronous: bool = False) -> Any:  # noqa: FBT001, FBT002 - kombu's signature
        client: Any = super()._create_client(asynchronous)  # type: ignore[no-untyped-call]  # kombu has none
        if asynchronous:
            client.parse_response = _careful(client.parse_response, self.sep)
        return client


class Transport(kombus.Transport):
    """What `redis` and `rediss` stand for in a process with Onbeat's Celery app."""

    Channel = Channel


def install() -> None:
    """Let this process reach Redis by this transport."""
    for alias in ("redis", "rediss"):
        TRANSPORT_ALIASES[alias] = f"{__name__}:{Transport.__name__}"


def hand_refused_to(put_aside: PutAside) -> None:
    """What is no message goes there from now on."""
    _Receiver.put_aside = staticmethod(put_aside)


def _patient_class(connections: Any) -> Any:
    """The same connections, patient: with a full disk a server lives and refuses, which kombu takes for our mistake.

    It is seen to where each answer is read, so that redis-py's own check of a connection's health is covered too.
    """

    class Patient(connections):  # type: ignore[misc]  # made at run time
        def read_response(self, *args: Any, **options: Any) -> Any:
            try:
                return super().read_response(*args, **options)
            except Exception as error:
                if not refuses_work(error):
                    raise
                self.disconnect()  # answers to other commands may follow, which nobody would read
                raise WorkRefused(str(error)) from error

    return Patient


def _careful(read: Callable[..., Any], separator: str) -> Callable[..., Any]:
    def parse_response(connection: Any, command_name: str, **options: Any) -> Any:
        answer = read(connection, command_name, **options)
        if command_name != "BRPOP" or not answer or _Receiver.put_aside is None:
            return answer
        place, item = answer
        if (reason := envelope_problem(item)) is None:
            return answer
        queue = place.decode(errors="replace") if isinstance(place, bytes) else str(place)
        _Receiver.put_aside(queue.rsplit(separator, 1)[0], reason, cast("bytes", item))
        return None  # as when nothing came

    return parse_response
