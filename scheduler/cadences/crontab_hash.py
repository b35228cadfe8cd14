"""`H` in a crontab: a number that an entry's name stands for, so that entries spread by themselves.

The number is the same on every machine, in every version, for ever: it is taken from the SHA-256 of the name and the
field. docs/reference/schedules.md says how, so that anybody can work it out.
"""

import re
from hashlib import sha256
from typing import Final

# H, H/15, H(0-29), H(0-29)/10; matched against capitals.
HASH: Final = re.compile(r"H(?:\((?P<low>[^()-]*)-(?P<high>[^()-]*)\))?(?:/(?P<step>.*))?")

_BYTES: Final = 8


def hashed(name: str, field: str, size: int) -> int:
    """A number from 0 up to `size` (without it): the first eight bytes of SHA-256 of "NAME FIELD", modulo `size`."""
    digest = sha256(f"{name} {field}".encode()).digest()
    return int.from_bytes(digest[:_BYTES]) % size


def hashed_numbers(name: str, field: str, low: int, high: int, step: int | None) -> range:
    """What `H(low-high)/step` stands for: one number, or with a step all of them from a hashed first one on."""
    size = high - low + 1
    if step is None:
        number = low + hashed(name, field, size)
        return range(number, number + 1)
    return range(low + hashed(name, field, min(step, size)), high + 1, step)
