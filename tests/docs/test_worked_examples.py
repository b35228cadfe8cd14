"""Every key of schedules.toml has an example in the pages, and what the page says of it is what comes of it."""

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from scheduler.entry_keys import CHECKS
from scheduler.reading.schedule_file import TOP_LEVEL
from scheduler.retry import RETRY_KEYS
from tests.docs.worked_examples import Example, examples, outcome, read

EXAMPLES = examples()


def keys_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inside in value.items():
            yield key
            yield from keys_in(inside)
    elif isinstance(value, list):
        for inside in value:
            yield from keys_in(inside)


def test_every_key_has_an_example() -> None:
    shown = {key for example in EXAMPLES for key in example.keys}
    wanted = {*CHECKS, *TOP_LEVEL, *(f"retry.{key}" for key in RETRY_KEYS)}
    assert wanted - shown == set(), "write one into docs/reference/schedule-examples.md"
    assert shown - wanted == set()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: ",".join(example.keys))
def test_an_example_sets_its_keys_and_what_comes_of_it_is_as_the_page_says(example: Example) -> None:
    assert {key.removeprefix("retry.") for key in example.keys} <= set(keys_in(tomllib.loads(example.text)))
    assert [problem.text() for problem in read(example).errors] == []
    assert outcome(example) == example.said, "`python -m tests.docs.worked_examples` writes it anew"
