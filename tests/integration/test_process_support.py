"""The tests' own instruments: what they can't hear or leave behind would make other tests worthless."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.children import running
from tests.support.process import OnbeatProcess, clean_environ, finished, started
from tests.support.waiting import eventually

TALKER = """
import json, sys, threading
print("started", flush=True)
for number in range(3):
    print(json.dumps({"event": "tick.dispatched", "entry": "a", "number": number}), flush=True)
print("trouble", file=sys.stderr, flush=True)
threading.Event().wait()
"""
LEAVES_A_DAEMON = """
import subprocess
subprocess.Popen(["/bin/sleep", "600"], start_new_session=True)
"""
WAITS = """
import threading
print("up", flush=True)
threading.Event().wait()
"""
KILLED_TESTER = """
import os, signal
from pathlib import Path
from tests.support.process import OnbeatProcess, clean_environ
process = OnbeatProcess((), directory=Path("."), environ=clean_environ(), program=("/bin/sleep", "600"))
print(process.mark, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def program(source: str) -> tuple[str, ...]:
    return (sys.executable, "-c", source)


def test_events_and_lines_are_read_while_the_process_runs(tmp_path: Path) -> None:
    with started(directory=tmp_path, environ=clean_environ(), program=program(TALKER)) as talker:
        assert talker.wait_for_event("tick.dispatched", count=2)["number"] == 1
        assert talker.wait_for_event("tick.dispatched", number=2, entry="a")
        assert talker.wait_for_line("trouble") == "trouble"
        assert talker.strays == ["started"]
        assert talker.stop() == -signal.SIGTERM


def test_an_event_that_does_not_come_fails_with_what_was_said(tmp_path: Path) -> None:
    with started(directory=tmp_path, environ=clean_environ(), program=program(TALKER)) as talker:
        talker.wait_for_line("started")
        with pytest.raises(AssertionError, match=r"(?s)no run\.failed .*within 0 s.*started"):
            talker.wait_for_event("run.failed", within=0)


def test_waiting_for_an_event_of_an_ended_process_fails_at_once(tmp_path: Path) -> None:
    with (
        started(directory=tmp_path, environ=clean_environ(), program=program("print('bye')")) as brief,
        pytest.raises(AssertionError, match="bye"),
    ):
        brief.wait_for_event("run.failed", within=50)


def test_a_daemon_left_behind_fails_the_test_and_is_ended(tmp_path: Path) -> None:
    marks: list[str] = []

    def test() -> None:
        with started(directory=tmp_path, environ=clean_environ(), program=program(LEAVES_A_DAEMON)) as parent:
            marks.append(parent.mark)
            parent.wait()

    with pytest.raises(AssertionError, match="sleep 600"):
        test()
    assert not running(marks[0])


def test_a_command_that_ends_gives_code_and_output(tmp_path: Path) -> None:
    source = "import sys; print('[1]'); print(sys.stdin.read(), file=sys.stderr); sys.exit(6)"
    ended = finished(directory=tmp_path, environ=clean_environ(), program=program(source), stdin=b"yes")
    assert ended.expect(6).json() == [1]
    assert ended.err == "yes\n"
    with pytest.raises(AssertionError, match="ended with 6, not 0"):
        ended.expect(0)


def test_a_command_that_hangs_is_ended(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="did not end within"):
        finished(directory=tmp_path, environ=clean_environ(), program=("/bin/sleep", "600"), within=0.1)


def test_what_a_killed_tester_started_ends_with_it(tmp_path: Path) -> None:
    """kill -9 of pytest leaves no server or beat on the machine."""
    root = Path(__file__).parents[2]
    tester = subprocess.run(
        [sys.executable, "-c", KILLED_TESTER], cwd=root, capture_output=True, text=True, check=False
    )
    mark = tester.stdout.strip()
    assert tester.returncode == -signal.SIGKILL
    eventually(lambda: not running(mark), 5)


def test_no_setting_of_this_shell_reaches_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONBEAT_REDIS_URL", "redis://elsewhere")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy")
    environ = clean_environ(HOME="/nowhere")
    assert environ["HOME"] == "/nowhere"
    assert not {"ONBEAT_REDIS_URL", "HTTPS_PROXY"} & environ.keys()
    assert environ["PATH"] == os.environ["PATH"]


def test_kill_ends_children_in_other_sessions_too(tmp_path: Path) -> None:
    process = OnbeatProcess(
        (), directory=tmp_path, environ=clean_environ(), program=program(LEAVES_A_DAEMON + WAITS)
    )
    try:
        process.wait_for_line("up")
        process.kill()
        process.assert_nothing_left()
    finally:
        process.close()
