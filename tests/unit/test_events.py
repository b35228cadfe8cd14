"""The catalogue of events: sound in itself, and kept by whoever emits."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import scheduler
from scheduler.events import BASE_FIELDS, CATALOGUE, LEVELS, RUN_FIELDS, Event, _by_name

PACKAGE = Path(scheduler.__file__).parent


@pytest.mark.parametrize("event", CATALOGUE.values(), ids=lambda event: event.name)
def test_each_event_is_well_formed(event: Event) -> None:
    assert re.fullmatch(r"[a-z]+\.[a-z_]+", event.name)
    assert event.level in LEVELS
    assert len(set(event.fields)) == len(event.fields)
    assert not set(event.fields) & set(BASE_FIELDS)
    assert event.meaning.endswith(".")


def test_two_events_of_one_name_are_refused() -> None:
    twice = Event("a.b", "info", (), "Something.")
    with pytest.raises(ValueError, match=re.escape("two events are called 'a.b'")):
        _by_name([twice, twice])


def _emit_calls() -> Iterator[tuple[str, ast.Call]]:
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "id", getattr(node.func, "attr", "")) == "emit"
            ):
                where = f"{file.relative_to(PACKAGE.parent)}:{node.lineno}"
                if node.args and isinstance(node.args[0], ast.Constant):
                    yield where, node


def test_every_event_that_the_code_emits_is_in_the_catalogue() -> None:
    unknown = [
        f"{where}: {call.args[0].value!r}"
        for where, call in _emit_calls()
        if isinstance(call.args[0], ast.Constant) and call.args[0].value not in CATALOGUE
    ]
    assert unknown == []


def test_every_event_that_the_code_emits_has_its_fields() -> None:
    """A run's own fields may be bound to the context; what comes as `**fields` is not known here."""
    lacking = {}
    for where, call in _emit_calls():
        given = {keyword.arg for keyword in call.keywords}
        name = call.args[0].value if isinstance(call.args[0], ast.Constant) else None
        if isinstance(name, str) and None not in given:
            missing = set(CATALOGUE[name].fields) - set(RUN_FIELDS) - given
            if missing:
                lacking[f"{where} {name}"] = missing
    assert lacking == {}
