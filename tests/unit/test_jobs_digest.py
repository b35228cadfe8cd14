"""The day's report, from made-up runs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.digest import MOST_FAILURES, digest, failures, percentile, table
from scheduler.run import Run, RunState

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def a_run(number: int = 0, *, took: float = 0.1, late: float = 0.01, **fields: Any) -> Run:
    """A run of `nightly`, one a minute up to noon, that took and was late by so many seconds."""
    at = NOON - timedelta(minutes=number + 1)
    started = at + timedelta(seconds=late)
    whole: dict[str, Any] = {
        "run_id": f"id-{number}",
        "entry": "nightly",
        "job": "jobs.nightly",
        "trigger": "schedule",
        "scheduled_at": at,
        "state": RunState.SUCCEEDED,
        "attempt": 1,
        "max_attempts": 3,
        "queue": "default",
        "queued_at": at,
        "started_at": started,
        "finished_at": started + timedelta(seconds=took),
    }
    return Run(**{**whole, **fields})


def test_a_day_on_a_page() -> None:
    runs = [
        a_run(0, took=75, late=0.5),
        a_run(1, state=RunState.FAILED, attempt=3, error="OSError: disk | full\n`now`", took=2),
        a_run(2, attempt=2),
        a_run(3, entry="hourly", state=RunState.RUNNING, finished_at=None),
        a_run(4, entry=None, trigger="manual", late=3600),
    ]

    assert digest(runs, NOON) == (
        "# Onbeat: the last 24 hours\n"
        "\n"
        "Until 2026-11-21 12:00:00 UTC. 5 runs: 1 failed, 3 succeeded, 1 running.\n"
        "\n"
        "## Entries\n"
        "\n"
        "| entry | runs | succeeded | failed | retried | slowest |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        "| (no entry) | 1 | 1 | 0 | 0 | 100ms |\n"
        "| hourly | 1 | 0 | 0 | 0 |  |\n"
        "| nightly | 3 | 2 | 1 | 2 | 1m 15s |\n"
        "\n"
        "## Failures\n"
        "\n"
        "| scheduled | entry | attempts | error | run |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| 2026-11-21 11:58:00 UTC | nightly | 3 of 3 | `OSError: disk \\| full 'now'` | `id-1` |\n"
        "\n"
        "## Slowest\n"
        "\n"
        "| took | entry | scheduled | run |\n"
        "| --- | --- | --- | --- |\n"
        "| 1m 15s | nightly | 2026-11-21 11:59:00 UTC | `id-0` |\n"
        "| 2s | nightly | 2026-11-21 11:58:00 UTC | `id-1` |\n"
        "| 100ms | (no entry) | 2026-11-21 11:55:00 UTC | `id-4` |\n"
        "| 100ms | nightly | 2026-11-21 11:57:00 UTC | `id-2` |\n"
        "\n"
        "## Lateness\n"
        "\n"
        "Half of 4 scheduled runs started within 10ms of their time, 95 % within 500ms; "
        "the latest was nightly of 2026-11-21 11:59:00 UTC, by 500ms.\n"
    )


def test_a_day_without_runs() -> None:
    assert digest([], NOON, 1) == (
        "# Onbeat: the last hour\n\nUntil 2026-11-21 12:00:00 UTC. No run was on record.\n"
    )


def test_runs_that_never_started_have_no_times() -> None:
    waiting = a_run(state=RunState.QUEUED, started_at=None, finished_at=None)

    report = digest([waiting], NOON)

    assert "1 run: 1 queued." in report
    assert "## Failures\n\nNone." in report
    assert "Slowest" not in report
    assert "Lateness" not in report


def test_many_failures_are_cut_and_counted() -> None:
    failed = [a_run(n, state=RunState.FAILED, error="x" * 300) for n in range(MOST_FAILURES + 2)]

    report = failures(failed)

    assert report.endswith("\n\nAnd 2 more.")
    assert report.count("`" + "x" * 200 + "…`") == MOST_FAILURES


def test_a_cell_can_not_break_out_of_its_table() -> None:
    assert table(["a"], [["x | y"]]) == "| a |\n| --- |\n| x \\| y |"


@pytest.mark.parametrize(("percent", "expected"), [(50, 2), (95, 4), (100, 4), (25, 1), (1, 1)])
def test_percentiles_by_nearest_rank(percent: float, expected: int) -> None:
    values = [timedelta(seconds=n) for n in (4, 2, 3, 1)]

    assert percentile(values, percent) == timedelta(seconds=expected)


@given(st.lists(st.timedeltas(), min_size=1), st.floats(min_value=1, max_value=100))
def test_a_percentile_is_a_value_that_so_many_do_not_exceed(values: list[timedelta], percent: float) -> None:
    found = percentile(values, percent)

    assert found in values
    assert sum(value <= found for value in values) * 100 >= len(values) * percent - 1e-6
