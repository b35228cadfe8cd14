"""What a broker's refusal or silence means, in words. RabbitMQ's replies are those of 3.10."""

import errno
import os

import pytest
from amqp.exceptions import AccessRefused, ConnectionForced, NotAllowed, PreconditionFailed
from kombu.exceptions import OperationalError

from scheduler.broker_trouble import broker_trouble, trouble_of
from scheduler.confirms import NotConfirmed
from scheduler.store.connection import in_words

REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
LOGIN = AccessRefused(
    "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN.", (10, 40), "403"
)
VHOST = NotAllowed("NOT_ALLOWED - vhost staging not found", (10, 40), "Connection.open")
EXCHANGE = PreconditionFailed("PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'q'", (40, 10), "")


def wrapped(error: Exception) -> OperationalError:
    """As kombu raises it."""
    found = OperationalError(str(error))
    found.__cause__ = error
    return found


@pytest.mark.parametrize(
    ("error", "words", "hint"),
    [
        (REFUSED, "can't be reached: connection refused", "is it running there?"),
        (
            LOGIN,
            "refuses us: Login was refused using authentication",
            "check user and password in ONBEAT_BROKER_URL",
        ),
        (VHOST, "refuses us: vhost staging not found", "create that virtual host"),
        (EXCHANGE, "has something of that name in another form: inequivalent arg 'type'", "delete it there"),
        (TimeoutError("timed out"), "does not answer in time", "cut off?"),
        (NotConfirmed("2 messages were not taken"), "refuses messages: 2 messages", "is a queue full?"),
        (
            ConnectionForced("Too many heartbeats missed"),
            "can't be reached: Too many heartbeats",
            "running there?",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_trouble_has_its_words_and_what_to_do(error: Exception, words: str, hint: str) -> None:
    for each in (error, wrapped(error)):
        found = broker_trouble(each, "mq:5672")
        assert str(found).startswith(f"the broker at mq:5672 {words}")
        assert hint in (found.hint or "")


def test_a_redis_is_named_by_the_setting_that_it_stands_in() -> None:
    from redis.exceptions import AuthenticationError

    error = AuthenticationError("invalid username-password pair or user is disabled.")
    assert in_words(error, "r:6379") is not None
    text, hint = trouble_of(wrapped(error), "r:6379", "ONBEAT_BROKER_URL")
    assert text == "r:6379 refuses us: wrong user or password"
    assert hint == "check the user and the password in ONBEAT_BROKER_URL"
