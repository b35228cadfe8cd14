"""The test kit executing jobs: by the worker's own rules, with no server."""

import asyncio
import logging
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import structlog
from billiard.exceptions import SoftTimeLimitExceeded
from structlog.testing import capture_logs

from scheduler import Abort, Retry, Skip, current_run, job
from scheduler.job import CurrentRun, active_run
from scheduler.run import tick_run_id
from scheduler.testing import Schedules

log = structlog.get_logger().bind(shop="eu")
NIGHT = datetime(2026, 3, 28, 1, 30, tzinfo=UTC)

# What the job of the test at hand does.
_does: list[Callable[..., Any]] = []


@job(name="kit.export")
def export(region: str, since: date | None = None) -> Any:
    return _does[0](region, since)


@job(name="kit.fetch")
async def fetch(seconds: float = 0.0) -> Any:
    passed = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, passed.set)
    await passed.wait()
    return _does[0]()


@pytest.fixture
def schedule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Schedules:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(f"{__name__}._does", [])
    (tmp_path / "schedules.toml").write_text("""
        [defaults]
        timezone = "Europe/Berlin"
        crontab = "30 2 * * *"

        [schedules.nightly]
        job = "kit.export"
        kwargs = { region = "eu", since = "2026-01-01" }
        queue = "slow"
        retry = { max_attempts = 3, initial = "1m", give_up_on = ["ValueError"] }

        [schedules.quick]
        job = "kit.export"
        args = ["us"]
        soft_timeout = "50ms"
        timeout = "150ms"

        [schedules.async]
        job = "kit.fetch"
        timeout = "5s"
        """)
    return Schedules.read(directory=tmp_path)


def do(action: Callable[..., Any]) -> None:
    _does[:] = [action]


def raises(error: BaseException) -> Callable[..., Any]:
    def action(*_: Any) -> Any:
        raise error

    return action


def test_the_job_gets_the_entrys_arguments_and_knows_its_run(schedule: Schedules) -> None:
    seen: list[CurrentRun] = []

    def action(region: str, since: date) -> dict[str, Any]:
        seen.append(current_run())
        return {"region": region, "days": (date(2026, 1, 3) - since).days}

    do(action)
    run = schedule.run("nightly", at="2026-03-28 02:30")
    assert run.result == {"region": "eu", "days": 2}
    assert (run.state, run.error, run.attempt, len(run.attempts), run.exception) == (
        "succeeded",
        None,
        1,
        1,
        None,
    )
    assert seen == [
        CurrentRun(
            entry="nightly",
            job="kit.export",
            run_id=tick_run_id("nightly", NIGHT),
            scheduled_at=NIGHT,
            attempt=1,
            max_attempts=3,
            queue="slow",
            trigger="schedule",
        )
    ]
    assert run.run_id == seen[0].run_id
    assert run.duration is not None
    assert timedelta(0) <= run.duration < timedelta(seconds=30)
    assert active_run() is None


def test_arguments_can_be_given_as_with_trigger_and_are_checked(schedule: Schedules) -> None:
    do(lambda region, since: f"{region} {since}")
    assert schedule.run("nightly", kwargs={"region": "us"}).result == "us 2026-01-01"
    with pytest.raises(
        ValueError, match=r"^nightly: the job has no argument 'regoin'; did you mean 'region'\?"
    ):
        schedule.run("nightly", kwargs={"regoin": "us"})


def test_a_time_that_is_no_tick_is_a_run_by_hand_and_without_one_it_is_the_latest_tick(
    schedule: Schedules,
) -> None:
    do(lambda *_: current_run().trigger)
    by_hand = schedule.run("nightly", at="2026-03-28 12:00")
    assert (by_hand.trigger, by_hand.result) == ("manual", "manual")
    assert schedule.run("nightly", at="2026-03-28 12:00", trigger="backfill").result == "backfill"
    latest = schedule.run("nightly")
    assert latest.result == "schedule"
    assert timedelta(0) <= datetime.now(UTC) - latest.scheduled_at <= timedelta(hours=25)
    jumped_over = schedule.run("nightly", at="2026-03-29 02:30")
    assert (jumped_over.trigger, jumped_over.scheduled_at) == (
        "schedule",
        datetime(2026, 3, 29, 1, tzinfo=UTC),
    )


def test_what_can_not_be_kept_as_json_is_kept_as_a_worker_would(schedule: Schedules) -> None:
    do(lambda *_: (1, 2))
    assert schedule.run("nightly").result == [1, 2]
    do(lambda *_: Decimal("1.5"))
    run = schedule.run("nightly")
    assert (run.result, run.reason) == ("Decimal('1.5')", "result kept as text")


@pytest.mark.parametrize(
    ("error", "state", "told"),
    [
        (OSError("gone"), "retrying", "OSError: gone"),
        (ValueError("no"), "failed", "ValueError: no"),
        (Skip("nothing"), "skipped", None),
        (Abort("never"), "failed", "never"),
        (Retry("later", after="5m"), "retrying", "later"),
        (SystemExit(3), "failed", "RuntimeError: the job called exit(3)"),
    ],
    ids=repr,
)
def test_what_leaves_the_job_decides_how_its_attempt_ends(
    schedule: Schedules, error: BaseException, state: str, told: str | None
) -> None:
    do(raises(error))
    run = schedule.run("nightly", attempt=1 if state == "retrying" else 3)
    assert (run.state, run.error) == (state, told)
    assert isinstance(run.exception, type(error) | RuntimeError)
    assert run.finished_at is not None
    if run.retry_at is not None:
        wait = timedelta(minutes=5) if isinstance(error, Retry) else timedelta(minutes=1)
        assert run.retry_at - run.finished_at == wait  # no jitter: a test can tell


def test_a_run_can_be_followed_to_its_end(schedule: Schedules) -> None:
    def action(*_: Any) -> int:
        print("attempt", current_run().attempt)  # noqa: T201 - as jobs do
        if current_run().attempt < 3:
            raise OSError("gone")
        return 7

    do(action)
    run = schedule.run("nightly", until_done=True)
    assert (run.state, run.attempt, run.result) == ("succeeded", 3, 7)
    assert [(each.outcome, each.error) for each in run.attempts] == [
        ("retrying", "OSError: gone"),
        ("retrying", "OSError: gone"),
        ("succeeded", None),
    ]
    assert run.log == ("attempt 1", "attempt 2", "attempt 3")
    with pytest.raises(ValueError, match="nightly has 3 attempts; there is no attempt 4"):
        schedule.run("nightly", attempt=4)


def test_the_attempts_of_a_run_share_its_checkpoint(schedule: Schedules) -> None:
    def action(*_: Any) -> int:
        run = current_run()
        place: int = run.checkpoint.get(default=0)
        run.checkpoint.set(place + 1)
        run.heartbeat(place / 3, "on the way")
        if place < 2:
            raise OSError("gone")
        return place

    do(action)
    assert schedule.run("nightly").checkpoint == "1"
    run = schedule.run("nightly", until_done=True)
    assert (run.state, run.result, run.checkpoint) == ("succeeded", 2, None)


@pytest.mark.parametrize("library", ["freezegun", "time-machine"])
def test_a_stopped_clock_moves_on_to_each_attempt(schedule: Schedules, library: str) -> None:
    seen: list[datetime] = []

    def action(*_: Any) -> None:
        seen.append(datetime.now(UTC))
        raise OSError

    do(action)
    for tick in schedule.step("nightly", count=1, start="2026-03-28", clock=library):
        run = schedule.run("nightly", until_done=True)
        assert (run.scheduled_at, run.state, run.duration) == (tick, "failed", timedelta(0))
    assert seen == [NIGHT, NIGHT + timedelta(minutes=1), NIGHT + timedelta(minutes=3)]


def test_all_that_is_logged_printed_and_warned_is_the_runs_log_and_stays_where_it_was(
    schedule: Schedules, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    def action(*_: Any) -> None:
        logging.getLogger("shop").info("logged %d", 3, extra={"rows": 7})
        logging.getLogger("shop").debug("too small")
        logging.getLogger("httpx").info("chatter")
        log.warning("structured", rows=8)
        log.debug("too small as well")
        print("printed")  # noqa: T201 - as jobs do
        print("without newline", end="", file=sys.stderr)  # noqa: T201 - as jobs do
        thread = threading.Thread(target=print, args=("in a thread",))
        thread.start()
        thread.join()
        warnings.warn("old", stacklevel=1)

    do(action)
    with pytest.warns(UserWarning, match="old"):
        run = schedule.run("nightly")
    assert set(run.log) == {"logged 3", "structured", "printed", "in a thread", "old", "without newline"}
    by_text = {str(line): line for line in run.log}
    assert by_text["structured"].level == "warning"
    assert by_text["structured"].fields == {"rows": 8, "shop": "eu", "attempt": 1}
    assert by_text["logged 3"].fields == {"rows": 7, "logger": "shop", "attempt": 1}
    assert by_text["without newline"].fields["stream"] == "stderr"
    assert caplog.messages == ["logged 3"]
    out, err = capsys.readouterr()
    assert "printed\n" in out
    assert err == "without newline"
    assert logging.getLogger().level == logging.WARNING
    assert logging.getLogger("httpx").level == logging.NOTSET
    print("after")  # noqa: T201 - as tests may
    assert "after" not in run.log


def test_structlogs_own_capture_works_as_well(schedule: Schedules) -> None:
    do(lambda *_: log.info("structured", rows=8))
    with capture_logs() as captured:
        run = schedule.run("nightly")
    assert run.log == ("structured",)
    assert [(line["event"], line["rows"]) for line in captured] == [("structured", 8)]


def test_what_a_run_binds_is_not_the_tests(schedule: Schedules) -> None:
    do(lambda *_: structlog.contextvars.bind_contextvars(row=1))
    with structlog.contextvars.bound_contextvars(mine=1):
        schedule.run("nightly")
        assert structlog.contextvars.get_contextvars() == {"mine": 1}


def wait_for_a_limit(*_: Any) -> None:
    threading.Event().wait(20)


def test_the_soft_limit_is_raised_in_the_job(schedule: Schedules) -> None:
    do(wait_for_a_limit)
    run = schedule.run("quick").expect("failed")
    assert run.error == "SoftTimeLimitExceeded: the job took longer than its soft_timeout of 50ms"
    assert isinstance(run.exception, SoftTimeLimitExceeded)


def test_the_hard_limit_ends_a_job_that_will_not_hear(schedule: Schedules) -> None:
    def stubborn(*_: Any) -> str:
        while True:
            try:
                wait_for_a_limit()
            except Exception:  # noqa: BLE001 - as careless jobs do
                continue

    do(stubborn)
    handlers = [signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGUSR2)]
    run = schedule.run("quick").expect("failed")
    assert run.error == "TimeLimitExceeded: the job took longer than its timeout of 150ms"
    assert [signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGUSR2)] == handlers


@pytest.mark.parametrize("library", ["freezegun", "time-machine"])
def test_async_jobs_work_also_where_the_clock_stands_still(schedule: Schedules, library: str) -> None:
    do(lambda: current_run().entry)
    for _ in schedule.step("async", count=1, clock=library):
        assert schedule.run("async", kwargs={"seconds": 0.01}).expect().result == "async"


def test_async_tests_can_run_jobs(schedule: Schedules) -> None:
    async def test() -> Any:
        do(lambda *_: threading.current_thread() is threading.main_thread())
        return [schedule.run(name).expect().result for name in ("async", "nightly")]

    assert asyncio.run(test()) == [False, False]


def test_an_expectation_that_fails_tells_the_whole_story(schedule: Schedules) -> None:
    def action(*_: Any) -> None:
        log.info("exporting")
        raise OSError("gone")

    do(action)
    run = schedule.run("nightly", at="2026-03-28 02:30", attempt=3)
    assert repr(run) == "<run of nightly at 2026-03-28T01:30:00Z, attempt 3 of 3: failed, OSError: gone>"
    with pytest.raises(AssertionError) as failed:
        run.expect()
    first, *trace, last = str(failed.value).splitlines()
    assert first == f"{run!r}, not succeeded"
    assert trace[0] == "Traceback (most recent call last):"
    assert trace[-1] == "OSError: gone"
    assert not [line for line in trace if "/scheduler/" in line]
    assert last == "  info: exporting"
    assert run.expect("failed") is run


@pytest.mark.parametrize("error", [KeyboardInterrupt(), pytest.fail.Exception("told so")], ids=repr)
def test_what_is_meant_for_who_runs_the_tests_is_no_outcome_of_the_job(
    schedule: Schedules, error: BaseException
) -> None:
    do(raises(error))
    with pytest.raises(type(error)):
        schedule.run("nightly")
    assert active_run() is None
