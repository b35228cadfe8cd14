"""What a worker has taken from a queue: messages that name a run are in its memory only, others in the server too."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from kombu.connection import Connection
from kombu.entity import Queue
from kombu.messaging import Consumer, Producer

from scheduler import redis_transport
from scheduler.publisher import StorePublisher
from scheduler.run import Call
from scheduler.store import Keys, Store, connect
from tests.support.valkey import ValkeyServer

# kombu has no types.
_Connection: Any = Connection
_Queue: Any = Queue
_Consumer: Any = Consumer
_Producer: Any = Producer


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    return Store(connect(valkey.url), Keys())


@pytest.fixture
def connection(valkey: ValkeyServer) -> Iterator[Any]:
    redis_transport.install()
    with _Connection(valkey.url) as connection:
        yield connection


def ring(store: Store, run_id: str) -> None:
    store.runs.create(
        run_id, Call(job="jobs.work"), entry="e", trigger="manual", scheduled_at=store.presence.now()
    )
    StorePublisher(store).publish([(run, text, 1) for run, text in store.runs.calls([run_id]).values()])


def taken(connection: Any, channel: Any) -> Any:
    """The next message of the queue, by a consumer that acknowledges nothing by itself."""
    messages: list[Any] = []
    with _Consumer(channel, [_Queue("default")], callbacks=[lambda _, message: messages.append(message)]):
        connection.drain_events(timeout=2)
    return messages[0]


def waiting(store: Store) -> list[str]:
    items = store.client.lrange("default", 0, -1)
    return [json.loads(item)["headers"]["id"] for item in reversed(items)]


def test_a_message_that_names_a_run_costs_no_command_beside_its_taking(store: Store, connection: Any) -> None:
    ring(store, "one")
    message = taken(connection, connection.channel())
    assert message.headers["id"] == "one"
    assert not store.client.exists("unacked", "unacked_index")
    message.ack()
    assert waiting(store) == []


def test_one_that_is_refused_comes_again_behind_the_others(store: Store, connection: Any) -> None:
    for run_id in ("one", "two"):
        ring(store, run_id)
    taken(connection, connection.channel()).reject(requeue=True)
    assert waiting(store) == ["two", "one"]
    taken(connection, connection.channel()).reject()
    assert waiting(store) == ["one"]


def test_what_is_not_acknowledged_is_put_back_at_the_end_and_nothing_else(
    store: Store, connection: Any
) -> None:
    for run_id in ("done", "open"):
        ring(store, run_id)
    channel = connection.channel()
    taken(connection, channel).ack()
    taken(connection, channel)
    channel.qos.restore_unacked()
    assert waiting(store) == ["open"]


def test_a_task_of_an_application_is_kept_in_the_server_until_it_is_acknowledged(
    store: Store, connection: Any
) -> None:
    """By `acks_late` it is acknowledged when it has ended: it must outlive the worker."""
    channel = connection.channel()
    _Producer(channel).publish(
        [], routing_key="default", declare=[_Queue("default")], headers={"id": "theirs"}
    )
    message = taken(connection, channel)
    assert store.client.hlen("unacked") == 1
    message.ack()
    assert not store.client.exists("unacked", "unacked_index")
