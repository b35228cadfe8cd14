"""What a job keeps for its next attempt, and says of how far it is."""

import asyncio
from typing import Any

import pytest

from scheduler import current_run, job
from scheduler.checkpoint import MOST_BYTES, Checkpoint, progress_of
from scheduler.job import active_run


def test_what_was_set_last_is_what_one_gets() -> None:
    saved: list[str] = []
    checkpoint = Checkpoint(save=saved.append)
    assert checkpoint.get() is None
    assert checkpoint.get(default=0) == 0
    checkpoint.set({"page": 3, "name": "ü"})
    assert checkpoint.get() == {"page": 3, "name": "ü"}
    assert len(saved) == 1
    assert Checkpoint(saved[0]).get() == {"page": 3, "name": "ü"}


def test_what_one_gets_is_a_copy() -> None:
    checkpoint = Checkpoint()
    checkpoint.set([1])
    checkpoint.get().append(2)
    assert checkpoint.get() == [1]


def test_a_value_that_was_not_saved_is_not_remembered_either() -> None:
    def refuse(_text: str) -> None:
        raise OSError("away")

    checkpoint = Checkpoint("1", refuse)
    with pytest.raises(OSError, match="away"):
        checkpoint.set(2)
    assert checkpoint.get() == 1


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({1, 2}, "a checkpoint is JSON, and this is none: Object of type set"),
        (float("nan"), "a checkpoint is JSON, and this is none"),
        (
            "x" * MOST_BYTES,
            f"has up to {MOST_BYTES} bytes of JSON, and this has {MOST_BYTES + 2}: keep where",
        ),
    ],
)
def test_what_is_no_json_or_too_large_is_refused_and_nothing_is_saved(value: Any, words: str) -> None:
    saved: list[str] = []
    with pytest.raises(ValueError, match=words):
        Checkpoint(save=saved.append).set(value)
    assert saved == []


@pytest.mark.parametrize("value", [40, -0.1, "half", True, float("inf")])
def test_progress_is_a_share(value: Any) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        progress_of(value)


@job
def counts(to: int) -> int:
    run = current_run()
    for number in range(run.checkpoint.get(default=0), to):
        run.heartbeat(number / to, f"number {number}")
        run.checkpoint.set(number + 1)
    return int(run.checkpoint.get())


@job
async def awaits() -> tuple[str, int]:
    current_run().checkpoint.set(7)
    await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(None, int), 5)
    return current_run().job, current_run().checkpoint.get()


def test_a_job_that_is_called_directly_is_a_run_of_its_own() -> None:
    assert counts(3) == 3
    assert counts(2) == 2
    assert active_run() is None
    assert asyncio.run(awaits()) == (f"{__name__}.awaits", 7)
    with pytest.raises(RuntimeError, match="only inside a job"):
        current_run()
