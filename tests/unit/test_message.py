"""The message is Celery's own, and what changes in it can't be mistaken for an argument."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from scheduler.message import Doorbell, _template, attempt_of, body, envelope, headers
from scheduler.run import Call

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
CALL = Call(
    job="jobs.x", args=(1,), kwargs={"text": 'run "1" @ü'}, queue="reports", timeout=timedelta(seconds=5)
)


def message(call: Call, attempt: int = 2) -> dict[str, object]:
    bell = Doorbell(run_id="r-1", entry="one", scheduled_at=AT, attempt=attempt)
    document: dict[str, object] = json.loads(envelope(json.dumps(call.to_json()), bell))
    return document


def test_the_body_holds_the_arguments_as_protocol_2_wants_them() -> None:
    text = base64.b64decode(str(message(CALL)["body"]))
    assert json.loads(text)[:2] == [[1], {"text": 'run "1" @ü'}]


def test_the_headers_name_the_task_the_run_and_the_attempt() -> None:
    document = message(CALL)
    found = document["headers"]
    assert isinstance(found, dict)
    assert (found["task"], found["id"], found["retries"]) == ("jobs.x", "r-1", 1)
    assert found["timelimit"] == [5.0, None]
    assert found["onbeat"] == {
        "entry": "one",
        "trigger": "schedule",
        "scheduled_at": round(AT.timestamp() * 1000),
        "attempt": 2,
    }


def test_a_template_filled_in_says_what_headers_built_whole_say() -> None:
    bell = Doorbell(run_id="r-1", entry="one", scheduled_at=AT, attempt=2)
    assert message(CALL)["headers"] == json.loads(json.dumps(headers(CALL, bell)))
    assert base64.b64decode(str(message(CALL)["body"])).decode() == body(CALL)


def test_each_publication_has_a_tag_of_its_own() -> None:
    tags = {json.dumps(message(CALL)["properties"]) for _ in range(3)}
    assert len(tags) == 3


@pytest.mark.parametrize(
    ("header", "retries", "attempt"),
    [
        (None, 0, 1),
        (None, 2, 3),
        (None, None, 1),
        ({"attempt": 1}, 0, 1),
        ({"attempt": 2}, 1, 2),
        ({"attempt": 2}, 2, 3),
        ({"attempt": "2"}, 1, None),
        ({}, 0, None),
        ("header", 0, None),
    ],
)
def test_the_attempt_is_the_higher_of_our_header_and_celerys_count(
    header: object, retries: object, attempt: int | None
) -> None:
    assert attempt_of(header, retries) == attempt


def test_what_celery_hung_on_a_task_is_in_its_next_message() -> None:
    rest = [{"task": "jobs.next", "args": [], "kwargs": {}}]
    call = Call(
        job="jobs.x", canvas={"chain": rest, "chord": {"task": "jobs.all"}, "group": "g", "root_id": "r"}
    )
    call = Call.from_json(json.loads(json.dumps(call.to_json())))
    assert json.loads(body(call))[2] == {
        "callbacks": None,
        "errbacks": None,
        "chain": rest,
        "chord": {"task": "jobs.all"},
    }
    bell = Doorbell(run_id="one", entry=None, scheduled_at=datetime(2026, 1, 1, tzinfo=UTC), attempt=2)
    found = headers(call, bell)
    assert (found["group"], found["root_id"], found["parent_id"]) == ("g", "r", None)


def test_templates_are_kept_for_entries_only() -> None:
    before = _template.cache_info().currsize
    for number in range(3):
        call = json.dumps(Call(job="jobs.x", args=(number, "by hand")).to_json())
        bell = Doorbell(run_id="r", entry=None, scheduled_at=AT, attempt=1, trigger="manual")
        assert json.loads(envelope(call, bell))["headers"]["argsrepr"] == f"({number}, 'by hand')"
    assert _template.cache_info().currsize == before
