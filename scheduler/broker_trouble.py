"""What a broker's refusal or silence means, in words, and what to do about it."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from scheduler.confirms import NotConfirmed
from scheduler.errors import Unreachable
from scheduler.store.connection import in_words

# AMQP's reply codes: https://www.rabbitmq.com/amqp-0-9-1-reference#constants
_HINTS: Final[Mapping[int, tuple[str, str]]] = MappingProxyType(
    {
        403: ("refuses us", "check user and password in {setting}, and the user's permissions there"),
        405: ("lends a queue to one client only", "name another queue, or end the program that has it"),
        406: ("has something of that name in another form", "delete it there: it is made anew"),
        530: (
            "refuses us",
            "create that virtual host, or give the user access to it; {setting} ends with its name",
        ),
    }
)


class BrokerUnreachable(Unreachable):
    """The broker, which is not the store's server, does not take messages. They wait in the outbox."""


def broker_trouble(error: BaseException, address: str) -> BrokerUnreachable:
    """What `error`, of kombu or of the client beneath it, says of the broker at `address`."""
    text, hint = trouble_of(error, address, "ONBEAT_BROKER_URL")
    return BrokerUnreachable(f"the broker at {text}", hint=hint)


def trouble_of(error: BaseException, address: str, setting: str) -> tuple[str, str | None]:
    """What is wrong, beginning with the address, and what to do; `setting` is the one that names the server.

    Kombu wraps what happened: the first error within it that means something is what counts.
    """
    within = list(_errors_within(error))
    for each in within:
        if (found := _meant(each, address, setting)) is not None:
            return found
    return f"{address} can't be reached: {within[-1]}", "is it running there?"


def _errors_within(error: BaseException) -> Iterator[BaseException]:
    inner: BaseException | None = error
    while inner is not None:
        yield inner
        inner = inner.__cause__


def _meant(error: BaseException, address: str, setting: str) -> tuple[str, str | None] | None:
    code = getattr(error, "reply_code", 0)
    if code in _HINTS:
        what, hint = _HINTS[code]
        text = str(getattr(error, "reply_text", "") or error)
        return f"{address} {what}: {text.partition(' - ')[2] or text}", hint.format(setting=setting)
    if (known := in_words(error, address)) is not None:
        return str(known), known.hint and known.hint.replace("ONBEAT_REDIS_URL", setting)
    if isinstance(error, NotConfirmed):
        return f"{address} refuses messages: {error}", "is a queue full?"
    if isinstance(error, TimeoutError):
        return f"{address} does not answer in time", "is it overloaded, or cut off?"
    if isinstance(error, OSError) and error.strerror:
        return f"{address} can't be reached: {error.strerror.lower()}", "is it running there?"
    return None
