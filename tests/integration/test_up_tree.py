"""A supervised tree of real processes: what they say is relayed, who ends is started again, nobody is left."""

import fcntl
import os
import signal
import subprocess
import sys
import termios
from pathlib import Path

import redis

from tests.support.children import kill_all, launch, new_mark, running
from tests.support.process import OnbeatProcess
from tests.support.tree_script import OBEDIENT, STUBBORN, tree, tree_command, tree_environ
from tests.support.waiting import eventually, never


def pid_of(process: OnbeatProcess, child: str, *, count: int = 1) -> int:
    started = process.wait_for_event("child.started", child=child, count=count)
    pid: int = started["child_pid"]
    return pid


def test_a_stop_drains_all_children_and_leaves_nothing(tmp_path: Path) -> None:
    with tree(tmp_path, beat=OBEDIENT, worker=OBEDIENT) as up:
        up.wait_for_event("test.up", count=2)
        assert up.stop() == 0
        assert len(up.named("test.end")) == 2
        assert up.named("up.draining")[0]["reason"] == "SIGTERM"
        assert up.named("up.stopped", exit_code=0)
        assert up.strays == up.err == []


def test_ctrl_c_on_a_terminal_reaches_the_children_only_through_the_tree(tmp_path: Path) -> None:
    """The terminal signals the whole foreground group: children that saw it too would end in disorder."""
    with tree(tmp_path, worker=OBEDIENT) as up:
        up.wait_for_event("test.up")
        up.send_to_group(signal.SIGINT)
        assert up.wait() == 0
        assert up.named("test.end")
        assert up.named("up.draining", reason="Ctrl-C")


def test_a_second_ctrl_c_ends_at_once(tmp_path: Path) -> None:
    with tree(tmp_path, grace=60, worker=STUBBORN) as up:
        up.wait_for_event("test.up")
        up.send(signal.SIGINT)
        up.wait_for_event("up.draining")
        up.send(signal.SIGINT)
        assert up.wait(within=5) == 130


def test_a_child_that_does_not_end_is_killed_with_its_group_after_the_grace(tmp_path: Path) -> None:
    busy = (
        "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        + STUBBORN
    )
    with tree(tmp_path, grace=-4.5, worker=busy) as up:
        up.wait_for_event("test.up")
        assert up.stop() == 0
        assert up.named("child.killed", child="worker")


def test_lines_are_relayed_as_they_are_and_text_becomes_output(tmp_path: Path) -> None:
    talker = """
import os
print('{"event": "run.log", "message": "héllo", "n": 1e3}')
print("plain text")
print('{"no": "event"}')
print("{broken json")
os.write(2, b"to stderr \\xff\\n\\n")
os.write(1, b"x" * 3_000_000 + b"\\n")
print("no newline", end="")
""" + OBEDIENT.replace("end.wait()", "print('bye', end=''); end.wait()")
    with tree(tmp_path, beat=talker) as up:
        up.wait_for_line("no newline")
        up.stop()
        assert '{"event": "run.log", "message": "héllo", "n": 1e3}' in up.out
        texts = [
            (event["message"][:20], event["stream"], event["process"]) for event in up.named("process.output")
        ]
        assert {
            ("plain text", "stdout", "beat"),
            ('{"no": "event"}', "stdout", "beat"),
            ("{broken json", "stdout", "beat"),
            ("to stderr \\xff", "stderr", "beat"),
            ("x" * 20, "stdout", "beat"),
        } <= set(texts)
        assert up.strays == []


def test_a_child_that_dies_is_started_again(tmp_path: Path) -> None:
    with tree(tmp_path, beat=OBEDIENT, worker=OBEDIENT) as up:
        first = pid_of(up, "worker")
        up.wait_for_event("test.up", count=2)
        os.kill(first, signal.SIGKILL)
        assert up.wait_for_event("child.exited", child="worker")["exit_code"] == 128 + signal.SIGKILL
        assert up.wait_for_event("child.restarting", child="worker")["wait_s"] == 0.5
        assert pid_of(up, "worker", count=2) != first
        up.wait_for_event("test.up", count=3)
        assert not up.named("child.exited", child="beat")


def test_what_a_dead_child_left_running_is_ended(tmp_path: Path) -> None:
    parent = """
import os, time
if os.fork() == 0:
    print('{"event": "test.grandchild", "grandchild": %d}' % os.getpid())
    time.sleep(600)
time.sleep(600)
"""
    with tree(tmp_path, worker=parent) as up:
        grandchild = up.wait_for_event("test.grandchild")["grandchild"]
        os.kill(pid_of(up, "worker"), signal.SIGKILL)
        pid_of(up, "worker", count=2)
        eventually(lambda: grandchild not in up.alive(), 5)


def test_a_child_that_cannot_start_ends_all_with_its_reason_and_code(tmp_path: Path) -> None:
    broken = """
import sys
print("schedules.toml:1:1: bad", "error: 1 problem", "  hint: mend it", sep="\\n", file=sys.stderr)
sys.exit(3)
"""
    with tree(tmp_path, beat=broken, worker=OBEDIENT) as up:
        assert up.wait() == 3
        assert up.err == ["error: the beat can't start: 1 problem; hint: mend it"]
        given_up = up.named("child.given_up", child="beat")[0]
        assert (given_up["error"], given_up["hint"]) == ("the beat can't start: 1 problem", "mend it")
        assert "schedules.toml:1:1: bad" in [event["message"] for event in up.named("process.output")]
        assert not up.named("child.restarting")
        up.assert_nothing_left()


def test_a_child_that_crashes_again_and_again_ends_all_with_its_last_error(tmp_path: Path) -> None:
    crashing = """
print('{"event": "process.crashed", "level": "critical", "error": "KeyError: 1"}')
raise SystemExit(70)
"""
    with tree(tmp_path, worker=crashing) as up:
        assert up.wait(within=30) == 70
        assert up.err == ["error: the worker can't start: KeyError: 1; hint: None"]
        assert [event["wait_s"] for event in up.named("child.restarting")] == [0.5, 1, 2, 4]


def test_when_nobody_reads_the_log_the_tree_ends(tmp_path: Path) -> None:
    """As behind `| head -1`."""
    chatty = "import time\nwhile True: print('x'); time.sleep(0.05)"
    mark = new_mark()
    process = launch(
        tree_command(worker=chatty),
        mark=mark,
        environ=tree_environ(),
        directory=tmp_path,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.wait(10) == 0
        assert running(mark) == {}
    finally:
        kill_all(mark)


def test_killing_the_tree_ends_the_children(tmp_path: Path) -> None:
    with tree(tmp_path, server=True, may_leave=True, worker=OBEDIENT) as up:
        up.wait_for_event("test.up")
        up.send(signal.SIGKILL)
        up.wait()
        up.assert_nothing_left(within=5)


def test_the_server_is_first_to_start_last_to_stop_and_started_again(tmp_path: Path) -> None:
    child = 'import os; print(\'{"event": "test.url", "url": "%s"}\' % os.environ[\'URL\'])\n' + OBEDIENT
    with tree(tmp_path, server=True, worker=child) as up:
        url = up.wait_for_event("test.url")["url"]
        with redis.Redis.from_url(url, decode_responses=True) as client:
            client.set("kept", "yes")
            os.kill(up.named("server.started")[0]["server_pid"], signal.SIGKILL)
            up.wait_for_event("server.started", count=2)
            assert client.get("kept") == "yes"
        assert up.stop() == 0
        names = [event["event"] for event in up.events]
        assert names.index("server.started") < names.index("child.started")
        assert names.index("test.end") < names.index("server.stopped")
        assert not (tmp_path / ".onbeat/redis-url").exists()


def test_a_hang_up_is_passed_to_the_beat(tmp_path: Path) -> None:
    listening = (
        'import signal\nsignal.signal(signal.SIGHUP, lambda *_: print(\'{"event": "test.hup"}\'))\n'
        + OBEDIENT
    )
    with tree(tmp_path, beat=listening) as up:
        up.wait_for_event("test.up")
        up.send(signal.SIGHUP)
        up.wait_for_event("test.hup")
        assert up.stop() == 0


def test_a_stop_during_the_start_of_the_server_ends_in_order(tmp_path: Path) -> None:
    with tree(tmp_path, server=True, worker=OBEDIENT) as up:
        eventually((tmp_path / ".onbeat/valkey.conf").exists, 10)
        assert up.stop() == 0


def test_a_child_is_asked_to_stop_only_once(tmp_path: Path) -> None:
    """A worker takes a second SIGTERM as "at once", and cuts off the jobs that run."""
    counting = """
import signal, threading
asked = threading.Semaphore(0)
def on_term(*_):
    print('{"event": "test.asked"}')
    asked.release()
signal.signal(signal.SIGTERM, on_term)
print('{"event": "test.up"}')
asked.acquire()
asked.acquire(timeout=0.5)
"""
    with tree(tmp_path, worker=counting) as up:
        up.wait_for_event("test.up")
        assert up.stop() == 0
        assert len(up.named("test.asked")) == 1


def test_a_server_that_cannot_start_ends_all_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / ".onbeat/data").mkdir(parents=True)
    (tmp_path / ".onbeat/data/appendonlydir").write_text("not a folder")
    with tree(tmp_path, server=True, worker=OBEDIENT) as up:
        assert up.wait() == 4
        assert up.err[0].startswith("error: the embedded server ended at once (exit code 1): ")
        assert up.named("child.given_up", child="server")
        assert not up.named("child.started")


def test_a_third_ctrl_c_leaves_even_while_the_reader_of_the_log_hangs(tmp_path: Path) -> None:
    mark = new_mark()
    process = launch(
        tree_command(server=True, worker="while True: print('x' * 1000)"),
        mark=mark,
        environ=tree_environ(),
        directory=tmp_path,
    )
    try:
        assert process.stdout is not None
        pipe = process.stdout.fileno()
        waiting = bytearray(4)

        def is_full() -> bool:
            fcntl.ioctl(pipe, termios.FIONREAD, waiting)
            return int.from_bytes(waiting, sys.byteorder) > 40_000

        eventually(is_full, 10, what="a full pipe")
        for _ in range(3):
            process.send_signal(signal.SIGINT)
            never(lambda: process.poll() not in (None, 130) and f"exit {process.returncode}", during=0.1)
        assert process.wait(10) == 130
        eventually(lambda: running(mark) == {}, 5, what="the end of what it started")
    finally:
        kill_all(mark)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
