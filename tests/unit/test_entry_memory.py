"""Reading again with a memory: the same entries as without, for less."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from scheduler.entry import Entry
from scheduler.job_catalogue import JobCatalogue
from scheduler.reading import entry_tables
from scheduler.reading.entry_layers import Layers
from scheduler.reading.entry_memory import EntryMemory
from scheduler.reading.schedule_file import ScheduleFile, read_schedules
from scheduler.retry import RetryPolicy
from tests.support.schedule_files import JOBS

TEXT = """
[defaults]
owner = "data"
[schedules.a]
job = "jobs.nightly"
kwargs = { region = "eu", limit = 1 }
interval = "5m"
[schedules.b]
job = "jobs.tidy"
crontab = "*/7 * * * *"
[schedules.c]
job = "jobs.tidy"
[env.live.schedules.a]
queue = "q"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "s.toml"
    path.write_text(TEXT)
    return path


def read(path: Path, memory: EntryMemory | None, env: str | None = None, **jobs: str) -> ScheduleFile:
    known = {name: each for name, each in JOBS.items() if name not in jobs.values()}
    return read_schedules(path, catalogue=JobCatalogue(known), environ={}, env=env, memory=memory)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ('owner = "data"', 'owner = "ops"'),
        ("limit = 1", "limit = 2"),
        ("limit = 1", 'limit = "one"'),
        ("*/7", "*/5"),
        ("[schedules.c]", "[schedules.d]"),
        ('queue = "q"', 'queue = "r"'),
        ('interval = "5m"', 'interval = "5 minutes"'),
        ("[defaults]", "[defaults]\nzzz = 1"),
    ],
)
@pytest.mark.parametrize("env", [None, "live"])
def test_a_file_is_read_as_without_a_memory(path: Path, before: str, after: str, env: str | None) -> None:
    memory = EntryMemory()
    read(path, memory, env)
    path.write_text(TEXT.replace(before, after))
    for _ in range(2):
        with_memory, without = read(path, memory, env), read(path, None, env)
        assert with_memory.entries == without.entries
        assert with_memory.problems == without.problems
        assert with_memory.digest == without.digest


def test_what_stands_as_it_stood_is_not_made_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = EntryMemory()
    first = read(path, memory)
    made: list[str] = []
    retry_of = entry_tables._retry

    def noted(values: Any, layers: Layers) -> RetryPolicy:
        made.append(layers.name)
        return retry_of(values, layers)

    monkeypatch.setattr(entry_tables, "_retry", noted)
    path.write_text(TEXT.replace("limit = 1", "limit = 2"))
    again = read(path, memory)
    assert made == ["b"]  # it has a warning, which is said each time
    assert again.entries["a"] == replace(first.entries["a"], kwargs={"region": "eu", "limit": 2})
    assert again.entries["c"] is first.entries["c"]
    assert again.digest != first.digest


DEFAULTS = """
[defaults]
job = "jobs.nightly"
kwargs = { limit = 7 }
timeout = "1h"
[env.live.defaults]
owner = "ops"
"""
ENTRIES = {
    "plain": 'kwargs = { region = "eu" }\ncrontab = "5 2 * * *"',
    "alike": 'kwargs = { region = "us" }\ncrontab = "5 2 * * *"',
    "by-position": 'args = ["eu", 3]\ncrontab = "5 2 * * *"',
    "with-a-limit": 'kwargs = { region = "eu", limit = 3 }\ncrontab = "5 2 * * *"',
    "wrong-type": 'kwargs = { region = 5 }\ncrontab = "5 2 * * *"',
    "wrong-name": 'kwargs = { zone = "eu" }\ncrontab = "5 2 * * *"',
    "given-twice": 'args = ["eu"]\nkwargs = { region = "eu" }\ncrontab = "5 2 * * *"',
    "no-table": 'kwargs = "eu"\ncrontab = "5 2 * * *"',
    "no-list": 'args = "eu"\ncrontab = "5 2 * * *"',
    "nothing": 'crontab = "5 2 * * *"',
    '"no name"': 'kwargs = { region = "eu" }\ncrontab = "5 2 * * *"',
    "not-ascii": 'kwargs = { region = "Köln" }\ncrontab = "5 2 * * *"',
    "a-variable": 'kwargs = { region = "${UNSET}" }\ncrontab = "5 2 * * *"',
    "moved": 'kwargs = { region = "eu" }\ncrontab = "5 2 * * *"\njitter = "1h"',
    "moved-too": 'kwargs = { region = "us" }\ncrontab = "5 2 * * *"\njitter = "1h"',
    "hashed": 'kwargs = { region = "eu" }\ncrontab = "H 2 * * *"',
    "hashed-too": 'kwargs = { region = "us" }\ncrontab = "H 2 * * *"',
    "bounded": 'kwargs = { region = "eu" }\ncrontab = "H 2 * * *"\nends_at = 2030-01-01',
    "bounded-too": 'kwargs = { region = "us" }\ncrontab = "H 2 * * *"\nends_at = 2030-01-01',
    "follows": 'kwargs = { region = "eu" }\nafter = "plain"',
    "follows-too": 'kwargs = { region = "eu" }\nafter = "plain"',
    "follows-none": 'kwargs = { region = "eu" }\nafter = "zzzzzzzzz"',
    "by-hand": 'kwargs = { region = "eu" }',
    "on-time": 'kwargs = { region = "eu" }\ncrontab = "0 0 * * *"\nexclude = ["0 0 1 * *"]',
    "on-time-too": 'kwargs = { region = "us" }\ncrontab = "0 0 * * *"\nexclude = ["0 0 1 * *"]',
    "allowed": 'kwargs = { region = "eu" }\ninterval = "5m"\nallow = { no-timeout = "short" }',
    "allowed-too": 'kwargs = { region = "us" }\ninterval = "5m"\nallow = { no-timeout = "short" }',
    "grouped": 'kwargs = { region = "us" }\ncrontab = "5 2 * * *"\ngroup = "one"',
}
ALONE = {"follows", "follows-too"}  # these need another


@pytest.mark.parametrize("env", [None, "live"])
@pytest.mark.parametrize("lint_at", [None, datetime(2026, 11, 21, tzinfo=UTC)], ids=["beat", "check"])
def test_entries_that_are_alike_are_read_as_each_alone(
    tmp_path: Path, env: str | None, lint_at: datetime | None
) -> None:
    def said(tables: dict[str, str]) -> tuple[dict[str, str], set[str]]:
        path = tmp_path / "s.toml"
        text = "\n".join(f"[schedules.{name}]\n{table}" for name, table in tables.items())
        path.write_text(f'{DEFAULTS}{text}\n[env.live.schedules.alike]\nqueue = "q"\n')
        jobs = JobCatalogue(JOBS)
        file = read_schedules(path, catalogue=jobs, environ={}, env=env, lint_at=lint_at)
        problems = {
            f"{each.code} {each.message}" for each in (*file.problems, *file.notices) if each.entry != "alike"
        }
        return {name: entry.text() for name, entry in file.entries.items()}, problems

    together, problems = said(ENTRIES)
    one_by_one = [said({name: table}) for name, table in ENTRIES.items() if name not in ALONE]
    assert {name: text for name, text in together.items() if name not in ALONE} == {
        name: text for entries, _ in one_by_one for name, text in entries.items()
    }
    assert problems == {each for _, some in one_by_one for each in some}
    assert len(problems) > 8


def test_an_entry_as_text_is_read_back_as_the_same(path: Path) -> None:
    for entry in read(path, None).entries.values():
        assert Entry.from_json(json.loads(entry.text())) == entry
        other = replace(entry, owner="else")
        assert other.text() == Entry.from_json(other.to_json()).text() != entry.text()


def test_entries_are_checked_anew_when_the_jobs_are_others(path: Path) -> None:
    memory = EntryMemory()
    read(path, memory)
    (problem,) = read(path, memory, gone="jobs.nightly").errors
    assert "no job 'jobs.nightly'" in problem.message
