"""The lints by name: what is right in a schedules.toml, and probably not meant. A name never changes. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Level = Literal["warning", "notice"]

UNUSED: Final = "unused-allowance"

# A warning is always shown, a notice with --strict only. docs/reference/lints.md explains each.
LINTS: Final[Mapping[str, Level]] = {
    "never-fires": "warning",
    "unknown-holidays": "warning",
    "both-days": "warning",
    "missing-days": "warning",
    "uneven-step": "warning",
    "step-too-large": "warning",
    "every-minute": "warning",
    "every-second": "warning",
    "dst-without-effect": "warning",
    "many-at-once": "warning",
    "lonely-group": "warning",
    "catchup-flood": "warning",
    "clock-change": "notice",
    "crowded-minute": "notice",
    "retries-outlast-tick": "notice",
    "no-timeout": "notice",
    UNUSED: "warning",
}
ALLOWABLE: Final = tuple(name for name in LINTS if name != UNUSED)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a lint found: about the key that `keys` lead to, or about the entry as a whole where there are none.

    `within` are the characters of that key's text that it is about.
    """

    lint: str
    message: str
    keys: tuple[str | int, ...] = ()
    within: tuple[str, int, int] | None = None
