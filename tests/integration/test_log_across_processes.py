"""The log under forks, floods, slow and broken readers, frozen writers: lines stay whole, nothing hangs."""

import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.support.children import kill_all, launch, new_mark
from tests.support.log_script import PREAMBLE, environ, events, messages, written
from tests.support.waiting import eventually


def test_a_forked_child_of_the_pool_has_lines_and_runs_of_its_own() -> None:
    found = events(
        """
        configure("worker"); capture_fds()
        children = []
        for number in range(3):
            child = os.fork()
            if child == 0:
                log_setup.after_fork()
                bind_run(**{**RUN, "run_id": f"r{number}"}, attempt=1)
                print(f"print {number}")
                subprocess.run(["sh", "-c", f"echo program {number}"], check=True)
                clear_run()
                os._exit(0)
            children.append(child)
        for child in children:
            os.waitpid(child, 0)
        """
    )
    assert {(event["run_id"], event["message"]) for event in found} == {
        (f"r{number}", f"{how} {number}") for number in range(3) for how in ("print", "program")
    }
    assert len({event["pid"] for event in found}) == 3


def test_a_plain_fork_of_a_job_writes_into_the_same_run() -> None:
    found = events(
        """
        configure("worker"); capture_fds()
        bind_run(**RUN, attempt=1)
        print("begun by the parent, ", end="")
        if os.fork() == 0:
            print("child")
            os.write(1, b"child by descriptor\\n")
            os._exit(0)
        os.wait()
        print("ended by the parent")
        clear_run()
        """
    )
    assert sorted(messages(found, "run.log")) == [
        "begun by the parent, ended by the parent", "child", "child by descriptor",
    ]  # fmt: skip


def test_long_lines_of_many_processes_and_threads_never_mix() -> None:
    """256 KiB a line is far more than a pipe takes at once."""
    found = events(
        """
        configure("worker"); capture_fds()
        def write():
            for number in range(10):
                emit("process.log", logger="x", message="m" * 30000, more=["n" * 30000] * 4)
        for _ in range(4):
            if os.fork() == 0:
                log_setup.after_fork()
                threads = [threading.Thread(target=write) for _ in range(3)]
                for thread in threads: thread.start()
                for thread in threads: thread.join()
                os._exit(0)
        for _ in range(4):
            os.wait()
        """
    )
    assert len(found) == 4 * 3 * 10
    assert all(event["message"] == "m" * 30000 for event in found)


def test_the_sink_gets_the_lines_of_runs_and_its_failure_is_told_once() -> None:
    found = events(
        """
        configure("worker", level="warning")
        kept = []
        set_run_sink(kept.append)
        print("outside")
        bind_run(**RUN, attempt=1)
        print("inside")
        emit("run.started", lateness_ms=0, queue_ms=0)
        def broken(line):
            print("the sink itself prints")
            raise OSError("no store")
        set_run_sink(broken)
        print("lost"); print("lost too")
        set_run_sink(None)
        clear_run()
        logging.getLogger("test").warning("%s", [line["message"] for line in kept])
        """
    )
    assert [event["event"] for event in found] == ["log.sink_failed", "process.log"]
    assert {"error": "OSError: no store", "run_id": "r1"}.items() <= found[0].items()
    assert found[1]["message"] == "['inside']"


def test_with_two_runs_at_once_raw_output_belongs_to_neither() -> None:
    found = events(
        """
        configure("worker"); capture_fds()
        def run(number):
            bind_run(**{**RUN, "run_id": f"r{number}"}, attempt=1)
            print(f"mine {number}")
            both.wait()
            both.wait()
            clear_run()
        both = threading.Barrier(3)
        threads = [threading.Thread(target=run, args=(number,)) for number in (1, 2)]
        for thread in threads: thread.start()
        both.wait()
        os.write(1, b"whose?\\n")
        log_setup.flush_streams()
        both.wait()
        for thread in threads: thread.join()
        """
    )
    assert {(event.get("run_id"), event["message"]) for event in found} == {
        ("r1", "mine 1"), ("r2", "mine 2"), (None, "whose?"),
    }  # fmt: skip


def test_nothing_is_said_before_configure() -> None:
    assert written("emit('beat.started')") == ""


@pytest.mark.parametrize(
    ("call", "complaint"),
    [("emit('beat.exploded')", "beat.exploded"), ("capture_fds()", "configure\\(\\) comes first")],
)
def test_a_wrong_call_is_refused(call: str, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        written(call)


def test_on_a_terminal_lines_are_for_people(tmp_path: Path) -> None:
    main, terminal = os.openpty()
    script = PREAMBLE + "configure('worker'); capture_fds(); bind_run(**RUN, attempt=1); print('hello')"
    subprocess.run(
        [sys.executable, "-c", script],
        stdout=terminal,
        stderr=terminal,
        env=environ(NO_COLOR="1"),
        check=True,
    )
    assert os.read(main, 4096).decode().rstrip().endswith("worker nightly            │ hello")
    os.close(main)
    os.close(terminal)


def test_a_reader_that_goes_away_silences_the_process_and_does_not_end_it(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    script = PREAMBLE + textwrap.dedent(
        """
        configure("worker"); capture_fds()
        sys.stdin.readline()
        print("to nobody"); os.write(1, b"to nobody"); warnings.warn("nobody"); emit("worker.stopped")
        open(sys.argv[1], "w").write("alive")
        """
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "end")],
        stdin=subprocess.PIPE,
        stdout=writer,
        stderr=subprocess.PIPE,
        env=environ(),
    )
    os.close(writer)
    os.close(reader)
    assert process.communicate(b"go\n", timeout=10)[1] == b""
    assert process.returncode == 0
    assert (tmp_path / "end").read_text() == "alive"


def test_a_slow_reader_loses_no_line_even_on_a_descriptor_that_does_not_block() -> None:
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETFL, os.O_NONBLOCK)
    script = PREAMBLE + "configure('worker'); [print(n, 'x' * 1000) for n in range(500)]"
    process = subprocess.Popen([sys.executable, "-c", script], stdout=writer, env=environ())
    os.close(writer)
    select.select([reader], [], [], 10)
    with os.fdopen(reader, "rb") as stream:
        numbers = [int(json.loads(line)["message"].split()[0]) for line in stream]
    assert process.wait(10) == 0
    assert numbers == list(range(500))


def test_a_process_frozen_in_mid_line_does_not_silence_the_others(tmp_path: Path) -> None:
    """The lock between processes is held by a stopped child: the parent waits a little, then goes on."""
    mark = new_mark()
    script = PREAMBLE + textwrap.dedent(
        """
        import fcntl, signal
        configure("worker"); capture_fds()
        lock = log_setup._Setup.pipeline.writer._lock_file
        if os.fork() == 0:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            os.kill(os.getpid(), signal.SIGSTOP)
        os.waitpid(-1, os.WUNTRACED)
        print("still heard")
        """
    )
    process = launch([sys.executable, "-c", script], mark=mark, environ=environ())
    try:
        out = process.stdout
        assert out is not None
        eventually(lambda: select.select([out], [], [], 0)[0], 10, what="the line")
        assert json.loads(out.readline())["message"] == "still heard"
        assert process.wait(10) == 0
    finally:
        kill_all(mark)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def test_a_signal_handler_may_log_while_a_line_is_being_written() -> None:
    found = events(
        """
        import signal
        configure("worker"); capture_fds()
        signal.signal(signal.SIGALRM, lambda *_: print("tick"))
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        for number in range(3000):
            emit("process.log", logger="x", message=str(number))
        signal.setitimer(signal.ITIMER_REAL, 0)
        """
    )
    assert [int(text) for text in messages(found, "process.log")] == list(range(3000))
    assert "tick" in messages(found, "process.output")


def test_a_job_that_closes_its_stdout_does_not_spin_or_silence_the_rest() -> None:
    found = events(
        """
        import time
        configure("worker"); capture_fds()
        sys.stdout.close(); os.close(1)
        print("still printed")
        before = time.process_time()
        threading.Event().wait(0.3)
        assert time.process_time() - before < 0.2
        """
    )
    assert messages(found, "process.output") == ["still printed"]


def test_a_process_started_without_stdout_lives(tmp_path: Path) -> None:
    script = PREAMBLE + "configure('worker'); print('x'); open(sys.argv[1], 'w').write('alive')"
    subprocess.run(
        ["sh", "-c", 'exec "$0" -c "$1" "$2" >&-', sys.executable, script, str(tmp_path / "end")],
        env=environ(),
        check=True,
        timeout=10,
    )
    assert (tmp_path / "end").read_text() == "alive"


def test_killing_a_process_leaves_only_whole_lines() -> None:
    mark = new_mark()
    script = PREAMBLE + "configure('worker'); capture_fds()\nwhile True: print('x' * 3000)"
    process = launch([sys.executable, "-c", script], mark=mark, environ=environ())
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(200)]
    process.send_signal(signal.SIGTERM)
    lines += process.stdout.read().splitlines(keepends=True)
    process.wait(10)
    process.stdout.close()
    if process.stderr is not None:
        process.stderr.close()
    *whole, last = lines
    assert all(json.loads(line) for line in whole)
    assert last.startswith(b"{")


def test_the_last_words_of_a_process_that_hangs_are_seen_before_it_is_killed() -> None:
    mark = new_mark()
    script = PREAMBLE + textwrap.dedent(
        """
        configure("worker"); capture_fds(); bind_run(**RUN, attempt=1)
        print("connecting to x", end=""); os.write(1, b"raw words")
        threading.Event().wait()
        """
    )
    process = launch([sys.executable, "-c", script], mark=mark, environ=environ())
    try:
        assert process.stdout is not None
        lines = [json.loads(process.stdout.readline()) for _ in range(2)]
        assert {line["message"] for line in lines} == {"connecting to x", "raw words"}
        assert {line["run_id"] for line in lines} == {"r1"}
    finally:
        kill_all(mark)
        process.wait(10)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
