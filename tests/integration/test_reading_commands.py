"""The commands that read and act, on a real store with runs of every kind in it."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from scheduler.attempt import Claimed, Ending
from scheduler.entry import Entry
from scheduler.retry import RetryPolicy
from scheduler.run import Call, RunState, manual_run_id
from scheduler.schedule import Crontab, Interval
from scheduler.store import Keys, Store, connect
from scheduler.timestamps import rfc3339
from tests.support.commands import Onbeat
from tests.support.valkey import ValkeyServer

RUN_FIELDS = [
    "run_id", "entry", "job", "trigger", "scheduled_at", "state", "attempt", "max_attempts", "queue", "worker",
    "queued_at", "started_at", "finished_at", "duration_ms", "lateness_ms", "error", "reason",
]  # fmt: skip
ENTRY_FIELDS = [
    "entry", "job", "schedule", "timezone", "source", "enabled", "paused", "next_at", "last_run", "queue",
]  # fmt: skip
BACKUP = Entry(
    name="backup",
    job="jobs.backup",
    schedule=Crontab("30 2 * * *", "Europe/Berlin"),
    kwargs={"target": "disk"},
    retry=RetryPolicy(max_attempts=3),
    description="Every night",
    owner="ops",
)
HELLO = Entry(name="hello", job="jobs.hello", schedule=Interval(timedelta(seconds=30)), queue="quick")
BY_HAND = Entry(name="by-hand", job="jobs.hello")


@pytest.fixture
def store(valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Store:
    """A store with three entries; the commands use it."""
    monkeypatch.setenv("ONBEAT_REDIS_URL", valkey.url)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.chdir(tmp_path)
    store = Store(connect(valkey.url), Keys())
    wanted = {entry.name: entry for entry in (BACKUP, HELLO, BY_HAND)}
    store.entries.apply(wanted, digest="d1", revision=7, now=store.presence.now(), by="test")
    return store


def queued(store: Store, entry: Entry, run_id: str | None = None) -> str:
    run_id = run_id or manual_run_id()
    now = store.presence.now()
    store.runs.create(run_id, Call.of(entry), entry=entry.name, trigger="manual", scheduled_at=now)
    return run_id


def running(store: Store, entry: Entry, run_id: str | None = None) -> tuple[str, Call]:
    run_id = queued(store, entry, run_id)
    claimed = store.runs.claim(run_id, 1, "worker-1", "token", timedelta(seconds=15))
    assert isinstance(claimed, Claimed)
    return run_id, claimed.call


def ended(store: Store, entry: Entry, ending: Ending, run_id: str | None = None) -> str:
    run_id, call = running(store, entry, run_id)
    store.runs.finish(run_id, 1, "worker-1", ending, entry=entry.name, call=call)
    return run_id


def log(store: Store, run_id: str, *messages: str) -> None:
    stamp = "2026-11-21T12:00:00.250Z"
    lines = [
        json.dumps({"timestamp": stamp, "level": "info", "event": "run.log", "message": message})
        for message in messages
    ]
    store.logs.append(run_id, lines, keep_for=timedelta(hours=1))


FAILED = Ending(
    state=RunState.FAILED, error="OSError: disk full", traceback="Traceback …\nOSError: disk full"
)


def test_runs_have_the_fields_of_the_interface_newest_first(store: Store, onbeat: Onbeat) -> None:
    first = ended(store, HELLO, Ending(state=RunState.SUCCEEDED, result={"n": 1}))
    second = ended(store, BACKUP, FAILED)
    documents = onbeat("runs", "--json").expect().json()
    assert [document["run_id"] for document in documents] == [second, first]
    assert list(documents[0])[: len(RUN_FIELDS)] == RUN_FIELDS
    assert documents[0]["error"] == "OSError: disk full"
    assert documents[1]["state"] == "succeeded"
    assert documents[1]["scheduled_at"].endswith("Z")


def test_runs_can_be_narrowed_by_entry_state_time_and_number(store: Store, onbeat: Onbeat) -> None:
    for _ in range(3):
        ended(store, HELLO, Ending(state=RunState.SUCCEEDED))
    failed = ended(store, BACKUP, FAILED)
    assert len(onbeat("runs", "--json", "--limit", "2").json()) == 2
    assert [each["run_id"] for each in onbeat("runs", "--json", "--state", "failed").json()] == [failed]
    assert len(onbeat("runs", "hello", "--json").json()) == 3
    assert onbeat("runs", "--json", "--since", "+1h").json() == []
    assert len(onbeat("runs", "--json", "--since", "1h").json()) == 4


def test_piped_runs_are_plain_columns_with_whole_ids(store: Store, onbeat: Onbeat) -> None:
    run_id = ended(store, BACKUP, FAILED)
    title, line = onbeat("runs").expect().out.splitlines()
    assert title.split() == ["RUN", "ENTRY", "STATE", "SCHEDULED", "LATE", "TOOK", "TRY", "NOTE"]
    assert line.startswith(f"{run_id}  backup  failed  20")
    assert line.endswith("1/3  OSError: disk full")


def test_where_nothing_ran_stdout_stays_empty(store: Store, onbeat: Onbeat) -> None:
    assert (onbeat("runs").out, onbeat("runs").err) == ("", "No runs yet.\n")
    assert onbeat("runs", "--state", "failed").err == "No such runs.\n"
    assert onbeat("runs", "--json").json() == []


def test_a_run_is_shown_with_its_attempts_and_traceback(store: Store, onbeat: Onbeat) -> None:
    run_id = ended(store, BACKUP, FAILED)
    document = onbeat("run", run_id, "--json").expect().json()
    assert list(document)[: len(RUN_FIELDS)] == RUN_FIELDS
    assert {"attempts", "result", "traceback", "parent", "children"} <= set(document)
    (attempt,) = document["attempts"]
    assert (attempt["attempt"], attempt["outcome"], attempt["error"]) == (1, "failed", "OSError: disk full")
    text = onbeat("run", run_id).expect().out
    assert "OSError: disk full" in text
    assert "Traceback …" in text


def test_a_run_is_found_by_the_beginning_of_its_id(store: Store, onbeat: Onbeat) -> None:
    run_id = ended(store, HELLO, Ending(state=RunState.SUCCEEDED), "aaaa1111-0000-4000-8000-000000000000")
    ended(store, BACKUP, FAILED, "aaaa2222-0000-4000-8000-000000000000")
    assert onbeat("run", "AAAA1", "--json").expect().json()["run_id"] == run_id
    ambiguous = onbeat("run", "aaaa").expect(2)
    assert ambiguous.err == (
        "error: 'aaaa' is the beginning of 2 runs: aaaa1111-0000-4000-8000-000000000000, "
        "aaaa2222-0000-4000-8000-000000000000\n  hint: give more of the id\n"
    )


def test_entries_have_the_fields_of_the_interface(store: Store, onbeat: Onbeat) -> None:
    run_id = ended(store, BACKUP, FAILED)
    documents = {document["entry"]: document for document in onbeat("entries", "--json").expect().json()}
    assert list(documents) == ["backup", "by-hand", "hello"]
    backup = documents["backup"]
    assert list(backup)[: len(ENTRY_FIELDS)] == ENTRY_FIELDS
    assert (backup["schedule"], backup["timezone"]) == ("30 2 * * *", "Europe/Berlin")
    assert backup["last_run"]["run_id"] == run_id
    assert backup["next_at"].endswith(":30:00.000Z")
    assert (documents["hello"]["schedule"], documents["hello"]["timezone"]) == ("every 30s", None)
    assert (documents["by-hand"]["schedule"], documents["by-hand"]["next_at"]) == (None, None)


def test_entries_are_a_table(store: Store, onbeat: Onbeat) -> None:
    lines = onbeat("entries").expect().out.splitlines()
    assert lines[0].split() == ["ENTRY", "SCHEDULE", "NEXT", "LAST", "RUN", "WHEN", "JOB"]
    assert lines[1].startswith("backup   30 2 * * * Europe/Berlin  20")
    assert lines[2].startswith("by-hand  by hand")


def test_an_entry_is_shown_with_its_policies_next_ticks_and_runs(store: Store, onbeat: Onbeat) -> None:
    ended(store, BACKUP, FAILED)
    document = onbeat("show", "backup", "--json").expect().json()
    assert document["kwargs"] == {"target": "disk"}
    assert document["retry"]["max_attempts"] == 3
    assert len(document["next"]) == 3
    assert document["next"][0] == document["next_at"]
    assert [run["state"] for run in document["runs"]] == ["failed"]
    assert document["ledger"]["unaccounted"] == 0
    text = onbeat("show", "backup").expect().out
    for part in (
        "Every night",
        'target="disk"',
        "30 2 * * * Europe/Berlin",
        "3 attempts",
        "ops",
        "Last runs",
    ):
        assert part in text


def test_an_entry_that_can_not_be_read_is_shown_as_such(store: Store, onbeat: Onbeat) -> None:
    store.client.hset(store.keys.entry("hello"), "definition", "{")
    document = {each["entry"]: each for each in onbeat("entries", "--json").json()}["hello"]
    assert document["trouble"].startswith("not a definition that RedBeat wrote")
    assert "unreadable" in onbeat("entries").out
    assert onbeat("show", "hello").expect().out.startswith("entry")
    refused = onbeat("trigger", "hello").expect(1)
    assert refused.err.startswith("error: the entry 'hello' can't be read: ")


def test_logs_are_what_the_run_wrote(store: Store, onbeat: Onbeat) -> None:
    run_id = ended(store, HELLO, Ending(state=RunState.SUCCEEDED))
    log(store, run_id, "one", "two")
    assert [line.split("  ")[1] for line in onbeat("logs", run_id).expect().out.splitlines()] == [
        "one",
        "two",
    ]
    lines = onbeat("logs", "hello", "--json").expect().out.splitlines()
    assert [json.loads(line)["message"] for line in lines] == ["one", "two"]


def test_logs_of_a_silent_run_say_so_on_stderr(store: Store, onbeat: Onbeat) -> None:
    run_id = ended(store, HELLO, Ending(state=RunState.SUCCEEDED))
    assert onbeat("logs", run_id) == onbeat("logs", "hello")
    assert onbeat("logs", run_id).err == f"The run {run_id} (succeeded) wrote nothing.\n"


def test_following_a_run_that_has_ended_ends_too(store: Store, onbeat: Onbeat) -> None:
    run_id = ended(store, HELLO, Ending(state=RunState.SUCCEEDED))
    log(store, run_id, "one")
    assert onbeat("logs", run_id, "-f").expect().out.endswith("  one\n")


def test_trigger_creates_a_run_with_its_own_arguments_and_announces_it(store: Store, onbeat: Onbeat) -> None:
    document = onbeat("trigger", "hello", "--json").expect().json()
    assert (document["entry"], document["trigger"], document["state"]) == ("hello", "manual", "queued")
    (announced,) = store.pauses.take_announcements()
    assert announced["event"] == "entry.triggered"
    assert announced["run_id"] == document["run_id"]
    assert "@" in announced["by"]
    assert store.outbox.size() == 0
    assert store.client.llen("quick") == 1


def test_trigger_at_a_time_waits_in_the_outbox_until_then(store: Store, onbeat: Onbeat) -> None:
    document = onbeat("trigger", "hello", "--at", "1h", "--json").expect().json()
    assert store.outbox.size() == 1
    assert store.outbox.due("outbox", store.presence.now()) == []
    later = store.presence.now() + timedelta(hours=2)
    assert [run.run_id for run, _ in store.outbox.due("outbox", later)] == [document["run_id"]]


def test_pause_and_resume_are_kept_shown_and_announced(store: Store, onbeat: Onbeat) -> None:
    text = onbeat("pause", "hello", "--for", "1h", "--reason", "new disk").expect().out
    assert text.startswith("hello is paused until ")
    document = {each["entry"]: each for each in onbeat("entries", "--json").json()}["hello"]
    assert document["paused"] is True
    assert document["pause"]["reason"] == "new disk"
    assert document["pause"]["until"] > document["pause"]["paused_at"]
    assert "new disk" in onbeat("show", "hello").out
    assert onbeat("resume", "hello").expect().out == "hello is resumed.\n"
    assert onbeat("resume", "hello").expect().out == "hello was not paused.\n"
    assert [each["event"] for each in store.pauses.take_announcements()] == ["entry.paused", "entry.resumed"]


def test_everything_can_be_paused_and_an_own_pause_outlives_that(store: Store, onbeat: Onbeat) -> None:
    onbeat("pause", "--all", "--reason", "moving").expect()
    onbeat("pause", "hello", "--reason", "broken").expect()
    assert all(each["paused"] for each in onbeat("entries", "--json").json())
    assert onbeat("resume", "backup").expect().out == (
        "backup was not paused. Every entry is paused: `onbeat resume --all` lifts that.\n"
    )
    assert onbeat("resume", "--all").expect().out == "Every entry is resumed. Still paused by name: hello.\n"
    assert [each["entry"] for each in onbeat("entries", "--json").json() if each["paused"]] == ["hello"]


def test_status_has_the_fields_of_the_interface(store: Store, onbeat: Onbeat) -> None:
    store.presence.sign_in("beats", "beat-1", {"host": "h", "pid": 1})
    store.presence.sign_in("workers", "worker-1", {"host": "h", "pid": 2, "queues": ["default"]})
    document = onbeat("status", "--json").expect().json()
    assert [beat["id"] for beat in document["beats"]] == ["beat-1"]
    assert document["workers"][0]["alive"] is True
    assert [queue["queue"] for queue in document["queues"]] == ["default", "quick"]
    assert list(document["ledger"]) == ["expected", "dispatched", "skipped", "coalesced", "unaccounted"]
    assert document["schedules"]["revision"] == 7
    assert document["problems"] == ["no worker takes the queue 'quick'"]
    text = onbeat("status").expect().out
    assert "no worker takes the queue 'quick'" in text
    assert "Beats" in text


def test_status_is_well_where_everything_is_there(store: Store, onbeat: Onbeat) -> None:
    store.presence.sign_in("beats", "beat-1", {"host": "h"})
    store.presence.sign_in("workers", "worker-1", {"host": "h", "queues": ["default", "quick"]})
    assert onbeat("status", "--json").json()["problems"] == []
    assert onbeat("status").out.splitlines()[0].split() == ["state", "well"]


def test_health_follows_the_signs_of_this_host(
    store: Store, onbeat: Onbeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "here")
    assert onbeat("health", "beat").expect(1).out == (
        "beat is not well: no beat of this host (here) has signed in\n"
    )
    store.presence.sign_in("beats", "beat-1", {"host": "here"})
    assert onbeat("health", "beat").expect().out.startswith("beat is well: beat-1 ended its last turn ")
    onbeat("health", "worker").expect(1)
    told = onbeat("health", "worker", "--json").expect(1).json()
    assert told == {"part": "worker", "well": False, "why": "no worker of this host (here) has signed in"}


def test_simulate_takes_run_times_from_the_records(store: Store, onbeat: Onbeat, tmp_path: Path) -> None:
    for seconds in (30, 90):
        run_id = ended(store, HELLO, Ending(state=RunState.SUCCEEDED))
        finished_at = int(store.client.hget(store.keys.run(run_id), "sa")) + seconds * 1000  # type: ignore[arg-type]
        store.client.hset(store.keys.run(run_id), "fa", finished_at)
    ended(store, HELLO, Ending(state=RunState.SKIPPED))
    running(store, HELLO)
    (tmp_path / "schedules.toml").write_text(
        '[schedules.hello]\njob = "onbeat.http"\ninterval = "30s"\nkwargs = { url = "http://x" }\n'
    )
    for name, slots in (("worker-1", 2), ("worker-2", 3)):
        store.presence.sign_in("workers", name, {"queues": ["default"], "concurrency": slots})
    found = onbeat("simulate", "--json").expect().json()
    assert found["waits"]["slots"] == [{"queues": ["default"], "slots": 5}]
    assert "Slots: 5, of the 2 workers that run now." in onbeat("simulate").expect().out
    assert found["run_times"] == {"hello": {"p50": 30.0, "p95": 90.0, "source": "measured", "runs": 2}}
    assert found["run_times_from"] == "measured from up to 50 newest runs for 1 entry"
    assert [(each["usual"], each["often"]) for each in found["overlaps"]] == [(0, 1920)]


def test_runs_of_an_entry_that_is_gone_are_found_while_they_are_on_record(
    store: Store, onbeat: Onbeat
) -> None:
    run_id, call = running(store, HELLO)
    store.entries.apply({"backup": BACKUP}, digest="d2", revision=7, now=store.presence.now(), by="test")
    listed = onbeat("runs", "--state", "running", "--json").expect().json()
    assert [run["run_id"] for run in listed] == [run_id]
    assert onbeat("runs", "hello", "--json").expect().json() == listed
    assert onbeat("run", run_id[:8], "--json").expect().json()["entry"] == "hello"
    store.runs.finish(
        run_id, 1, "worker-1", Ending(state=RunState.FAILED, error="no"), entry="hello", call=call
    )
    assert onbeat("runs", "hello", "--state", "failed").expect().out.count(run_id) == 1
    store.client.delete("onbeat:runs:hello")
    store.entries.apply({}, digest="d3", revision=7, now=store.presence.now(), by="test")
    assert not store.client.exists("onbeat:departed")
    onbeat("runs", "hello").expect(5)


def test_runs_without_an_entry_are_listed_by_their_job(store: Store, onbeat: Onbeat) -> None:
    now = store.presence.now()
    for run_id, job in (("1", "jobs.sent"), ("2", "jobs.other")):
        call = Call(job=job, args=(), kwargs={})
        store.runs.create(run_id, call, entry=None, trigger="manual", scheduled_at=now)
    listed = onbeat("runs", "jobs.sent", "--json").expect().json()
    assert [(run["run_id"], run["entry"]) for run in listed] == [("1", None)]
    onbeat("runs", "jobs.none").expect(5)


def test_runs_decided_at_once_stand_in_the_order_of_their_times(store: Store, onbeat: Onbeat) -> None:
    now = store.presence.now()
    for number in range(60):
        store.runs.create(
            f"{number * 7919 % 60:02}",
            Call.of(BACKUP),
            entry="backup",
            trigger="schedule",
            scheduled_at=now - timedelta(days=number),
        )
    for run_id in map(str, store.client.zrange("onbeat:runs:backup", 0, -1)):
        store.client.zadd("onbeat:runs:backup", {run_id: 1})
        store.client.hset(f"onbeat:run:{run_id}", "qa", 1)
    times = [run["scheduled_at"] for run in onbeat("runs", "backup", "-n", "5", "--json").expect().json()]
    newest = (now - timedelta(days=number) for number in range(5))
    assert times == [rfc3339(moment) for moment in newest]


def test_the_next_tick_is_shown_and_not_a_score_that_redbeat_set_too_early(
    store: Store, onbeat: Onbeat
) -> None:
    tick = onbeat("show", "backup", "--json").expect().json()["next_at"]
    store.client.zincrby("redbeat::schedule", -3.2, "redbeat:backup")
    assert onbeat("show", "backup", "--json").expect().json()["next_at"] == tick
    assert tick in onbeat("entries").expect().out


def test_half_a_surrogate_pair_in_a_result_leaves_json_that_strict_readers_take(
    store: Store, onbeat: Onbeat
) -> None:
    run_id = ended(store, HELLO, Ending(state=RunState.SUCCEEDED, result="a\ud800b"))
    assert '"result": "a\ufffdb"' in onbeat("run", run_id, "--json").expect().out
