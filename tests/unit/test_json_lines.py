"""Whatever a job logs becomes a line that every JSON parser reads."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.log_setup.json_lines import (
    ITEM_LIMIT,
    LINE_LIMIT,
    TEXT_LIMIT,
    described,
    json_line,
    json_value,
    rfc3339,
    traceback_text,
)


def strict(line: bytes) -> dict[str, Any]:
    """Parsed as RFC 8259 says: UTF-8, and no NaN or Infinity."""

    def refuse(name: str) -> None:
        raise ValueError(name)

    document: dict[str, Any] = json.loads(line.decode("utf-8"), parse_constant=refuse)
    return document


class Colour(Enum):
    RED = 1


class Word(StrEnum):
    YES = "yes"


class Number(IntEnum):
    SEVEN = 7


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


class BrokenMapping(Mapping[str, int]):
    def __getitem__(self, key: str) -> int:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("no items")

    def __len__(self) -> int:
        return 1

    def __repr__(self) -> str:
        return "BrokenMapping()"


class BrokenError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no message")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (7, 7),
        (1.5, 1.5),
        ("text", "text"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (10**400, "<integer of 1329 bits>"),
        (b"caf\xc3\xa9 \xff", "café \\xff"),
        (bytearray(b"x"), "x"),
        (datetime(2026, 11, 21, 12, 30, tzinfo=timezone(timedelta(hours=1))), "2026-11-21T11:30:00.000Z"),
        (date(2026, 11, 21), "2026-11-21"),
        (timedelta(minutes=1.5), 90.0),
        (Path("/srv"), "/srv"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Colour.RED, "Colour.RED"),
        (Word.YES, "yes"),
        (Number.SEVEN, 7),
        (Decimal("1.10"), "1.10"),
        ({"a": {1}}, {"a": [1]}),
        ({1: 2, None: 3, (1, 2): 4}, {"1": 2, "None": 3, "(1, 2)": 4}),
        ((1, [2]), [1, [2]]),
        (ValueError("no"), "ValueError: no"),
        (Broken(), f"<{__name__}.Broken whose repr fails>"),
        (BrokenMapping(), "BrokenMapping()"),
        ("half \ud83d pair", "half \ufffd pair"),
        ("\x00\x1b[31m\n", "\x00\x1b[31m\n"),
        ("redis://me:secret@host/0 and amqp://x:y@z", "redis://me:***@host/0 and amqp://x:***@z"),
        ("mail@host, a://b", "mail@host, a://b"),
    ],
)
def test_a_value_becomes_one_that_json_knows(value: object, expected: object) -> None:
    assert json_value(value) == expected
    assert strict(json_line({"value": value})) == {"value": expected}


def test_a_container_that_holds_itself_ends() -> None:
    ring: list[Any] = []
    ring.append(ring)
    assert strict(json_line({"ring": ring}))["ring"]


def test_a_long_text_is_cut_and_says_by_how_much() -> None:
    text = json_value("x" * (TEXT_LIMIT + 5))
    assert text == "x" * TEXT_LIMIT + "… [cut: 5 more characters]"


def test_a_long_list_and_a_long_mapping_are_cut_and_say_so() -> None:
    assert json_value(range(ITEM_LIMIT + 3))[-1] == "… [cut: 3 more]"
    assert json_value({str(n): n for n in range(ITEM_LIMIT + 3)})["…"] == "[cut: 3 more]"


def test_a_line_of_many_long_texts_stays_below_the_limit() -> None:
    line = json_line({"event": "run.log", **{f"field{n}": "x" * TEXT_LIMIT for n in range(20)}})
    assert len(line) < LINE_LIMIT
    assert strict(line)["event"] == "run.log"


def test_a_line_is_one_line() -> None:
    assert json_line({"message": "a\nb\r\u2028c"}).count(b"\n") == 1


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.binary(),
        lambda children: st.lists(children) | st.dictionaries(st.text(st.characters()), children),
        max_leaves=20,
    )
)
def test_any_value_makes_one_valid_line(value: object) -> None:
    line = json_line({"value": value})
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert "value" in strict(line)


def test_a_naive_time_is_taken_as_utc() -> None:
    assert rfc3339(datetime(2026, 1, 2, 3, 4, 5, 678901)) == "2026-01-02T03:04:05.678Z"  # noqa: DTZ001
    assert rfc3339(datetime(2026, 1, 2, tzinfo=UTC)) == "2026-01-02T00:00:00.000Z"


def test_an_exception_is_told_with_its_module_and_without_an_empty_message() -> None:
    assert described(KeyError("x")) == "KeyError: 'x'"
    assert described(TimeoutError()) == "TimeoutError"
    assert described(json.JSONDecodeError("bad", "", 0)).startswith("json.decoder.JSONDecodeError: bad")
    assert described(BrokenError()) == f"{__name__}.BrokenError: (its message can't be read)"


def test_of_a_long_traceback_the_end_is_kept() -> None:
    error = ValueError("x" * TEXT_LIMIT + " the end")
    text = traceback_text(error)
    assert text.startswith("[cut: ")
    assert text.endswith(" the end")
    assert len(text) <= TEXT_LIMIT
