"""A run's own log: the first and the last of what it wrote, each line once, and a line for those that are gone."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scheduler.run import Call
from scheduler.store import Keys, Store, connect
from scheduler.store import logs as store_logs
from scheduler.worker.run_log import RunLog
from tests.support.valkey import ValkeyServer

HOUR = timedelta(hours=1)


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    made = Store(connect(valkey.url), Keys())
    at = datetime(2026, 11, 21, tzinfo=UTC)
    made.runs.create("r1", Call(job="jobs.x"), entry="e", trigger="manual", scheduled_at=at)
    return made


def line(number: int, size: int = 0) -> dict[str, Any]:
    return {"event": "run.log", "run_id": "r1", "n": number, "message": "x" * size}


def text(number: int, size: int = 0) -> str:
    return json.dumps(line(number, size))


def kept(store: Store, after: str = "-") -> list[Any]:
    """The numbers of the lines, and of the gap how many it stands for."""
    return [
        found["n"] if "n" in found else f"{found['left_out']} left out"
        for _, found in store.logs.read("r1", after)
    ]


def test_a_flood_leaves_its_first_and_its_last_lines(store: Store) -> None:
    log = RunLog(store.logs, "r1", HOUR)
    for number in range(5_000):
        log.take(line(number))
        if number % 1_300 == 7:
            log._flush()
    log.close()
    assert kept(store) == [*range(200), "4000 left out", *range(4_200, 5_000)]


def test_long_lines_count_by_their_bytes(store: Store) -> None:
    log = RunLog(store.logs, "r1", HOUR)
    for number in range(100):
        log.take(line(number, 30_000))
    log.close()
    found = kept(store)
    assert found[:2] == [0, 1]
    assert found[2] == "92 left out"
    assert found[3:] == [94, 95, 96, 97, 98, 99]
    assert (store.client.memory_usage("onbeat:log:r1") or 0) < 400_000


def test_a_later_attempt_goes_on_in_the_same_log(store: Store) -> None:
    for start in (0, 150):
        log = RunLog(store.logs, "r1", HOUR)
        for number in range(start, start + 150):
            log.take(line(number))
        log.close()
    assert kept(store) == list(range(300))


def test_whoever_reads_on_sees_each_line_once_and_the_gap_once(store: Store) -> None:
    store.logs.append("r1", [text(n) for n in range(10)], keep_for=HOUR)
    first = store.logs.follow("r1", "0", HOUR)
    store.logs.append("r1", [text(n) for n in range(10, 20)], keep_for=HOUR, left_out=5, after=[text(25)])
    second = store.logs.follow("r1", first[-1][0], HOUR)
    store.logs.append("r1", [text(26)], keep_for=HOUR)
    third = store.logs.read("r1", second[-1][0])
    numbers = [found.get("n", "gap") for _, found in (*first, *second, *third)]
    assert numbers == [*range(20), "gap", 25, 26]


def test_lines_whose_answer_was_lost_are_not_written_twice(store: Store) -> None:
    keys = [store.keys.run("r1"), store.keys.log("r1")]
    for token, lines in (("a", [1, 2]), ("a", [1, 2]), ("b", [3])):
        args: list[str | int] = [
            200,
            9_000,
            800,
            9_000,
            3_600_000,
            token,
            len(lines),
            0,
            *(text(n) for n in lines),
        ]
        store.logs._scripts.call("append", keys, args)
    assert kept(store) == [1, 2, 3]


def test_a_run_that_is_on_record_no_more_leaves_no_log_behind(store: Store) -> None:
    store.logs.append("gone", [text(1)], keep_for=HOUR)
    assert store.client.keys("*gone*") == []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3), st.integers(0, 30)), max_size=12))
def test_any_way_of_writing_keeps_a_beginning_and_an_end(
    store: Store, calls: Sequence[tuple[int, int, int]]
) -> None:
    """Against a model, with limits so small that they are met."""
    store.client.delete(store.keys.log("r1"))
    store.client.hdel(store.keys.run("r1"), "lg")
    with pytest.MonkeyPatch.context() as small:
        small.setattr(store_logs, "FIRST_LINES", 20)
        small.setattr(store_logs, "LAST_LINES", 30)
        first: list[int] = []
        last: list[int] = []
        written, closed = 0, False
        for before, left_out, after in calls:
            gap = left_out if after else 0
            numbers = list(range(written, written + before))
            beyond = list(range(written + before + gap, written + before + gap + after))
            store.logs.append(
                "r1", [text(n) for n in numbers], keep_for=HOUR, left_out=gap, after=[*map(text, beyond)]
            )
            for number in (*numbers, *beyond):
                closed = closed or len(first) >= 20 or (gap > 0 and number in beyond)
                (last if closed else first).append(number)
            last = last[-30:]
            written += before + gap + after
    missing = written - len(first) - len(last)
    assert kept(store) == [*first, *([f"{missing} left out"] if missing and last else []), *last]
