"""The log as a person at a terminal reads it."""

from datetime import datetime
from typing import Any

import pytest

from scheduler.log_setup.console import render_console, wants_colour

AT = "2026-11-21T11:30:00.250Z"
CLOCK = datetime.fromisoformat(AT).astimezone().strftime("%H:%M:%S")
BASE: dict[str, Any] = {"timestamp": AT, "level": "info", "process": "worker", "host": "h", "pid": 1}
RUN = {
    "entry": "nightly",
    "job": "jobs.nightly",
    "run_id": "0f0e0d0c-1111-5000-8000-000000000000",
    "scheduled_at": AT,
    "attempt": 1,
}


def shown(name: str, **fields: Any) -> str:
    return render_console({**BASE, "event": name, **fields}, colour=False)


def test_a_run_is_a_line_of_columns() -> None:
    assert shown("run.succeeded", **RUN, duration_ms=2100, result={"rows": 3}) == (
        f'{CLOCK} worker nightly            run.succeeded    run=0f0e0d0c duration=2.1s result={{"rows": 3}}'
    )


def test_a_process_line_keeps_the_columns() -> None:
    assert shown("worker.started", concurrency=2, queues=["default"]) == (
        f'{CLOCK} worker                    worker.started   concurrency=2 queues=["default"]'
    )


def test_what_a_job_says_is_its_own_text() -> None:
    line = shown("run.log", **RUN, message="fetched 3 rows", logger="jobs.nightly", stream="stdout")
    assert line == f"{CLOCK} worker nightly            │ fetched 3 rows logger=jobs.nightly"


def test_a_tick_says_when_it_was_due_and_nothing_twice() -> None:
    line = shown(
        "tick.skipped",
        entry="nightly",
        scheduled_at=AT,
        until=AT,
        count=1,
        disposition="skipped_overlap",
        reason="busy",
    )
    assert line.endswith(f"tick.skipped     scheduled_at={CLOCK} reason=busy")
    assert "count=3" in shown("tick.coalesced", entry="nightly", scheduled_at=AT, count=3)


def test_a_later_attempt_is_shown() -> None:
    assert "attempt=3" in shown("run.started", **{**RUN, "attempt": 3})


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(0, "0ms"), (999, "999ms"), (1000, "1.0s"), (59_900, "59.9s"), (61_000, "1m01s"), (7_260_000, "2h01m")],
)
def test_durations_are_short(milliseconds: int, text: str) -> None:
    assert f"lateness={text}" in shown("run.started", lateness_ms=milliseconds)


def test_a_traceback_stands_indented_beneath() -> None:
    lines = shown(
        "run.failed", **RUN, error="ValueError: no", traceback="Traceback:\n  File x\nValueError: no"
    )
    assert lines.split("\n")[1:] == ["    Traceback:", "      File x", "    ValueError: no"]
    assert lines.split("\n")[0].endswith('error="ValueError: no"')


def test_problems_of_a_file_stand_indented_beneath() -> None:
    lines = shown(
        "schedules.rejected", error="2 problems", problems=["s.toml:1:1: bad\n  ^", "s.toml:2:1: worse"]
    )
    assert lines.split("\n")[1:] == ["    s.toml:1:1: bad", "      ^", "    s.toml:2:1: worse"]


def test_a_job_cannot_act_on_the_terminal() -> None:
    evil = "\x1b]0;title\x07\x1b[2J\x1b[31mred\x1b[0m\x07 \x1b"
    assert shown("run.log", message=evil).endswith("│ red\ufffd")
    coloured = render_console({**BASE, "event": "run.log", "message": evil}, colour=True)
    assert "\x1b[31mred\x1b[0m" in coloured
    assert "\x1b[2J" not in coloured
    assert "\x1b]" not in coloured
    assert "\x1b[2J" not in shown("run.failed", entry=evil, error=evil, traceback=evil)


def test_a_value_with_spaces_or_newlines_stays_one_value() -> None:
    assert shown("beat.started", reason="two words\nand more").endswith('reason="two words\\\\nand more"')


def test_colours_follow_level_and_event() -> None:
    def coloured(name: str, level: str) -> str:
        return render_console({**BASE, "event": name, "level": level}, colour=True)

    assert "\x1b[32mrun.succeeded" in coloured("run.succeeded", "info")
    assert "\x1b[31mrun.failed" in coloured("run.failed", "error")
    assert "\x1b[33mrun.retrying" in coloured("run.retrying", "warning")


@pytest.mark.parametrize(
    ("environ", "terminal", "wanted"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"TERM": "dumb"}, True, False),
        ({"NO_COLOR": ""}, True, True),
    ],
)
def test_colours_are_for_terminals_that_want_them(
    environ: dict[str, str], terminal: bool, wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm", **environ}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("os.isatty", lambda _: terminal)
    assert wants_colour(1) is wanted


@pytest.mark.parametrize(
    "event", [{}, {"timestamp": "soon", "event": None}, {"message": 3, "event": "run.log"}]
)
def test_an_odd_event_is_shown_as_far_as_it_goes(event: dict[str, Any]) -> None:
    assert isinstance(render_console(event, colour=False), str)
