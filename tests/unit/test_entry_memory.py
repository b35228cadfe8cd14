"""Reading again with a memory: the same entries as without, for less."""

from pathlib import Path
from typing import Any

import pytest

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
    assert made == ["a", "b"]  # b has a warning, which is said each time
    assert again.entries["c"] is first.entries["c"]
    assert again.digest != first.digest


def test_entries_are_checked_anew_when_the_jobs_are_others(path: Path) -> None:
    memory = EntryMemory()
    read(path, memory)
    (problem,) = read(path, memory, gone="jobs.nightly").errors
    assert "no job 'jobs.nightly'" in problem.message
