"""jobs.report.daily from a real store."""

from datetime import timedelta
from pathlib import Path

import pytest

from jobs.report import daily
from scheduler.attempt import Claimed, Ending
from scheduler.entry import Entry
from scheduler.errors import Unreachable
from scheduler.job import CurrentRun, enter_run, leave_run
from scheduler.run import Call, RunState
from scheduler.settings import load_settings
from scheduler.store import Store, open_store
from tests.support.valkey import ValkeyServer


def finished_run(store: Store, run_id: str, entry: str | None, ending: Ending) -> None:
    """A run from its start to its end."""
    call = Call(job="jobs.nightly")
    now = store.presence.now()
    store.runs.create(run_id, call, entry=entry, trigger="manual", scheduled_at=now, publish_at="never")
    claim = store.runs.claim(run_id, 1, "w", "token", timedelta(seconds=15))
    assert isinstance(claim, Claimed), claim
    store.runs.finish(run_id, 1, "w", ending, entry=entry, call=call)


def test_the_report_tells_of_every_entry_and_of_runs_without_one(
    valkey: ValkeyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONBEAT_REDIS_URL", valkey.url)
    monkeypatch.chdir(tmp_path)
    store = open_store(load_settings())
    wanted = {"nightly": Entry(name="nightly", job="jobs.nightly")}
    store.entries.apply(wanted, digest="d", revision=0, now=store.presence.now(), by="test")
    finished_run(store, "one", "nightly", Ending(state=RunState.SUCCEEDED))
    finished_run(store, "two", None, Ending(state=RunState.FAILED, error="OSError: disk full"))
    store.close()

    result = daily("reports/day.md")

    report = (tmp_path / "reports/day.md").read_text()
    assert result == {"file": "reports/day.md", "runs": 2}
    assert "2 runs: 1 failed, 1 succeeded." in report
    assert "| nightly | 1 | 1 | 0 | 0 |" in report
    assert "| (no entry) | 1 of 1 | `OSError: disk full` | `two` |" in report
    assert [path.name for path in (tmp_path / "reports").iterdir()] == ["day.md"]


def test_the_report_leaves_out_the_run_that_writes_it(
    valkey: ValkeyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONBEAT_REDIS_URL", valkey.url)
    store = open_store(load_settings())
    now = store.presence.now()
    for run_id in ("mine", "other"):
        store.runs.create(run_id, Call(job="j"), entry=None, trigger="manual", scheduled_at=now)
    store.close()
    mine = CurrentRun(
        entry=None,
        job="j",
        run_id="mine",
        scheduled_at=now,
        attempt=1,
        max_attempts=1,
        queue="default",
        trigger="manual",
    )

    token = enter_run(mine)
    try:
        assert daily(str(tmp_path / "day.md"))["runs"] == 1
    finally:
        leave_run(token)


def test_a_store_out_of_reach_leaves_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONBEAT_REDIS_URL", "redis://127.0.0.1:1/0")
    target = tmp_path / "day.md"
    target.write_text("yesterday's")

    with pytest.raises(Unreachable):
        daily(str(target))
    assert target.read_text() == "yesterday's"


def test_no_hours_are_refused() -> None:
    with pytest.raises(ValueError, match="hours is 0: there would be nothing to tell"):
        daily(hours=0)
