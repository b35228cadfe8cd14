"""Queues that a broker has already, made in another way than Onbeat would: they are used as they are.

RabbitMQ refuses to declare a queue that exists with other arguments, and closes the channel that asked. To Celery that
is the end of a worker; but such a queue carries messages as well as another, and often it was there before Onbeat.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from amqp.exceptions import PreconditionFailed
from celery.app import amqp
from kombu.entity import Queue

from scheduler.log_setup import emit

QUEUE_TYPE: Final = "x-queue-type"
HINT: Final = "leave it so; or delete it: it is made anew, and what waited in it is sent again"
_PRIORITY: Final = "x-max-priority"
_ATTRIBUTES: Final = ("durable", "auto_delete", "exclusive")
_MOST_ASKED: Final = 10
_OTHER: Final = re.compile(r"inequivalent arg '([\w-]+)' for queue .*: received (.+) but current is (.+)")
_UNKNOWN: Final = re.compile(r"invalid arg '([\w-]+)' for queue .* of queue type rabbit_(\w+)_queue")
_NO_GLOBAL_QOS: Final = re.compile(r"queue '(.+)' in vhost '.*' does not support global qos")
_VALUE: Final = re.compile(r"(?:the value )?'(.*?)'(?: of type '(\w+)')?")

Value = str | int | bool | None


@dataclass(frozen=True, slots=True)
class Difference:
    """An argument of a queue that is not as Onbeat would set it. None: it is not set."""

    name: str
    found: Value
    wanted: Value

    def words(self) -> str:
        """What is there, and what would be."""
        found = "not set" if self.found is None else _written(self.found)
        return (
            f"{self.name} is {found} (Onbeat sets {'none' if self.wanted is None else _written(self.wanted)})"
        )

    def effect(self) -> str | None:
        """What that means for the messages; None where it is nothing that Onbeat knows of."""
        if self.name == _PRIORITY:
            known = isinstance(self.found, int)
            return (
                f"priorities above {self.found} count as {self.found}" if known else "priorities are not kept"
            )
        if self.name == QUEUE_TYPE and self.found == "quorum":
            return "priorities are not kept"
        if self.name == "durable":
            return "its messages are lost when RabbitMQ restarts, and sent again half a minute later"
        return None


def differences_in(reply: str, asked: Mapping[str, Value]) -> list[Difference]:
    """What RabbitMQ names in its refusal: the first difference that it came upon; nothing where it names none.

    `asked`: the arguments that it refused. A virtual host may make quorum queues of all, which know fewer arguments.
    """
    if found := _OTHER.search(reply):
        return [Difference(found[1], _value(found[3]), _value(found[2]))]
    if found := _UNKNOWN.search(reply):
        return [Difference(found[1], None, asked.get(found[1])), Difference(QUEUE_TYPE, found[2], None)]
    return []


def differences_of(queue: Any, channel: Any) -> list[Difference]:
    """In what the broker's queue differs from `queue`, each argument by itself. One that is not there is made.

    RabbitMQ names one difference at a time and closes the channel with it, so each question has one of its own. Raises
    PreconditionFailed where it does not say what differs.
    """
    asked, found = queue(channel), dict[str, Difference]()
    for _ in range(_MOST_ASKED):
        aside = channel.connection.channel()
        try:
            Queue.queue_declare(asked, channel=aside)  # type: ignore[no-untyped-call]  # kombu has no types
        except PreconditionFailed as error:
            differences = differences_in(str(error), asked.queue_arguments or {})
            new = {each.name: each for each in differences if each.name not in found}
            if not new and not found:
                raise
            if not new:
                break
            found |= new
            _make_as_found(asked, new)
        else:
            aside.close()
            break
    return list(found.values())


def found_to_be_quorum(queues: Mapping[str, Any], error: BaseException) -> bool:
    """Whether `error` says that one of `queues` is a quorum queue, which nobody knew; it is asked as one then.

    Where a virtual host makes quorum queues of all, only the refusal to be asked as others are says so.
    """
    found = _NO_GLOBAL_QOS.search(str(error))
    if found is None or queues[found[1]].is_quorum:
        return False
    queues[found[1]].note([Difference(QUEUE_TYPE, "quorum", None)])
    queues[found[1]].queue_arguments = {QUEUE_TYPE: "quorum"}
    return True


def summary(differences: list[Difference]) -> str:
    """What is different, and what that means."""
    effects = [effect for each in differences if (effect := each.effect())]
    return "; ".join(dict.fromkeys([", ".join(each.words() for each in differences), *effects]))


def _make_as_found(queue: Any, differences: Mapping[str, Difference]) -> None:
    arguments = {
        name: value for name, value in (queue.queue_arguments or {}).items() if name not in differences
    }
    for name, each in differences.items():
        if name in _ATTRIBUTES:
            setattr(queue, name, each.found)
        elif each.found is not None:
            arguments[name] = each.found
    queue.queue_arguments = arguments


def _value(text: str) -> Value:
    """A value as RabbitMQ writes it: `none`, `'true'`, or `the value '9' of type 'signedint'`."""
    found = _VALUE.fullmatch(text.strip())
    if found is None:
        return None
    value, kind = found[1], found[2]
    if value in {"true", "false"} and kind != "longstr":
        return value == "true"
    return int(value) if kind != "longstr" and value.lstrip("-").isdecimal() else value


def _written(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class AnyQueue(Queue):
    """A queue that is used as it is, where the broker has it already in another form. Each process says so once."""

    known: ClassVar[dict[str, list[Difference]]] = {}

    @property
    def is_quorum(self) -> bool:
        """Whether it was found to be a quorum queue."""
        return any(
            each.name == QUEUE_TYPE and each.found == "quorum" for each in self.known.get(self.name, ())
        )

    def queue_declare(self, nowait: bool = False, passive: bool = False, channel: Any = None) -> Any:  # noqa: FBT001, FBT002 - kombu's signature
        """Declare it, or find it."""
        channel = channel or self.channel
        if not passive and hasattr(channel, "confirm_select") and channel.connection is not None:
            differences = differences_of(self, channel)
            passive = bool(differences)
            self.note(differences)
        return super().queue_declare(nowait, passive, channel)  # type: ignore[no-untyped-call]  # as above

    def note(self, differences: list[Difference]) -> None:
        """The broker's queue differs so. Each process says it once."""
        if differences and self.name not in self.known:
            self.known[self.name] = differences
            reason = f"RabbitMQ has it in another form, and it is used as it is: {summary(differences)}"
            emit("queue.differs", queue=self.name, reason=reason, hint=HINT)


class Queues(amqp.Queues):  # type: ignore[misc]  # Celery has no types
    """Celery's collection of queues, each of which may be there already."""

    def _add(self, queue: Any) -> Any:
        make: Any = AnyQueue  # kombu has no types
        return super()._add(queue if isinstance(queue, AnyQueue) else make(**queue.as_dict()))


class AMQP(amqp.AMQP):  # type: ignore[misc]  # as above
    """What Celery asks for its queues."""

    queues_cls = Queues
