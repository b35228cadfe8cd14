"""What RabbitMQ says of a queue that is there already, in words. The replies are those of RabbitMQ 3.10."""

from typing import Any

import pytest
from amqp.exceptions import AMQPNotImplementedError

from scheduler.celery_queues import AnyQueue, Difference, differences_in, found_to_be_quorum, summary

ASKED = {"x-max-priority": 9}


def reply(text: str, queue: str = "reports") -> str:
    argument, _, rest = text.partition(":")
    where = f"for queue '{queue}' in vhost '/'"
    return f"Queue.declare: (406) PRECONDITION_FAILED - inequivalent arg {argument} {where}:{rest}"


@pytest.mark.parametrize(
    ("text", "difference", "words"),
    [
        (
            "'x-max-priority': received the value '9' of type 'signedint' but current is none",
            Difference("x-max-priority", None, 9),
            "x-max-priority is not set (Onbeat sets 9); priorities are not kept",
        ),
        (
            "'x-max-priority': received '9' but current is '5'",
            Difference("x-max-priority", 5, 9),
            "x-max-priority is 5 (Onbeat sets 9); priorities above 5 count as 5",
        ),
        (
            "'durable': received 'true' but current is 'false'",
            Difference("durable", found=False, wanted=True),
            (
                "durable is false (Onbeat sets true); its messages are lost when RabbitMQ restarts, "
                "and sent again half a minute later"
            ),
        ),
        (
            "'x-queue-type': received none but current is the value 'quorum' of type 'longstr'",
            Difference("x-queue-type", "quorum", None),
            "x-queue-type is quorum (Onbeat sets none); priorities are not kept",
        ),
        (
            "'x-message-ttl': received none but current is the value '60000' of type 'signedint'",
            Difference("x-message-ttl", 60_000, None),
            "x-message-ttl is 60000 (Onbeat sets none)",
        ),
    ],
)
def test_a_refusal_names_what_differs_and_what_it_means(
    text: str, difference: Difference, words: str
) -> None:
    (found,) = differences_in(reply(text), ASKED)
    assert found == difference
    assert summary([found]) == words


def test_a_name_that_looks_like_a_reply_confuses_nobody() -> None:
    text = "'durable': received 'true' but current is 'false'"
    (found,) = differences_in(reply(text, queue="it's received 'x' but current is 'y'"), ASKED)
    assert found == Difference("durable", found=False, wanted=True)


def test_a_virtual_host_that_makes_quorum_queues_takes_no_priorities() -> None:
    where = "for queue 'q' in vhost 'v' of queue type rabbit_quorum_queue"
    found = differences_in(f"PRECONDITION_FAILED - invalid arg 'x-max-priority' {where}", ASKED)
    assert found == [Difference("x-max-priority", None, 9), Difference("x-queue-type", "quorum", None)]
    assert summary(found).endswith("x-queue-type is quorum (Onbeat sets none); priorities are not kept")


def test_other_words_name_no_difference() -> None:
    assert differences_in("PRECONDITION_FAILED - unknown delivery tag 1", ASKED) == []


def test_a_quorum_queue_that_shows_only_when_it_is_read_is_read_as_one() -> None:
    queue: Any = AnyQueue("from-the-host", queue_arguments=ASKED)  # type: ignore[no-untyped-call]  # kombu has no types
    text = "NOT_IMPLEMENTED - queue 'from-the-host' in vhost 'v' does not support global qos"
    refusal = AMQPNotImplementedError(text, (60, 20), "Basic.consume")
    assert not found_to_be_quorum({queue.name: queue}, ConnectionResetError("reset"))
    assert found_to_be_quorum({queue.name: queue}, refusal)
    assert queue.queue_arguments == {"x-queue-type": "quorum"}
    assert not found_to_be_quorum({queue.name: queue}, refusal), "it is asked once more, not for ever"
