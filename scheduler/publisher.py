"""How messages reach the broker: pushed by the store's own script where it is the broker, through kombu elsewhere."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from scheduler.broker_trouble import BrokerUnreachable, broker_trouble
from scheduler.confirms import Confirms
from scheduler.message import (
    CONTENT_ENCODING,
    CONTENT_TYPE,
    Doorbell,
    body,
    envelope,
    headers,
    priority_of,
    properties,
)
from scheduler.message_form import Taken, envelope_problem, opened
from scheduler.run import Call, Run
from scheduler.server_url import server_name
from scheduler.settings import Settings, with_server
from scheduler.store import Store
from scheduler.store.outbox import Move
from scheduler.store.refusals import Refusal

CONNECT_TIMEOUT_S = 3  # so long a beat's turn may be held up
PUBLISH_TIMEOUT_S = 5
NOT_FOUND = "404"  # AMQP's reply code; kombu's own transports write it as text


class StorePublisher:
    """The broker is the store's server: a message is pushed by the script that moves its run."""

    push = True

    def __init__(self, store: Store) -> None:
        self._store = store

    def publish(self, due: Sequence[tuple[Run, str, int]]) -> int:
        """Publish runs, each with the JSON of its call, for an attempt; returns how many were still to be published."""
        moves = [
            Move(run, attempt, envelope(call, _bell(run, attempt)), priority_of(call))
            for run, call, attempt in due
        ]
        return sum(self._store.outbox.move(moves, "push"))

    def probe(self) -> None:
        """The broker is the store: a turn says whether that answers."""

    def queue_lengths(self, queues: Sequence[str]) -> dict[str, int]:
        """How many messages wait in each queue."""
        return self._store.outbox.queue_lengths(queues)

    def problem_with(self, refusal: Refusal) -> str | None:
        """What keeps a refused message from being sent again; None where nothing does."""
        return None if refusal.queue else "nobody knows which queue it came from"

    def send_again(self, refusal: Refusal) -> None:
        """Put a refused message back into its queue. Raises Unreachable."""
        self._store.refusals.push_back(refusal)

    def close(self) -> None:
        """Nothing to close: the connection is the store's."""


class BrokerPublisher:
    """The broker is another server: messages go through kombu, with the broker's confirms, then leave the outbox.

    Who publishes takes hold of the runs first, for two beats, or a beat and a command, may see the same run at the same
    time. A crash in between sends a message twice, which is harmless: a run is claimed once.
    """

    push = False

    def __init__(self, store: Store, celery: Any) -> None:
        self._store = store
        self._celery = celery
        self._connection: Any = None
        self._producer: Any = None
        self._confirms: Confirms | None = None
        self._declared: set[str] = set()

    def publish(self, due: Sequence[tuple[Run, str, int]]) -> int:
        """Publish runs, each with the JSON of its call, for an attempt; returns how many went out.

        Those that are not due, or that another process is about to publish, are left to it. Raises BrokerUnreachable
        where the broker does not take them: those that it took before are marked as sent.
        """
        held = self._store.outbox.hold([run.run_id for run, _, _ in due])
        mine = [each for each in due if each[0].run_id in held]
        taken, trouble = self._handed_over(mine) if mine else (set(), None)
        sent = [Move(run, attempt) for run, _, attempt in mine if run.run_id in taken]
        moved = self._store.outbox.move(sent, "sent")
        if trouble is not None:
            self._store.outbox.let_go({run_id: held[run_id] for run_id in held.keys() - taken})
            raise trouble
        return sum(moved)

    def probe(self) -> None:
        """See whether the broker answers. Raises BrokerUnreachable."""
        with self._told():
            self._opened()

    def queue_lengths(self, queues: Sequence[str]) -> dict[str, int]:
        """How many messages wait in each queue, none where it is not there. Raises BrokerUnreachable."""
        with self._told():
            self._opened()
            return {queue: self._length(queue) for queue in queues}

    def problem_with(self, refusal: Refusal) -> str | None:
        """What keeps a refused message from being sent again; None where nothing does."""
        if not refusal.queue:
            return "nobody knows which queue it came from"
        return envelope_problem(refusal.item)

    def send_again(self, refusal: Refusal) -> None:
        """Put a refused message back into its queue. Raises BrokerUnreachable."""
        with self._told():
            confirms = self._opened()
            message = opened(refusal.item)
            name = str((message.headers or {}).get("id", refusal.id))
            self._send(message, str(refusal.queue), correlation_id=name, delivery_mode=2)
            confirms.wait(PUBLISH_TIMEOUT_S)

    def _handed_over(self, due: Sequence[tuple[Run, str, int]]) -> tuple[set[str], BrokerUnreachable | None]:
        """The ids of those that the broker keeps now, and its trouble, if it has one."""
        taken: set[str] = set()
        try:
            with self._told():
                confirms = self._opened()
                try:
                    for run, call_json, attempt in due:
                        self._ring(run, call_json, attempt)
                    confirms.wait(PUBLISH_TIMEOUT_S)
                finally:
                    taken = confirms.confirmed()
        except BrokerUnreachable as error:
            return taken, error
        return taken, None

    @contextmanager
    def _told(self) -> Iterator[None]:
        """The broker's troubles, in our words."""
        try:
            yield
        except self._troubles() as error:
            self.close()
            raise broker_trouble(error, server_name(str(self._celery.conf.broker_url))) from error

    def _troubles(self) -> tuple[type[BaseException], ...]:
        from kombu.exceptions import OperationalError

        own = (
            ()
            if self._connection is None
            else (*self._connection.connection_errors, *self._connection.channel_errors)
        )
        return (OperationalError, OSError, *own)

    def _length(self, queue: str) -> int:
        channel = self._connection.channel()  # one of its own: that a queue is not there closes it
        try:
            return int(channel.queue_declare(queue, passive=True).message_count)
        except self._connection.channel_errors as error:
            if str(getattr(error, "reply_code", "")) != NOT_FOUND:
                raise
            return 0
        finally:
            channel.close()

    def _ring(self, run: Run, call_json: str, attempt: int) -> None:
        call = Call.from_json(json.loads(call_json))
        message = Taken(headers(call, _bell(run, attempt)), body(call), CONTENT_TYPE, CONTENT_ENCODING)
        self._send(message, call.queue, priority=call.priority, **properties(run.run_id))

    def _send(self, message: Taken, queue: str, *, correlation_id: str, **of_message: Any) -> None:
        if queue not in self._declared:
            self._celery.amqp.queues[queue](self._producer.channel).declare()
            self._declared.add(queue)
        self._producer.publish(
            message.body,
            exchange="",
            routing_key=queue,
            headers=message.headers,
            content_type=message.content_type,
            content_encoding=message.content_encoding,
            correlation_id=correlation_id,
            mandatory=True,
            retry=False,
            timeout=PUBLISH_TIMEOUT_S,
            **of_message,
        )
        if self._confirms is not None:
            self._confirms.sent(correlation_id)

    def _opened(self) -> Confirms:
        """The confirms of a new batch, on a connection that is open."""
        from kombu.messaging import Producer

        if self._confirms is None:
            self._connection = self._celery.connection_for_write(
                connect_timeout=CONNECT_TIMEOUT_S,
                transport_options={"confirm_publish": False, "max_retries": 0},
            )
            channel = self._connection.default_channel
            make: Any = Producer  # Celery's world has no types
            self._producer = make(channel)
            self._confirms = Confirms(channel)
        self._confirms.begin()
        return self._confirms

    def close(self) -> None:
        """Let the connection go; the next `publish` opens another."""
        if self._connection is not None:
            self._connection.collect()
        self._connection = self._producer = self._confirms = None
        self._declared.clear()


Publisher = StorePublisher | BrokerPublisher


def open_publisher(settings: Settings, store: Store) -> Publisher:
    """How this deployment's messages reach its broker. Connects to nothing yet."""
    if same_server(settings):
        return StorePublisher(store)
    from scheduler.celery_app import app

    return BrokerPublisher(store, app)


def same_server(settings: Settings) -> bool:
    """True where the broker is the store's own server and database, so that a decision can push its messages."""
    if settings.broker_url is None:
        return True
    redis_url = with_server(settings).redis_url
    return redis_url is not None and settings.broker_url.get_secret_value() == redis_url.get_secret_value()


def _bell(run: Run, attempt: int) -> Doorbell:
    return Doorbell(
        run_id=run.run_id,
        entry=run.entry,
        scheduled_at=run.scheduled_at,
        attempt=attempt,
        trigger=run.trigger,
    )
