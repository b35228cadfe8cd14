"""Whatever stands in a file of schedules, it is read or refused: at once, with a position, and as the schema says.

`make fuzz` goes through 10,000 files; FILES= and SEED= choose others.
"""

import contextlib
import io
import json
import os
import random
import re
import time
import tomllib
from collections.abc import Iterator
from datetime import date
from datetime import time as time_of_day
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from scheduler.cli.check import check
from scheduler.errors import InvalidSchedules
from scheduler.job_catalogue import JobCatalogue
from scheduler.problem import Problem
from scheduler.reading.schedule_file import ScheduleFile, read_schedules
from scheduler.reading.schedule_schema import schema_of
from tests.support.schedule_files import JOBS
from tests.support.wrong_files import EVERYTHING, GOOD, KINDS, wrong_file

FILES = int(os.environ.get("FILES") or 240)
SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(1_000_000))
PARTS = 4
LONGEST_S = 1.0
EACH_BY_COMMAND = 40

_ERROR = re.compile(r"^\S+\.toml:[0-9]+:[0-9]+: (?!warning: |notice: ).*", re.MULTILINE)

CATALOGUE = JobCatalogue(JOBS)
SCHEMA = Draft202012Validator(schema_of(JOBS))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What EVERYTHING names is there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "teams").mkdir()
    (tmp_path / "teams" / "a.toml").write_text('[schedules.of-team-a]\njob = "jobs.tidy"\n')
    (tmp_path / "company.ics").write_text("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nEND:VCALENDAR\n")
    return tmp_path


def read(content: bytes) -> tuple[ScheduleFile, float]:
    """The file as `onbeat check` reads it, and the seconds of a core that this took."""
    Path("main.toml").write_bytes(content)
    began = time.process_time()
    file = read_schedules(
        "main.toml", catalogue=CATALOGUE, environ={"TOKEN": "secret"}, every_environment=True
    )
    return file, time.process_time() - began


def complaints(content: bytes, *, by_command: bool) -> Iterator[str]:
    """What is not as promised of the file; with `by_command` `onbeat check` is run on it, too."""
    file, took = read(content)
    if by_command:
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            code = check.main(["main.toml"], standalone_mode=False)
        errors = _ERROR.findall(said.getvalue())
        if (code == InvalidSchedules.exit_code) != bool(errors) or (file.errors and not code):
            yield f"exit code {code} with {errors}"
    if took > LONGEST_S:
        yield f"took {took:.2f} s"
    for problem in file.problems:
        yield from _complaints_of(problem)
    for entry in file.entries.values():
        json.dumps(entry.to_json())
    said_by_schema = None if file.errors else _said_by_the_schema(content)
    if said_by_schema is not None:
        yield f"check has no error, and the schema says: {said_by_schema}"


def _complaints_of(problem: Problem) -> Iterator[str]:
    if not problem.message or not problem.text():
        yield f"an empty message: {problem}"
    if problem.severity == "error" and (problem.line is None or problem.column is None):
        yield f"without a position: {problem.headline()}"
    if problem.column is not None and not 1 <= problem.column <= len(problem.source_line or "") + 1:
        yield f"outside of its line: {problem.headline()}"


def _said_by_the_schema(content: bytes) -> str | None:
    document = _plain(tomllib.loads(content.decode("utf-8-sig")))
    error = next(iter(SCHEMA.iter_errors(document)), None)
    return None if error is None else f"{'.'.join(map(str, error.absolute_path))}: {error.message[:300]}"


def _plain(value: Any) -> Any:
    """As editors see it: TOML's dates are text for a schema."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, (date, time_of_day)) else value


def test_the_good_files_are_good() -> None:
    for text in GOOD:
        file, _ = read(text.encode())
        assert [problem.text() for problem in file.errors] == []
    assert _said_by_the_schema(EVERYTHING.encode()) is None


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("part", range(PARTS))
def test_no_file_breaks_the_reading_of_files(part: int) -> None:
    found = []
    for number in range(part * FILES // PARTS, (part + 1) * FILES // PARTS):
        content = wrong_file(SEED, number)
        with contextlib.redirect_stderr(io.StringIO()):
            try:
                told = list(complaints(content, by_command=number % EACH_BY_COMMAND < len(KINDS)))
                found += [f"SEED={SEED} file {number}: {complaint}" for complaint in told]
            except Exception as error:  # noqa: BLE001 - each is a fault to be told with its file
                found.append(f"SEED={SEED} file {number}: {type(error).__name__}: {error}")
    assert not found, "\n" + "\n".join(found)
