"""Real processes that print, warn, raise and write past Python: each line is one JSON object."""

import pytest

from tests.support.log_script import RUN, both, events, messages, parsed


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


def test_many_events_at_once_are_the_lines_that_one_by_one_would_be() -> None:
    found = events(
        """
        names = ("entry", "job", "run_id", "scheduled_at", "attempt", "reason")
        odd = ["plain", 'quotes " %s', "back" + chr(92), "ünï", "redis://me:secret@host/0", "x" * 300_000, None]
        odd += [chr(0xD800), "tok-3141592"]
        log_setup.hide(["tok-3141592"])
        rows = [(f"e{n}", "jobs.x", f"r{n}", "2026-11-21T00:00:00.000Z", 1, text) for n, text in enumerate(odd)]
        configure("beat")
        for row in rows:
            emit("tick.dispatched", **dict(zip(names, row)))
        log_setup.emit_all("tick.dispatched", names, rows)
        log_setup.emit_all("tick.dispatched", names, [])
        """
    )
    for event in found:
        del event["timestamp"]
    half = len(found) // 2
    assert half == 9
    assert found[:half] == found[half:]
    assert [list(event) for event in found[:half]] == [list(event) for event in found[half:]]


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


def test_of_a_flood_no_line_is_missing_when_the_job_hangs_after_it_and_is_killed() -> None:
    found = events(
        """
        configure("worker"); capture_fds()
        bind_run(**RUN, attempt=1)
        for number in range(5_000):
            print(number)
        threading.Event().wait(0.5)
        os.kill(os.getpid(), 9)
        """,
        code=-9,
    )
    assert [int(text) for text in messages(found, "run.log")] == list(range(5_000))


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
    assert [(event["event"], event["level"], event["message"]) for event in found] == [
        ("process.log", "warning", "to redis://me:***@host/0"),
        ("process.log", "info", "pool"),
        ("run.log", "info", "of the job"),
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


def test_the_error_that_ends_a_process_is_told_to_its_starter_on_stderr() -> None:
    script = """
        from scheduler.errors import InvalidSettings
        configure("beat"); capture_fds()
        try:
            with log_setup.errors_to_stderr():
                print("said before")
                raise {error}
        except Exception as error:
            print("error:", error, file=sys.stderr)
            os.write(2, b"hint\\n")
    """
    out, err = both(script.format(error="InvalidSettings('ONBEAT_WEB_PORT is wrong')"))
    assert messages(parsed(out), "process.output") == ["said before"]
    assert err == "error: ONBEAT_WEB_PORT is wrong\nhint\n"
    out, err = both(script.format(error="KeyError('a bug')"))
    assert [event["event"] for event in parsed(out)] == ["process.output", "process.crashed"]
    assert err == "error: 'a bug'\nhint\n"
