"""Real processes that print, warn, raise, fork and write past Python: each line is one JSON object."""

import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.support.children import kill_all, launch, new_mark
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]
RUN = {"entry": "nightly", "job": "jobs.nightly", "run_id": "r1", "scheduled_at": "2026-11-21T00:00:00.000Z"}
PREAMBLE = f"""
import ctypes, logging, os, subprocess, sys, threading, warnings
import structlog
from scheduler import log_setup
from scheduler.log_setup import bind_run, capture_fds, clear_run, configure, emit, flush_streams, set_run_sink
RUN = {RUN!r}
"""


def environ(**values: str) -> dict[str, str]:
    return {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", **values}


def written(script: str, *, code: int = 0, **values: str) -> str:
    """All that a process with this script wrote; nothing may come past its stdout."""
    finished = subprocess.run(
        [sys.executable, "-c", PREAMBLE + textwrap.dedent(script)],
        capture_output=True,
        env=environ(**values),
        timeout=30,
        check=False,
    )
    assert finished.returncode == code, finished.stdout.decode() + finished.stderr.decode()
    assert finished.stderr == b""
    return finished.stdout.decode()


def events(script: str, *, code: int = 0, **values: str) -> list[dict[str, Any]]:
    """Its lines, each of which must be a JSON object with the fields that every line has."""
    found = [json.loads(line) for line in written(script, code=code, **values).splitlines()]
    for event in found:
        assert {"timestamp", "level", "event", "process", "host", "pid"} <= event.keys()
    return found


def messages(found: list[dict[str, Any]], name: str) -> list[str]:
    return [event["message"] for event in found if event["event"] == name]


def test_an_event_has_its_level_place_and_fields() -> None:
    (event,) = events("configure('beat'); emit('schedules.rejected', error='line 3', count=2)")
    assert event["timestamp"].endswith("Z")
    expected = {
        "level": "error",
        "event": "schedules.rejected",
        "process": "beat",
        "error": "line 3",
        "count": 2,
    }
    assert expected.items() <= event.items()


def test_what_a_job_writes_by_any_way_is_bound_to_its_run() -> None:
    found = events(
        """
        configure("worker"); capture_fds()
        bind_run(**RUN, attempt=1)
        print("printed")
        sys.stdout.buffer.write(b"bytes\\n")
        print("to stderr", file=sys.stderr)
        os.write(1, b"descriptor\\n")
        ctypes.CDLL(None).puts(b"from C")
        subprocess.run(["sh", "-c", "echo program; echo complaint >&2"], check=True)
        logging.getLogger("my.lib").info("logged %d", 3, extra={"rows": 7})
        structlog.get_logger("mine").warning("structured", rows=8)
        thread = threading.Thread(target=print, args=("thread",)); thread.start(); thread.join()
        warnings.warn("old", stacklevel=1)
        clear_run()
        print("after")
        """
    )
    of_run = [event for event in found if event.get("run_id") == "r1"]
    assert all({**RUN, "attempt": 1}.items() <= event.items() for event in of_run)
    assert set(messages(of_run, "run.log")) == {
        "printed", "bytes", "to stderr", "descriptor", "from C", "program", "complaint",
        "logged 3", "structured", "thread",
    }  # fmt: skip
    by_message = {event["message"]: event for event in of_run}
    assert {"logger": "my.lib", "rows": 7, "level": "info"}.items() <= by_message["logged 3"].items()
    assert {"logger": "mine", "rows": 8, "level": "warning"}.items() <= by_message["structured"].items()
    assert by_message["complaint"]["stream"] == "stderr"
    assert by_message["complaint"]["level"] == "info"
    assert by_message["old"]["event"] == "python.warning"
    assert by_message["old"]["category"] == "UserWarning"
    assert messages(found, "process.output") == ["after"]


def test_lines_without_newline_come_at_the_end_of_the_run_that_began_them() -> None:
    found = events(
        """
        configure("worker"); capture_fds()
        for number in (1, 2):
            bind_run(**{**RUN, "run_id": f"r{number}"}, attempt=1)
            print(f"printed {number}", end="")
            os.write(1, f"raw {number}".encode())
            sys.stderr.write("\\n")
            clear_run()
        """
    )
    assert [(event["run_id"], event["message"]) for event in found] == [
        ("r1", "printed 1"), ("r1", "raw 1"), ("r2", "printed 2"), ("r2", "raw 2"),
    ]  # fmt: skip


def test_text_that_nobody_ended_is_still_there_at_exit() -> None:
    found = events(
        """
        configure("worker"); capture_fds()
        print("printed", end="")
        os.write(2, b"raw")
        ctypes.CDLL(None).printf(b"C")
        """
    )
    assert sorted(messages(found, "process.output")) == ["C", "printed", "raw"]


def test_an_uncaught_error_is_an_event_with_its_traceback() -> None:
    found = events("configure('worker'); capture_fds(); raise ValueError('the end')", code=1)
    assert [(event["event"], event["level"], event["error"]) for event in found] == [
        ("process.crashed", "critical", "ValueError: the end")
    ]
    assert found[0]["traceback"].startswith("Traceback (most recent call last)")


def test_errors_of_threads_and_destructors_are_events() -> None:
    found = events(
        """
        configure("worker"); capture_fds()
        class Bad:
            def __del__(self): raise KeyError("in del")
        Bad()
        thread = threading.Thread(target=lambda: 1 / 0, name="T"); thread.start(); thread.join()
        thread = threading.Thread(target=sys.exit); thread.start(); thread.join()
        """
    )
    assert [(event["event"], event.get("thread")) for event in found] == [
        ("python.unraisable", None),
        ("thread.crashed", "T"),
    ]
    assert "Bad.__del__" in found[0]["message"]
    assert found[0]["error"] == "KeyError: 'in del'"
    assert found[1]["error"] == "ZeroDivisionError: division by zero"


def test_an_exception_that_is_logged_has_error_and_traceback() -> None:
    found = events(
        """
        configure("worker")
        try: 1 / 0
        except ZeroDivisionError as error:
            logging.getLogger("a").exception("stdlib")
            structlog.get_logger().exception("structlog")
            structlog.get_logger().error("given", exc_info=error)
            emit("beat.turn_failed", error=error)
        """
    )
    assert [event["error"] for event in found] == ["ZeroDivisionError: division by zero"] * 4
    assert all(
        "1 / 0" not in event.get("traceback", "x") or "Traceback" in event["traceback"] for event in found
    )
    assert [event["level"] for event in found] == ["error"] * 4
    assert ["Traceback" in event.get("traceback", "") for event in found] == [True, True, True, False]


def test_the_same_warning_a_thousand_times_is_a_few_lines_and_a_count() -> None:
    found = events(
        """
        configure("worker")
        bind_run(**RUN, attempt=1)
        for _ in range(1000):
            warnings.warn("old", stacklevel=1)
            logging.getLogger("a").warning("again")
        for number in range(8):
            logging.getLogger("a").info("not a warning")
        clear_run()
        """
    )
    counts = {event["message"]: event["repeated"] for event in found if event["event"] == "log.repeated"}
    assert counts == {"old": 995, "again": 995}
    assert len(messages(found, "python.warning")) == 5
    assert messages(found, "run.log").count("again") == 5
    assert messages(found, "run.log").count("not a warning") == 8


def test_deprecations_stay_hidden_unless_python_is_told_otherwise() -> None:
    script = """
        configure("worker")
        exec("import warnings; warnings.warn('soon gone', DeprecationWarning)", {"__name__": "lib"})
    """
    assert events(script) == []
    assert messages(events(script, PYTHONWARNINGS="default"), "python.warning") == ["soon gone"]


def test_libraries_log_outside_of_runs_and_their_chatter_is_left_out() -> None:
    found = events(
        """
        configure("worker")
        bind_run(**RUN, attempt=1)
        logging.getLogger("celery.worker.strategy").info("Task received")
        logging.getLogger("kombu.connection").warning("to redis://me:secret@host/0")
        import billiard.util; billiard.util.get_logger().warning("pool")
        from celery.utils.log import get_task_logger
        get_task_logger("jobs.nightly").info("of the job")
        """
    )
    assert [(event["event"], event["message"]) for event in found] == [
        ("process.log", "to redis://me:***@host/0"),
        ("process.log", "pool"),
        ("run.log", "of the job"),
    ]


def test_celery_does_not_take_the_log_away() -> None:
    found = events(
        """
        configure("worker")
        from celery import Celery, signals
        signals.setup_logging.connect(lambda **_: None, weak=False)
        app = Celery(set_as_current=False)
        app.log.setup(loglevel="INFO", redirect_stdouts=False)
        warnings.warn("ours", stacklevel=1)
        logging.getLogger("celery").error("theirs")
        """
    )
    assert [event["event"] for event in found] == ["python.warning", "process.log"]


def test_a_level_is_obeyed_and_debug_shows_all() -> None:
    script = """
        configure("beat", level="{level}")
        emit("beat.started"); emit("store.unreachable", error="x")
        logging.getLogger("kombu").debug("chatter"); structlog.get_logger().debug("mine"); print("said")
    """
    assert [event["event"] for event in events(script.format(level="error"))] == ["store.unreachable"]
    assert len(events(script.format(level="DEBUG"))) == 5
    with pytest.raises(AssertionError, match="'loud' is no log level: use one of debug, info"):
        events(script.format(level="loud"))


def test_a_line_that_cannot_be_formatted_is_shown_as_it_is() -> None:
    (event,) = events("configure('worker'); logging.getLogger('a').info('%d rows', 'three')")
    assert event["message"].startswith("%d rows ('three',) (TypeError: ")


def test_a_job_cannot_forge_the_fields_of_the_log() -> None:
    (event,) = events(
        """
        configure("worker"); bind_run(**RUN, attempt=1)
        structlog.get_logger().info("x", level="high", pid=3, job="mine", timestamp=4)
        """
    )
    assert (event["level"], event["job"]) == ("info", "jobs.nightly")
    assert (event["level_"], event["pid_"], event["job_"], event["timestamp_"]) == ("high", 3, "mine", 4)


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
