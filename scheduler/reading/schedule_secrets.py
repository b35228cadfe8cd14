"""Which values of a schedule file are secret: those of the variables that it names so, or that are named so."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from scheduler.entry import Entry
from scheduler.quoting import quoted
from scheduler.reading.schedule_source import Source
from scheduler.secrecy import SHORTEST
from scheduler.variables import VARIABLE


def check_secrets(source: Source) -> None:
    """Report what is wrong with the file's list of secret variables."""
    secrets = source.document.get("secrets", [])
    if isinstance(secrets, list) and all(
        isinstance(name, str) and VARIABLE.fullmatch(name) for name in secrets
    ):
        return
    message = f'secrets: {quoted(secrets)} is not a list of names of variables, such as ["DATABASE_URL"]'
    source.report.add(message, source.report.value(("secrets",)), code="value")


def with_secrets(entries: dict[str, Entry], secrets: frozenset[str]) -> dict[str, Entry]:
    """Each entry with those of the secrets that stand in its arguments: whoever shows them leaves these out."""
    if not secrets:
        return entries
    return {name: replace(each, secrets=_among(each, secrets)) for name, each in entries.items()}


def _among(entry: Entry, secrets: frozenset[str]) -> tuple[str, ...]:
    texts = "\0".join(_texts([*entry.args, dict(entry.kwargs)]))
    return tuple(sorted(secret for secret in secrets if len(secret) >= SHORTEST and secret in texts))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield name
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
