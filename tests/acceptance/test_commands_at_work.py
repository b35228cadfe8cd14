"""The commands on a project that runs: what a person sees of a real beat and a real worker."""

import json
import signal
from collections.abc import Iterator

import pytest

from scheduler.entry import Entry
from scheduler.store import Keys, Store, connect
from tests.support.process import OnbeatProcess
from tests.support.project import Project
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

JOBS = """
import time
from scheduler import Skip, job

print("imported")


@job
def hello(name: str = "world") -> str:
    print(f"hello {name}")
    return name


@job
def fail() -> None:
    raise OSError("disk full")


@job
def skip() -> None:
    raise Skip("nothing to do")


@job
def slow() -> None:
    print("begun")
    time.sleep(60)
"""
SCHEDULES = "".join(
    f'[schedules.{name}]\njob = "jobs.{name}"\n' for name in ("hello", "fail", "skip", "slow")
)


@pytest.fixture
def scheduled(project: Project) -> Project:
    """A project whose entries are run by hand only."""
    return prepared(project)


@pytest.fixture(scope="module")
def running(module_project: Project) -> Iterator[Project]:
    """The same with a beat and a worker, for all tests that leave them as they are."""
    project = prepared(module_project)
    with project.start("beat") as beat, project.start("worker", "-c", "2") as worker:
        beat.wait_for_event("schedules.applied", within=20)
        worker.wait_for_event("worker.started", within=20)
        yield project


def prepared(project: Project) -> Project:
    project.environ["ONBEAT_SHUTDOWN_GRACE"] = "1s"
    project.jobs(JOBS)
    project.schedules(SCHEDULES)
    return project


def test_doctor_finds_nothing_wrong_with_a_project_that_works(scheduled: Project) -> None:
    ended = scheduled.run("doctor", "--json").expect()
    findings = {each["check"]: each for each in ended.json()}
    assert {name: each["level"] for name, each in findings.items() if each["level"] != "ok"} == {
        "persistence": "warning",
        "beats": "warning",
        "workers": "warning",
    }
    assert findings["eviction"]["text"] == "maxmemory-policy is noeviction"
    assert findings["schedules"]["text"] == "schedules.toml: 4 entries"
    text = scheduled.run("doctor").expect().out
    assert text.endswith("Nothing wrong, 3 worth a look\n")
    assert "→ set `appendonly yes`" in text


def test_doctor_says_what_is_wrong_with_a_project_that_does_not(scheduled: Project) -> None:
    scheduled.jobs("import nothing_of_that_name\n")
    scheduled.schedules('[schedules.hello]\njob = "jobs.hello"\ncrontab = "61 * * * *"\n')
    ended = scheduled.run("doctor").expect(1)
    assert "✗ jobs" in ended.out
    assert "nothing_of_that_name" in ended.out
    assert "✗ schedules" in ended.out
    assert "→ `onbeat check` shows them all" in ended.out


def test_arguments_that_do_not_fit_the_job_are_refused_before_anything_is_queued(
    scheduled: Project, valkey: ValkeyServer
) -> None:
    store = Store(connect(valkey.url), Keys())
    entry = Entry(name="hello", job="jobs.hello")
    store.entries.apply({"hello": entry}, digest="d1", revision=0, now=store.presence.now(), by="test")
    refused = scheduled.run("trigger", "hello", "--kwargs", '{"nmae": "y"}').expect(2)
    assert refused.out == ""
    assert "error: --kwargs: " in refused.err
    assert "did you mean 'name'?" in refused.err
    assert store.client.llen("default") == 0
    accepted = scheduled.run("trigger", "hello", "--kwargs", '{"name": "y"}', "--json").expect()
    assert accepted.json()["state"] == "queued"
    store.close()


def test_health_is_well_while_beat_and_worker_end_their_turns(running: Project) -> None:
    for part in ("beat", "worker"):
        ended = running.run("health", part, within=5).expect()
        assert ended.out.startswith(f"{part} is well: ")


def test_a_frozen_beat_is_not_well_and_well_again_when_it_goes_on(scheduled: Project) -> None:
    def health() -> int:
        return scheduled.run("health", "beat", "--max-age", "3s", within=5).code

    with scheduled.start("beat") as beat:
        eventually(lambda: health() == 0, within=20, what="a beat that is well")
        beat.send(signal.SIGSTOP)
        eventually(lambda: health() == 1, within=20, what="a beat that is not")
        beat.send(signal.SIGCONT)
        eventually(lambda: health() == 0, within=20, what="a beat that is well again")


def test_a_run_that_is_waited_for_shows_its_log_and_gives_its_outcome(running: Project) -> None:
    well = running.run("trigger", "hello", "--kwargs", '{"name": "you"}', "--wait").expect(0)
    assert "hello you" in well.out
    assert "✓ succeeded" in well.err
    failed = running.run("trigger", "fail", "--wait").expect(1)
    assert "✗ failed" in failed.err
    assert "OSError: disk full" in failed.err
    skipped = running.run("trigger", "skip", "--wait", "--json").expect(0)
    assert (skipped.json()["state"], skipped.json()["reason"]) == ("skipped", "nothing to do")


def test_logs_are_followed_to_the_end_of_the_run(running: Project) -> None:
    run_id = running.run("trigger", "hello", "--json").expect().json()["run_id"]
    ended = running.run("logs", run_id, "-f", "--json", within=20).expect()
    messages = [json.loads(line).get("message") for line in ended.out.splitlines()]
    assert "hello world" in messages


def test_ctrl_c_leaves_the_run_and_says_how_to_go_on(running: Project) -> None:
    with running.start("trigger", "slow", "--wait") as waiting:
        waiting.wait_for_line("begun", within=20)
        waiting.send(signal.SIGINT)
        assert waiting.wait(within=10) == 130
        assert any(line.startswith("The run goes on: onbeat logs ") for line in waiting.err)
    assert [run["state"] for run in running.run("runs", "slow", "--json").json()] == ["running"]


def test_a_pause_reaches_the_log_of_a_beat_with_who_and_why(scheduled: Project) -> None:
    with scheduled.start("beat") as beat:
        beat.wait_for_event("schedules.applied", within=20)
        scheduled.run("pause", "hello", "--reason", "new disk").expect()
        scheduled.run("resume", "hello").expect()
        paused = _announced(beat, "entry.paused")
        assert paused["reason"] == "new disk"
        assert "@" in str(paused["by"])
        assert _announced(beat, "entry.resumed")["entry"] == "hello"


def _announced(beat: OnbeatProcess, event: str) -> dict[str, object]:
    return beat.wait_for_event(event, within=10)
