"""Messages of any form: what is wrong with each is said, and nothing raises."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.message import Doorbell, envelope
from scheduler.message_form import Taken, envelope_problem, opened, sealed, task_problem
from scheduler.run import Call

BELL = Doorbell(run_id="r-1", entry="e", scheduled_at=datetime(2026, 11, 21, tzinfo=UTC), attempt=1)
GOOD: dict[str, Any] = json.loads(envelope(json.dumps(Call(job="jobs.x").to_json()), BELL))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def wrong(part: str, value: Any) -> str:
    return json.dumps({**GOOD, part: value})


def of_properties(**changes: Any) -> str:
    return wrong("properties", {**GOOD["properties"], **changes})


def task(body: Any = None, content_type: Any = "application/json", **headers: Any) -> Taken:
    text = json.dumps([[], {}, {}]) if body is None else body
    return Taken({**GOOD["headers"], **headers}, text, content_type, "utf-8")


def test_a_message_of_ours_is_well() -> None:
    assert envelope_problem(json.dumps(GOOD)) is None
    assert task_problem(opened(json.dumps(GOOD))) is None


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        (b"nope", "it is not JSON: Expecting value"),
        (b"\xff\xfe\x00", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("[]", "it is a list, not a JSON object"),
        ("7", "it is a number, not"),
        ("{}", "it has no properties"),
        (wrong("properties", []), "it has no properties"),
        (of_properties(delivery_tag=None), "it has no delivery_tag"),
        (of_properties(delivery_tag=[]), "it has no delivery_tag"),
        (of_properties(delivery_info=None), "its delivery_info does not say"),
        (of_properties(delivery_info={"exchange": ""}), "its delivery_info does not say"),
        (of_properties(body_encoding="rot13"), "its body is encoded as 'rot13'"),
        (wrong("headers", "x"), "its headers are a text, not an object"),
        (wrong("headers", {"compression": "zstd"}), "it is compressed by 'zstd'"),
        (wrong("content-type", 1), "its content-type is a number"),
        (wrong("body", None), "its body is missing"),
        (wrong("body", "é"), "its body is not base64"),
        (wrong("body", "abc"), "its body is not base64: Incorrect padding"),
    ],
)
def test_an_item_that_is_no_message(item: bytes | str, problem: str) -> None:
    assert str(envelope_problem(item)).startswith(problem)


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        (Taken(None, "", "application/json", None), "it asks for no job: it has no headers"),
        (task(content_type=None), "its content type is None; a worker reads application/json"),
        (task(content_type="application/x-python-serialize"), "its content type is"),
        (task("nope"), "it can't be decoded: Expecting value"),
        (task(b"\xff"), "it can't be decoded: 'utf-8' codec"),
        (
            Taken({"task": "x", "id": "1"}, b"[]", "application/json", "nope"),
            "it can't be decoded: unknown enc",
        ),
        (task('{"a": 1}'), "it is not well formed: its body is an object, not [args, kwargs, embed]"),
        (task("[[], {}]"), "it is not well formed: its body is a list"),
        (task("[{}, {}, {}]"), "it is not well formed: its args are an object, not a list"),
        (task("[[], [], {}]"), "it is not well formed: its kwargs are a list, not an object"),
        (task("[[], {}, 1]"), "it is not well formed: what follows on it is a number"),
        (task('[[], {}, {"chain": "x"}]'), "it is not well formed: its chain is a text"),
        (task('[[], {}, {"callbacks": ["x"]}]'), "it is not well formed: its callbacks holds what is no sig"),
        (task('[[], {}, {"chord": []}]'), "it is not well formed: its chord is a list"),
        (task(task=7), "its task is a number, not a text"),
        (task(id=None), "its id is missing, not a text"),
        (task(root_id=[]), "its root_id is a list, not a text"),
        (task(retries="many"), "its count of retries is 'many'"),
        (task(retries=-1), "its count of retries is -1"),
        (task(timelimit=5), "its timelimit is 5, not two numbers"),
        (task(timelimit=["a", None]), "its timelimit is "),
        (task(eta="soon"), "its eta is 'soon', not a moment"),
        (task(expires=3), "its expires is 3, not a moment"),
        (Taken({}, '{"x": 1}', "application/json", "utf-8"), "it asks for no job"),
        (
            Taken({}, '{"task": "x", "id": "1", "args": 3}', "application/json", "utf-8"),
            "it is not well formed",
        ),
    ],
)
def test_a_message_that_is_no_task(message: Taken, problem: str) -> None:
    assert str(task_problem(message)).startswith(problem)


def test_a_task_of_the_older_protocol_is_well() -> None:
    text = json.dumps({"task": "x", "id": "1", "args": [1], "kwargs": {}})
    assert task_problem(Taken({}, text, "application/json", "utf-8")) is None


def test_what_is_sealed_is_what_is_opened() -> None:
    message = Taken({"task": "x"}, b"\xffbody", "application/json", "utf-8")
    assert opened(sealed(message, queue="q")) == message
    with pytest.raises(ValueError, match="not a JSON object"):
        opened("[]")


@given(st.binary(max_size=64))
def test_any_bytes_get_an_answer(item: bytes) -> None:
    assert isinstance(envelope_problem(item), str | None)


@given(JSON, JSON, JSON, st.sampled_from(sorted(GOOD)), st.sampled_from(sorted(GOOD["headers"])))
def test_any_json_in_any_place_gets_an_answer(
    value: Any, header: Any, body: Any, part: str, name: str
) -> None:
    assert isinstance(envelope_problem(wrong(part, value)), str | None)
    message = task(json.dumps(body), **{name: header})
    assert isinstance(task_problem(message), str | None)
    assert base64.b64decode(json.loads(sealed(message, queue="q"))["body"]).decode() == message.body
