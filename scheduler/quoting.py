"""A value as its writer would know it: in TOML's words, short, on one line; and text that is harmless to a terminal."""

import re
from datetime import date, datetime, time
from typing import Final

LONGEST = 60

_RESET: Final = "\x1b[0m"
_ESCAPE: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_]|$)?")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]")


def harmless(text: str, *, colour: bool = False) -> str:
    """The text without what would act on a terminal: move its cursor, clear it, name its window, ring its bell.

    Colours stay where `colour`, and are ended.
    """
    if text.isprintable():
        return text

    def kept(match: re.Match[str]) -> str:
        return match.group() if colour and match.group().endswith("m") else ""

    cleaned = _CONTROL.sub("\ufffd", _ESCAPE.sub(kept, text))
    return f"{cleaned}{_RESET}" if "\x1b" in cleaned else cleaned


def quoted(value: object) -> str:
    """`value` for the middle of a message: 'text', true, 5, a date, or what kind of thing it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return repr(value if len(value) <= LONGEST else value[: LONGEST - 1] + "…")
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, dict):
        return "a table" if value else "{}"
    if isinstance(value, (list, tuple)):
        return "a list" if value else "[]"
    text = repr(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
