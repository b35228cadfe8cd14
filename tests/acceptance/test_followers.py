"""Entries that follow on others, as a user runs them: fan-out, fan-in, a failure, and what the commands show."""

import json

from scheduler.run import Run, RunState
from scheduler.store import Keys, Store, connect
from tests.support.project import Project
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

JOBS = """
from scheduler import current_run, job

@job
def step() -> str:
    run = current_run()
    print(run.entry, "by", run.trigger)
    return run.entry

@job
def fail() -> None:
    raise ValueError("on purpose")
"""
SCHEDULES = """
[defaults]
job = "jobs.step"
[schedules.extract]
[schedules.clean]
after = "extract"
[schedules.count]
after = "extract"
[schedules.load]
after = ["clean", "count"]
[schedules.report]
job = "jobs.fail"
after = "load"
[schedules.alarm]
after_failed = ["report"]
[schedules.never]
after = "report"
"""


def test_a_whole_tree_runs_and_is_shown(project: Project, valkey: ValkeyServer) -> None:
    project.write("jobs/__init__.py", JOBS)
    project.write("schedules.toml", SCHEDULES)
    store = Store(connect(valkey.url), Keys())
    with project.start("beat") as beat, project.start("worker", "-c", "2") as worker:
        beat.wait_for_event("schedules.applied", within=30)
        worker.wait_for_event("worker.started", within=30)
        first = json.loads(project.run("trigger", "extract", "--json").expect(0).out)["run_id"]
        alarm = eventually(lambda: _ended(store, "alarm"), within=20, what="the end of the line")
        assert alarm is not None
        runs = {run.entry: run for run in store.runs.recent(store.entries.names(), limit=20)}
        assert {run.scheduled_at for run in runs.values()} == {runs["extract"].scheduled_at}
        assert runs["report"].state is RunState.FAILED
        assert "never" not in runs
        assert {run.trigger for name, run in runs.items() if name != "extract"} == {"after"}
        tree = project.run("run", first).expect(0).out
        lines = {line.lstrip("│├└─ ").split()[0]: line for line in tree.splitlines()[-6:]}
        depths = {name: line.index(name) // len("└─ ") for name, line in lines.items()}
        assert depths == {"extract": 0, "clean": 1, "count": 1, "load": 2, "report": 3, "alarm": 4}
        assert " count " in lines["load"] or " clean " in lines["load"], (
            "the other one, that it is also after"
        )
        load = json.loads(project.run("run", runs["load"].run_id, "--json").expect(0).out)
        assert set(load["parents"]) == {runs["clean"].run_id, runs["count"].run_id}
        assert load["children"] == [runs["report"].run_id]
        assert worker.stop() == 0
        assert beat.stop() == 0
    assert worker.named("run.log", entry="load")[0]["message"] == "load by after"
    status = json.loads(project.run("status", "--json").expect(0).out)
    assert status["ledger"]["unaccounted"] == 0
    for process in (beat, worker):
        project.write(f"{process.argv[1]}.log", "\n".join(process.out))
    for name in ("extract", "load", "report"):
        of_store, of_logs = (
            project.run("trace", runs[name].run_id, *files).expect(0).out.splitlines()
            for files in ((), ("beat.log", "worker.log"))
        )
        assert _told(of_logs) == _told(of_store)
        assert of_logs[-7:] == of_store[-7:], "the same tree"


def _told(trace: list[str]) -> list[list[str]]:
    """Of each step: what, which attempt and who. The beat that logged the first is not on record."""
    steps = [line.split()[2:5] for line in trace[3 : trace.index("")]]
    return [steps[0][:2], *steps[1:]]


def _ended(store: Store, entry: str) -> Run | None:
    run = store.runs.latest([entry]).get(entry)
    return run if run is not None and run.state.final else None


def test_a_ring_and_a_name_that_is_none_are_refused_where_they_stand(project: Project) -> None:
    project.write(
        "schedules.toml",
        '[schedules.a]\njob = "jobs.hello"\nafter = ["b", "nobody"]\n[schedules.b]\njob = "jobs.hello"\nafter = "a"\n',
    )
    done = project.run("check").expect(3)
    text = done.out + done.err
    assert "schedules.toml:3:10: after: the entries wait for each other: a → b → a" in text
    assert "schedules.toml:3:15: after: there is no entry 'nobody'" in text
    assert "schedules.toml:6:9: after: the entries wait for each other: b → a → b" in text
