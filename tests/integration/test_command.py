"""onbeat.command with real processes: what it reads, how it ends them, and that none outlives its run."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from scheduler.builtin import watched_process
from scheduler.builtin.command import CommandFailed, CommandNotStarted, command
from tests.support.children import MARK, kill_all, launch, new_mark, running
from tests.support.process import clean_environ
from tests.support.waiting import eventually

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def log() -> Iterator[list[Any]]:
    structlog.reset_defaults()
    with capture_logs() as lines:
        yield lines


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """What the commands of this test carry in their environment, whatever session they flee to."""
    mark = new_mark()
    monkeypatch.setenv(MARK, mark)
    yield mark
    monkeypatch.delenv(MARK)
    kill_all(mark)


@pytest.fixture
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched_process, "STOP_GRACE_S", 1.5)


class SoftTimeLimit(Exception):
    """Stands for billiard's SoftTimeLimitExceeded, which is raised by a signal's handler in the same way."""


def interrupt_when(path: Path) -> None:
    """Raise SoftTimeLimit in the main thread once the file is there."""

    def wait() -> None:
        eventually(path.exists, 10)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    def handler(*_: object) -> None:
        raise SoftTimeLimit

    signal.signal(signal.SIGUSR1, handler)
    threading.Thread(target=wait, daemon=True).start()


def said(log: list[Any], stream: str) -> list[str]:
    return [line["event"] for line in log if line.get("stream") == stream]


def test_output_becomes_log_lines_of_two_levels(log: list[Any]) -> None:
    result = command(shell="echo one; echo two >&2; printf 'thr\\377'")

    assert [(line["event"], line["log_level"]) for line in log if line["stream"] == "stdout"] == [
        ("one", "info"),
        ("thr�", "info"),
    ]
    assert [(line["event"], line["log_level"]) for line in log if line["stream"] == "stderr"] == [
        ("two", "warning")
    ]
    assert result["exit_code"] == 0
    assert result["lines"] == 3
    assert result["duration_ms"] >= 0


def test_a_line_is_logged_while_the_command_still_runs(tmp_path: Path, mark: str) -> None:
    """The command waits for a file that is made only once its first line was logged."""
    seen = tmp_path / "seen"

    def touch_at_first(_logger: object, _name: str, event: Any) -> Any:
        if event["event"] == "first":
            seen.touch()
        raise structlog.DropEvent

    structlog.reset_defaults()
    structlog.configure(processors=[touch_at_first])
    try:
        result = command(shell=f"echo first; until [ -e {seen} ]; do sleep 0.02; done; echo second")
    finally:
        structlog.reset_defaults()

    assert result["lines"] == 2


def test_both_pipes_can_be_flooded_without_a_deadlock(log: list[Any]) -> None:
    flood = "import sys\nfor n in range(20000): print('o' * 50); print('e' * 50, file=sys.stderr)"

    assert command([sys.executable, "-c", flood])["lines"] == 40_000
    assert len(said(log, "stdout")) == len(said(log, "stderr")) == 20_000


def test_a_bad_exit_code_fails_with_the_last_line_of_stderr(log: list[Any]) -> None:
    with pytest.raises(CommandFailed) as caught:
        command(shell="ls --secret=hush 2>/dev/null; echo disk full >&2; echo >&2; exit 3")

    assert str(caught.value) == "`ls …` exited with 3: disk full"


def test_another_exit_code_can_be_a_success(log: list[Any]) -> None:
    assert command(["sh", "-c", "exit 3"], ok_exit_codes=[0, 3])["exit_code"] == 3

    with pytest.raises(CommandFailed):
        command(["true"], ok_exit_codes=[3])


def test_a_command_that_is_killed_says_by_which_signal(log: list[Any]) -> None:
    with pytest.raises(CommandFailed, match=r"^`kill …` was ended by SIGKILL$"):
        command(shell="kill -9 $$")


def test_the_environment_is_added_to_and_its_values_are_in_no_log(
    log: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BEFORE", "there")

    result = command(
        shell='[ "$BEFORE$TOKEN" = therehush ] && exit 7', env={"TOKEN": "hush"}, ok_exit_codes=[7]
    )

    assert result["exit_code"] == 7
    assert "hush" not in repr(log)


def test_it_runs_in_its_working_directory_and_finds_programs_from_there(
    tmp_path: Path, log: list[Any]
) -> None:
    script = tmp_path / "here.sh"
    script.write_text("#!/bin/sh\npwd\n")
    script.chmod(0o755)

    command(["./here.sh"], cwd=str(tmp_path))

    assert said(log, "stdout") == [str(tmp_path)]


def test_there_is_no_input_to_wait_for(log: list[Any]) -> None:
    assert command(["cat"])["lines"] == 0


def test_signals_are_as_a_fresh_program_expects_them(log: list[Any]) -> None:
    """A worker ignores some; a command that inherited that could not be interrupted."""
    old = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        command(shell="grep -E '^Sig(Ign|Blk)' /proc/self/status")
    finally:
        signal.signal(signal.SIGINT, old)

    named = 0x7FFFFFFF  # 32 and above are the C library's own and real-time signals
    assert [int(line.split()[1], 16) & named for line in said(log, "stdout")] == [0, 0]


@pytest.mark.parametrize(
    ("mode", "text", "reason"),
    [
        (0o644, "#!/bin/sh\n", "{script} may not be executed by this user (is it executable? chmod +x)"),
        (0o755, "echo hi\n", "{script} is no program: does its first line begin with #!?"),
        (
            0o755,
            "#!/no/such/sh\n",
            "{script} does not exist, or the interpreter that its first line names does not",
        ),
    ],
)
def test_a_program_that_cannot_be_started_says_why(tmp_path: Path, mode: int, text: str, reason: str) -> None:
    script = tmp_path / "script"
    script.write_text(text)
    script.chmod(mode)

    with pytest.raises(CommandNotStarted) as caught:
        command([str(script)])

    assert str(caught.value) == "cannot run `script`: " + reason.format(script=script)


@pytest.mark.usefixtures("short_grace")
def test_an_exception_in_the_job_ends_the_whole_group_gently_first(
    tmp_path: Path, mark: str, log: list[Any]
) -> None:
    """The shell tells that it got SIGTERM; that word still reaches the log. Its child dies too."""
    ready = tmp_path / "ready"
    interrupt_when(ready)

    with pytest.raises(SoftTimeLimit):
        command(shell=f"trap 'echo bye; exit' TERM; sleep 1000 & touch {ready}; wait")

    assert said(log, "stdout") == ["bye"]
    assert running(mark) == {}


@pytest.mark.usefixtures("short_grace")
@pytest.mark.parametrize(
    "line",
    [
        "trap '' TERM; sleep 1000 & touch {ready}; sleep 1000",
        "setsid sleep 1000 & touch {ready}; sleep 1000",
        "timeout 900 sleep 1000 & touch {ready}; sleep 1000",
        "touch {ready}; kill -STOP $$; sleep 1000",
        "setsid sh -c 'trap : TERM; while :; do sleep 1000; done' & touch {ready}; sleep 1000",
        "cp /bin/sleep './odd) R 1 1 (name'; setsid ./odd* 1000 & touch {ready}; sleep 1000",
    ],
    ids=["deaf to SIGTERM", "own session", "own group", "stopped", "starts anew", "odd name"],
)
def test_nothing_outlives_the_stop(tmp_path: Path, mark: str, log: list[Any], line: str) -> None:
    ready = tmp_path / "ready"
    interrupt_when(ready)

    with pytest.raises(SoftTimeLimit):
        command(shell=line.format(ready=ready), cwd=str(tmp_path))

    assert running(mark) == {}


def test_what_a_command_leaves_in_its_group_is_ended_with_a_warning(
    mark: str, log: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    warden = tmp_path / "warden.py"
    text = (REPOSITORY / "scheduler/builtin/warden.py").read_text()
    warden.write_text(text.replace("LINGER_S = 5.0", "LINGER_S = 0.2"))
    monkeypatch.setattr(watched_process, "_WARDEN", warden)

    command(shell="sleep 1000 & echo started")

    assert said(log, "stdout") == ["started"]
    assert log[-1]["event"] == "ended what the command had left running"
    assert log[-1]["processes"] == 1
    assert running(mark) == {}


def test_what_finishes_soon_after_its_command_may_finish(tmp_path: Path, log: list[Any]) -> None:
    """bash does not wait for `tee >(gzip >f)`: ending it at once would cut the file."""
    late = tmp_path / "late"

    command(shell=f"(sleep 0.3; echo late; touch {late}) & echo started")

    assert late.exists()
    assert said(log, "stdout") == ["started", "late"]
    assert [line for line in log if "left running" in line["event"]] == []


def test_a_daemon_in_its_own_session_may_stay_and_holds_nobody_up(mark: str, log: list[Any]) -> None:
    result = command(shell="setsid sleep 1000 & sleep 0.1; echo started")

    assert result["exit_code"] == 0
    assert said(log, "stdout") == ["started"]
    assert [line for line in running(mark).values() if "sleep 1000" in line]


JOB = """
import sys
from scheduler.builtin.command import command
command(shell=sys.argv[1])
"""


def run_job(line: str, mark: str) -> subprocess.Popen[bytes]:
    """A process that runs the job and that a test may kill, in a session of its own as a pool child is."""
    return launch(
        [sys.executable, "-c", JOB, line],
        mark=mark,
        environ=clean_environ(PYTHONPATH=str(REPOSITORY)),
        stdout=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("whole_group", [False, True], ids=["kill -9", "killpg at the hard time-out"])
@pytest.mark.parametrize(
    "line",
    ["sleep 1000 & touch {ready}; sleep 1000", "setsid sleep 1000 & touch {ready}; trap '' TERM; sleep 1000"],
)
def test_nothing_outlives_a_job_whose_process_is_killed(
    tmp_path: Path, line: str, *, whole_group: bool
) -> None:
    ready, mark = tmp_path / "ready", new_mark()
    with run_job(line.format(ready=ready), mark) as job:
        try:
            eventually(ready.exists, 15)
            assert len(running(mark)) >= 4, "the job, its warden, the shell, its sleep"
            (os.killpg if whole_group else os.kill)(job.pid, signal.SIGKILL)
            job.wait(5)
            eventually(lambda: not running(mark), 5, what=str(running(mark)))
        finally:
            kill_all(mark)


def test_a_warden_that_is_killed_takes_its_command_with_it(tmp_path: Path, mark: str, log: list[Any]) -> None:
    ready = tmp_path / "ready"

    def kill_warden() -> None:
        eventually(ready.exists, 10)
        for pid, line in running(mark).items():
            if "warden.py" in line:
                os.kill(pid, signal.SIGKILL)

    threading.Thread(target=kill_warden, daemon=True).start()

    with pytest.raises(CommandFailed, match=r"^`sleep …` was killed together with its keeper"):
        command(shell=f"sleep 1000 & touch {ready}; sleep 1000")
    eventually(lambda: not running(mark), 5)


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_no_descriptor_is_left_open(log: list[Any]) -> None:
    command(["true"])
    before = open_descriptors()

    for _ in range(3):
        command(["true"])
        with pytest.raises(CommandNotStarted):
            command(["/etc/passwd"])

    assert open_descriptors() == before
