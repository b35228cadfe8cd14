"""What a setting's text becomes, and what is said of one that can't be used.

Each of these takes a setting's raw value and gives what Settings keeps, or raises ValueError with a message
that shows the value, the passwords of URLs masked.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from scheduler.durations import parse_duration
from scheduler.entry_values import NAME
from scheduler.server_tls import TLS_SCHEMES, tls_problem
from scheduler.server_url import SecretUrl, broker_url_problem, masked_url, redis_url_problem
from scheduler.suggestion import did_you_mean

MAX_PORT: Final = 65_535
POOLS: Final = ("prefork", "threads", "solo")
MAX_CHILDREN: Final = 10_000
LEAST_MEMORY_KIB: Final = 16 * 1024
PAIR: Final = 2
_MEMORY: Final = re.compile(r"(\d+(?:\.\d+)?) ?([MG])(?:i?B)?", re.IGNORECASE)
_KIB_IN: Final = {"M": 1024, "G": 1024**2}
_GLOB_CHARACTERS: Final = frozenset("*?[]\\")


def text_of(value: object) -> str:
    return value.strip() if isinstance(value, str) else str(value)


def shown(value: object) -> str:
    return repr(masked_url(text_of(value)))


def reject(value: object, problem: str) -> ValueError:
    return ValueError(f"{shown(value)} {problem}")


class WholeNumber:
    def __init__(self, minimum: int, maximum: int | None = None) -> None:
        self.minimum = minimum
        self.maximum = maximum

    def __call__(self, value: object) -> int:
        text = text_of(value)
        try:
            number = int(text, 10)
        except ValueError:
            raise reject(value, "is not a whole number") from None
        if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
            raise reject(value, "is not a whole number")
        if number < self.minimum:
            raise reject(value, f"is too small; the least is {self.minimum}")
        if self.maximum is not None and number > self.maximum:
            raise reject(value, f"is too large; the most is {self.maximum}")
        return number


class OneOf:
    def __init__(self, *choices: str) -> None:
        self.choices = choices

    def __call__(self, value: object) -> str:
        text = text_of(value).lower()
        if text in self.choices:
            return text
        raise reject(value, f"is not one of {', '.join(self.choices)}{did_you_mean(text, self.choices)}")


def names(value: object) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple)) or not all(isinstance(part, str) for part in parts):
        raise reject(value, "is not a list of names separated by commas")
    names = tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))
    for name in names:
        if any(character.isspace() for character in name):
            raise reject(name, "has a space in it; separate names by commas")
    return names


def modules(value: object) -> tuple[str, ...]:
    dotted = names(value)
    if not dotted:
        raise reject(value, "names no module; write them as in `jobs,reports.jobs`")
    for name in dotted:
        if not all(part.isidentifier() for part in name.split(".")):
            raise reject(name, "is not the dotted name of a module")
    return dotted


def duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, (str, int, float)) or isinstance(value, bool):
        raise reject(value, 'is not a duration; write "90s" or "1h30m"')
    return parse_duration(value)


def pool_range(value: object) -> tuple[int, int]:
    """Celery's form, the most first: `8,2`."""
    parts = text_of(value).split(",") if not isinstance(value, (list, tuple)) else list(value)
    if len(parts) != PAIR:
        raise reject(value, "is not the most and the fewest children; write them as in `8,2`")
    most, fewest = (WholeNumber(1, MAX_CHILDREN)(part) for part in parts)
    if fewest > most:
        raise reject(value, "has the fewest children first; write the most first, as in `8,2`")
    return most, fewest


def memory_kib(value: object) -> int:
    """An amount of memory, in KiB; a number alone is the number of KiB that this gave."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    found = _MEMORY.fullmatch(text_of(value))
    kib = 0 if found is None else round(float(found[1]) * _KIB_IN[found[2].upper()])
    if kib < LEAST_MEMORY_KIB:
        problem = "is less than a child needs; the least is 16MB" if found else "is not an amount of memory"
        raise reject(value, problem if found else f'{problem}; write "200MB" or "1.5GB"')
    return kib


def redis_url(value: object) -> SecretUrl:
    return _checked_url(value, redis_url_problem)


def broker_url(value: object) -> SecretUrl:
    return _checked_url(value, broker_url_problem)


def any_url(value: object) -> SecretUrl:
    return _checked_url(value, _any_url_problem)


def _any_url_problem(url: str) -> str | None:
    if "://" not in url:
        return "is not a URL"
    return tls_problem(url) if urlsplit(url).scheme in TLS_SCHEMES else None


def _checked_url(value: object, problem_of: Callable[[str], str | None]) -> SecretUrl:
    url = value.get_secret_value() if isinstance(value, SecretUrl) else text_of(value)
    if problem := problem_of(url):
        raise reject(url, problem)
    return SecretUrl(url)


def environment(value: object) -> str:
    name = text_of(value)
    if not NAME.fullmatch(name):
        raise reject(value, "can't name an environment; use letters, digits and _ . -")
    return name


def key_prefix(value: object) -> str:
    text = text_of(value)
    if any(
        character.isspace() or character in _GLOB_CHARACTERS or not character.isprintable()
        for character in text
    ):
        raise reject(value, "can't stand before a key; leave out spaces and any of * ? [ ] \\")
    return text
