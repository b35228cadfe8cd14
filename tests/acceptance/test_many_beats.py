"""Two beats and two workers on one server: every tick is decided, and nothing starts twice."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from scheduler.store import Keys, Store, connect
from tests.support.project import Project
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

ENTRIES = 100
SECONDS = 60

JOBS = """
import json
import os

from scheduler import current_run, job


@job
def note(path: str) -> None:
    run = current_run()
    line = json.dumps({"entry": run.entry, "at": run.scheduled_at.isoformat(), "attempt": run.attempt}) + "\\n"
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, line.encode())
    os.close(file)
"""


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_two_beats_and_two_workers_decide_every_tick_once_and_start_nothing_twice(
    project: Project, valkey: ValkeyServer
) -> None:
    notes = project.directory / "notes"
    project.jobs(JOBS)
    project.schedules(
        "[defaults]\n"
        'interval = "1s"\njob = "jobs.note"\ntimeout = "20s"\n'
        f'kwargs = {{ path = "{notes}" }}\n'
        + "".join(f"[schedules.entry-{number}]\n" for number in range(ENTRIES))
    )
    store = Store(connect(valkey.url), Keys())
    with (
        project.start("worker", "-c", "2") as first,
        project.start("worker", "-c", "2") as second,
        project.start("beat") as beat,
        project.start("beat") as other_beat,
    ):
        for worker in (first, second):
            worker.wait_for_event("worker.started", within=30)
        beat.wait_for_event("schedules.applied", within=30)
        other_beat.wait_for_event("schedules.applied", within=30)
        started_at = datetime.now(UTC)
        end_at = started_at + timedelta(seconds=SECONDS)
        eventually(lambda: datetime.now(UTC) >= end_at, within=SECONDS + 5, every=0.5)
        for each in (beat, other_beat):
            assert each.stop() == 0
        eventually(lambda: not store.client.keys("onbeat:active:*"), within=30, what="every run ended")
        for worker in (first, second):
            assert worker.stop(within=40) == 0
    lines = [json.loads(line) for line in notes.read_text().splitlines()]
    starts = Counter((line["entry"], line["at"]) for line in lines)
    assert [tick for tick, count in starts.items() if count > 1] == []
    assert {tick[0] for tick in starts} == {f"entry-{number}" for number in range(ENTRIES)}

    totals = store.ledger.totals()
    assert totals.unaccounted == 0
    assert totals.dispatched == len(starts)
    _every_second_has_one_disposition(store, starts)


def _every_second_has_one_disposition(store: Store, starts: Counter[tuple[str, str]]) -> None:
    """Counted from outside: every second from an entry's first tick to its last was started or left out, never both."""
    for number in range(ENTRIES):
        name = f"entry-{number}"
        started = {datetime.fromisoformat(at) for entry, at in starts if entry == name}
        left_out: list[datetime] = []
        for some in store.ledger.left_out(name):
            left_out += [some.first_at + timedelta(seconds=second) for second in range(some.count)]
        assert len(left_out) == len(set(left_out)), name
        assert not started & set(left_out), name
        decided = started | set(left_out)
        span = (max(decided) - min(decided)) // timedelta(seconds=1) + 1
        assert len(decided) == span, name
        assert span >= SECONDS - 2, name
