"""What must not be shown: values under names such as `password`, and known secret values wherever they stand. Pure."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote

MASK: Final = "***"
SHORTEST: Final = 4  # a shorter value is part of too many innocent texts

_NAME: Final = re.compile(
    r"passw(?:or)?d|passphrase|secret|token|credential|authorization|api[-_. ]?key|private[-_. ]?key"
    r"|access[-_. ]?key|signing[-_. ]?key|encryption[-_. ]?key|(?:^|[-_. ])(?:dsn|pwd|cookie|auth)$",
    re.IGNORECASE,
)
_DEEPEST: Final = 32


@lru_cache(maxsize=8_192)
def is_secret_name(name: str) -> bool:
    """True for a name whose value is for nobody's eyes: `db_password`, `API_KEY`, `Authorization`, `token`."""
    return _NAME.search(name) is not None


@lru_cache(maxsize=1_024)
def finder(values: frozenset[str]) -> re.Pattern[str] | None:
    """What finds these values in a text, also in the form that they have in a URL; None where there are none."""
    written = {form for value in values if len(value) >= SHORTEST for form in (value, quote(value, safe=""))}
    if not written:
        return None
    return re.compile("|".join(map(re.escape, sorted(written, key=len, reverse=True))))


def hidden(value: Any, values: Iterable[str] = ()) -> Any:
    """JSON values with all secrets replaced by `***`: by the names of objects' members, and by `values` in any text."""
    return _hidden(value, finder(frozenset(values)), 0)


def _hidden(value: Any, found: re.Pattern[str] | None, depth: int) -> Any:
    if isinstance(value, str):
        return value if found is None else found.sub(MASK, value)
    if depth >= _DEEPEST:
        return value
    if isinstance(value, Mapping):
        return {
            name: mask_of(item)
            if isinstance(name, str) and is_secret_name(name)
            else _hidden(item, found, depth + 1)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_hidden(item, found, depth + 1) for item in value]
    return value


def mask_of(value: Any) -> Any:
    """What stands for the value of a secret name. A number or a switch counts or says something: `tokens = 12`."""
    return value if value is None or value == "" or isinstance(value, bool | int | float) else MASK
