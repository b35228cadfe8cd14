"""When a failed attempt is followed by another, and after how long."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal, Self, cast

from scheduler.durations import format_duration, parse_duration
from scheduler.quoting import quoted
from scheduler.suggestion import did_you_mean

Backoff = Literal["exponential", "fixed", "linear"]
BACKOFFS: Final[tuple[Backoff, ...]] = ("exponential", "fixed", "linear")
MOST_ATTEMPTS: Final = 1_000
RETRY_KEYS: Final = ("max_attempts", "backoff", "initial", "max", "jitter", "on", "give_up_on", "on_lost")

_FIELD_OF_KEY: Final = {"max": "maximum"}
_DOTTED_NAME: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How many attempts a run has, for which errors, and the wait before each.

    `on` and `give_up_on` name exceptions, bare ("ConnectionError") or dotted ("httpx.ConnectError"), and hold
    for their subclasses too. An empty `on` means any error. `on_lost` says whether a lost worker is retried.
    """

    max_attempts: int = 1
    backoff: Backoff = "exponential"
    initial: timedelta = timedelta(seconds=10)
    maximum: timedelta = timedelta(minutes=10)
    jitter: float = 0.1
    on: tuple[str, ...] = ()
    give_up_on: tuple[str, ...] = ()
    on_lost: bool = True

    def delay(self, attempt: int, chance: float) -> timedelta:
        """The wait after `attempt` (from 1) failed; `chance`, from 0 up to 1, places it within the jitter.

        The jitter only shortens the wait, by up to that share: so `max` is never exceeded, and retries that
        wait for `max` are spread as well.
        """
        if not self.initial:
            return self.initial
        if self.backoff == "fixed":
            growth = 1
        elif self.backoff == "linear":
            growth = attempt
        else:
            growth = 2 ** (attempt - 1)
        # No more growth than reaches `max`: 2**900 would not fit into a timedelta.
        wait = self.initial * min(growth, self.maximum // self.initial + 1)
        return min(wait, self.maximum) * (1 - self.jitter * chance)

    def allows(self, attempt: int, error_names: Sequence[str]) -> bool:
        """Whether another attempt follows after `attempt` (from 1) failed.

        `error_names` are the names, dotted and bare, of the exception's classes, the most special first.
        Where both lists name one of them the more special name decides, so that one can retry on OSError and
        give up on FileNotFoundError, or the other way round; at a draw it gives up.
        """
        if attempt >= self.max_attempts:
            return False
        ranks = {name: rank for rank, name in reversed(list(enumerate(error_names)))}
        least_special = len(error_names)
        retried = min((ranks[name] for name in self.on if name in ranks), default=None)
        if retried is None:
            if self.on:
                return False
            retried = least_special
        given_up = min((ranks[name] for name in self.give_up_on if name in ranks), default=least_special + 1)
        return retried < given_up

    def to_json(self) -> dict[str, Any]:
        """This policy under the keys of the `retry` table, durations in seconds, defaults left out."""
        document: dict[str, Any] = {}
        for key in RETRY_KEYS:
            field = _FIELD_OF_KEY.get(key, key)
            if (value := getattr(self, field)) != _DEFAULTS[field]:
                document[key] = _plain(value)
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The policy that a `retry` table, `@job(retry={…})` or `to_json` says.

        Raises ValueError, naming the key, for an unknown key or a value that doesn't fit.
        """
        values = {}
        for key, value in document.items():
            try:
                values[key] = retry_value(key, value)
            except ValueError as problem:
                raise ValueError(f"retry: {problem}") from None
        policy = cls(**retry_fields(values))
        if problem_text := retry_problem(policy):
            raise ValueError(f"retry: {problem_text}")
        return policy


_DEFAULTS: Final = {name: getattr(RetryPolicy(), name) for name in RetryPolicy.__slots__}


def retry_value(key: str, value: object) -> Any:
    """The value of one key of a `retry` table, checked. Raises ValueError; its message names the key."""
    if key not in _CHECKS:
        raise ValueError(f"unknown key {key!r}{did_you_mean(key, RETRY_KEYS)}")
    try:
        return _CHECKS[key](value)
    except ValueError as problem:
        raise ValueError(f"{key}: {problem}") from None


def retry_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """Checked values of a `retry` table under the names of RetryPolicy's fields."""
    return {_FIELD_OF_KEY.get(key, key): value for key, value in values.items()}


def retry_problem(policy: RetryPolicy) -> str | None:
    """What is wrong with values that are well each by itself, or None."""
    if policy.initial > policy.maximum:
        longest, first = format_duration(policy.maximum), format_duration(policy.initial)
        return f"initial is {first} and max is {longest}; the first wait can't be longer than the longest"
    return None


def error_names(error: BaseException) -> tuple[str, ...]:
    """What `on` and `give_up_on` may call this error: dotted and bare names, the most special class first."""
    names: list[str] = []
    for kind in type(error).__mro__:
        if kind is object:
            continue
        names += (f"{kind.__module__}.{kind.__qualname__}", kind.__qualname__)
    return tuple(dict.fromkeys(names))


def _attempts(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{quoted(value)} is not a whole number")
    if value < 1:
        raise ValueError(f"{value} attempts would never run; 1 means no retry")
    if value > MOST_ATTEMPTS:
        raise ValueError(f"{value} is more than {MOST_ATTEMPTS}, the most")
    return value


def _backoff(value: object) -> Backoff:
    if value not in BACKOFFS:
        hint = did_you_mean(value, BACKOFFS) if isinstance(value, str) else ""
        raise ValueError(f"{quoted(value)} is not one of {', '.join(BACKOFFS)}{hint}")
    return value


def _wait(value: object) -> timedelta:
    return value if isinstance(value, timedelta) else parse_duration(cast("str | float", value))


def _share(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ValueError(f"{quoted(value)} is not a number from 0 to 1; it is a share of the wait")
    return float(value)


def _errors(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        raise ValueError(f'{quoted(value)} is not a list; write ["{value}"]')
    if not isinstance(value, (list, tuple)):
        raise ValueError(f'{quoted(value)} is not a list of exceptions, such as ["ConnectionError"]')
    return tuple(_error(item) for item in value)


def _error(item: object) -> str:
    if isinstance(item, type) and issubclass(item, BaseException):
        return (
            item.__qualname__ if item.__module__ == "builtins" else f"{item.__module__}.{item.__qualname__}"
        )
    if isinstance(item, str) and _DOTTED_NAME.fullmatch(item):
        return item
    raise ValueError(f'{quoted(item)} is not the name of an exception, such as "httpx.HTTPError"')


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{quoted(value)} is not true or false")
    return value


_CHECKS: Final[dict[str, Callable[[object], Any]]] = {
    "max_attempts": _attempts,
    "backoff": _backoff,
    "initial": _wait,
    "max": _wait,
    "jitter": _share,
    "on": _errors,
    "give_up_on": _errors,
    "on_lost": _switch,
}


def _plain(value: object) -> object:
    if isinstance(value, timedelta):
        return value.total_seconds()
    return list(value) if isinstance(value, tuple) else value
