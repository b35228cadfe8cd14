"""A value as its writer would know it: in TOML's words, short, on one line."""

from datetime import date, datetime, time

LONGEST = 60


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
