"""`onbeat up` as a user runs it: with its own server, real jobs, real signals."""

import os
import pty
import re
import signal
import sys
import time

import pytest

from tests.support.children import kill_all, launch, new_mark, running
from tests.support.project import Project
from tests.support.waiting import eventually

START = 30.0
"""A start on a busy machine; alone it takes two seconds."""


def test_up_runs_jobs_says_so_in_json_and_drains(serverless_project: Project) -> None:
    with serverless_project.start("up") as up:
        run = up.wait_for_event("run.succeeded", entry="hello", within=START)
        assert {"job": "jobs.hello", "attempt": 1, "process": "worker"}.items() <= run.items()
        assert up.named("run.log", run_id=run["run_id"])[0]["message"] == "hello world"
        assert up.stop() == 0
        up.assert_nothing_left()
        assert up.strays == up.err == []
        first_fields = ["timestamp", "level", "event", "process", "host", "pid"]
        assert all(list(event)[:6] == first_fields for event in up.events)
        assert [event["event"] for event in up.events[-2:]] == ["server.stopped", "up.stopped"]
        assert {event["event"] for event in up.events} >= {"beat.stopped", "worker.stopped"}


def test_other_commands_in_the_folder_find_the_server_and_a_second_up_is_told_of_the_first(
    serverless_project: Project,
) -> None:
    with serverless_project.start("up") as up:
        up.wait_for_event("run.succeeded", within=START)
        assert serverless_project.run("runs", "--json").expect(0).json()[0]["entry"] == "hello"
        second = serverless_project.run("up").expect(2)
        assert f"error: onbeat up is already running here (pid {up.pid})" in second.err
        assert second.out == ""
        assert up.stop() == 0
    assert "no server" in serverless_project.run("runs").expect(4).err


def test_after_kill_9_of_everything_the_runs_are_still_known(serverless_project: Project) -> None:
    with serverless_project.start("up", may_leave=True) as up:
        done = up.wait_for_event("run.succeeded", within=START)["run_id"]
        up.kill()
    with serverless_project.start("up") as up:
        up.wait_for_event("run.succeeded", within=START)
        known = {run["run_id"] for run in serverless_project.run("runs", "--json").expect(0).json()}
        assert done in known
        assert up.stop() == 0


def test_a_job_that_runs_at_the_stop_is_let_finish(serverless_project: Project) -> None:
    serverless_project.jobs(
        """
        import time
        from scheduler import job

        @job
        def hello() -> str:
            print("working")
            time.sleep(2)
            return "done"
        """
    )
    with serverless_project.start("up") as up:
        begun = up.wait_for_event("run.log", message="working", within=START)["run_id"]
        up.send(signal.SIGINT)
        assert up.wait(within=20) == 0
        assert up.named("run.succeeded", run_id=begun), up.transcript()


def test_a_beat_and_a_worker_that_die_are_started_again(serverless_project: Project) -> None:
    with serverless_project.start("up") as up:
        up.wait_for_event("run.succeeded", within=START)
        for child in ("beat", "worker"):
            os.kill(up.named("child.started", child=child)[-1]["child_pid"], signal.SIGKILL)
            up.wait_for_event("child.started", child=child, count=2, within=START)
        seen = len(up.named("run.succeeded"))
        up.wait_for_event("run.succeeded", count=seen + 3, within=START)


def test_a_wrong_file_refuses_the_start_with_its_problems(serverless_project: Project) -> None:
    serverless_project.schedules(
        """
        [schedules.one]
        job = "jobs.hello"
        crontab = "99 * * * *"
        [schedules.two]
        job = "jobs.hello"
        intervall = "1s"
        """
    )
    refused = serverless_project.run("up").expect(3)
    assert refused.out == ""
    assert re.search(r"^schedules\.toml:3:\d+: ", refused.err, re.MULTILINE)
    assert re.search(r"^schedules\.toml:6:1: .*did you mean 'interval'", refused.err, re.MULTILINE)
    assert "error: schedules.toml can't be used: " in refused.err


def test_a_job_that_does_not_exist_ends_all_with_the_beats_reason(serverless_project: Project) -> None:
    serverless_project.schedules('[schedules.one]\njob = "jobs.helo"\ninterval = "1s"\n')
    with serverless_project.start("up") as up:
        assert up.wait(within=START) == 3
        assert any("schedules.toml:2:" in line and "jobs.helo" in line for line in up.err)
        assert any(line.startswith("error: the beat can't start: ") for line in up.err)
        assert up.named("child.given_up", child="beat", exit_code=3)
        assert up.strays == []


def test_a_wrong_setting_is_named(serverless_project: Project) -> None:
    refused = serverless_project.run("up", ONBEAT_SHUTDOWN_GRACE="soon").expect(3)
    assert "ONBEAT_SHUTDOWN_GRACE" in refused.err


def test_with_a_server_of_ones_own_none_is_embedded(project: Project) -> None:
    with project.start("up") as up:
        up.wait_for_event("run.succeeded", within=START)
        assert not (project.directory / ".onbeat").exists()
        assert not up.named("server.started")
        assert up.stop() == 0


def test_on_a_terminal_it_shows_what_comes_next_and_a_log_for_people(serverless_project: Project) -> None:
    shown = _on_a_terminal(serverless_project, until="run.succeeded")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert plain.startswith("Onbeat ")
    assert re.search(
        r"^\s*hello\s+(now|in \d+\S*)\s+\d\d:\d\d:\d\d\s+every 1s\s+jobs\.hello", plain, re.MULTILINE
    )
    assert re.search(r"^\d\d:\d\d:\d\d worker hello +│ hello world", plain, re.MULTILINE)
    assert "\x1b[32mrun.succeeded" in shown
    assert '{"' not in plain


@pytest.mark.timeout(120)
def test_every_line_is_json_whatever_the_jobs_do(serverless_project: Project) -> None:
    """Jobs that print, warn, raise, are killed by their time-out, and write a line without newline."""
    serverless_project.jobs(WILD_JOBS)
    serverless_project.schedules(WILD_SCHEDULES)
    with serverless_project.start("up") as up:
        up.wait_for_event("run.timed_out", entry="stuck", within=START)
        up.wait_for_event("run.failed", entry="raises", within=START)
        up.wait_for_event("run.succeeded", entry="prints", count=5, within=START)
        up.wait_for_event("run.succeeded", entry="command", within=START)
        up.wait_for_event("log.repeated", entry="warns", repeated=995, within=START)
        assert up.stop() == 0
        assert up.strays == []
        assert up.err == []
        running = up.named("worker.draining")[0]["running"]
        assert running <= up.named("worker.started")[0]["concurrency"]
        lines = {event["message"] for event in up.named("run.log")}
        assert {"partial", "to stderr", "by descriptor", "from a program", "without end"} <= lines
        assert {"no newline before the end", "raw and no newline"} <= lines
        assert up.named("run.failed", entry="raises")[0]["traceback"].endswith("ValueError: on purpose")
        assert len(up.named("python.warning", run_id=up.named("python.warning")[0]["run_id"])) == 5
        for event in up.named("run.log"):
            assert {"entry", "job", "run_id", "scheduled_at", "attempt"} <= event.keys()


WILD_JOBS = """
    import os, subprocess, sys, time, warnings
    from scheduler import job

    @job
    def prints():
        print("hello")
        print("to stderr", file=sys.stderr)
        os.write(1, b"by descriptor\\n")
        subprocess.run(["echo", "from a program"], check=True)
        print("partial", end="")

    @job
    def warns():
        for _ in range(1000):
            warnings.warn("old ways", stacklevel=1)

    @job
    def raises():
        raise ValueError("on purpose")

    @job
    def stuck():
        print("no newline before the end", end="", flush=True)
        os.write(2, b"raw and no newline")
        time.sleep(600)
"""
WILD_SCHEDULES = """
    [defaults]
    interval = "1s"

    [schedules.prints]
    job = "jobs.prints"

    [schedules.warns]
    job = "jobs.warns"

    [schedules.raises]
    job = "jobs.raises"

    [schedules.stuck]
    job = "jobs.stuck"
    timeout = "4s"

    [schedules.command]
    job = "onbeat.command"
    kwargs = { shell = "printf 'without end'; echo oops >&2" }
"""


def _on_a_terminal(project: Project, *, until: str) -> str:
    """What `onbeat up` shows on a terminal until a text appears; then Ctrl-C."""
    main, terminal = pty.openpty()
    mark = new_mark()
    process = launch(
        [sys.executable, "-m", "scheduler", "up"],
        mark=mark,
        environ={**project.environ, "TERM": "xterm-256color", "COLUMNS": "120"},
        directory=project.directory,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    shown = b""
    give_up_at = time.monotonic() + START
    try:
        while until.encode() not in shown:
            assert time.monotonic() < give_up_at, shown.decode()
            shown += os.read(main, 65536)
        process.send_signal(signal.SIGINT)
        while chunk := _read(main):
            shown += chunk
        assert process.wait(20) == 0, shown.decode()
        eventually(lambda: running(mark) == {}, 5)
    finally:
        kill_all(mark)
        os.close(main)
    return shown.decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    """Nothing once the other side is closed, which a terminal says with EIO."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""
