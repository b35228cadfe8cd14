"""The page of worked examples: each key with a file that sets it, and what comes of the file.

`python -m tests.docs.worked_examples` writes what comes of each into the page anew.
"""

import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from freezegun import freeze_time

from scheduler.durations import format_duration
from scheduler.entry import Entry
from scheduler.entry_ticks import coming_ticks, zone_of_entry
from scheduler.reading.schedule_file import ScheduleFile, read_schedules
from tests.docs.pages import DOCS, page

NAME = "reference/schedule-examples.md"
NOW = datetime(2026, 11, 21, tzinfo=UTC)
TICKS = 4
EXAMPLE = re.compile(r"^## (.+?)\n(.*?)^```toml\n(.*?)^```\n+^```text\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
# What the examples name beside themselves, and the variables that they take.
FILES = {
    "teams/data.toml": '[schedules.of-the-team]\njob = "jobs.team.weekly"\ninterval = "2d"\n',
    "company.ics": "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\n"
    "DTSTART;VALUE=DATE:20261123\r\nSUMMARY:Stocktaking\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
}
VARIABLES = {"REGION": "eu", "TOKEN": "s3cret-t0ken"}
_TIMES = ("name", "job", "schedule", "exclusion")


@dataclass(frozen=True)
class Example:
    """One section: the keys that its heading names, the file, and what the page says comes of it."""

    keys: tuple[str, ...]
    text: str
    said: str

    @property
    def env(self) -> str | None:
        """The environment in which it is read: the one that the file has."""
        found = re.search(r"^\[env\.(\w+)", self.text, re.MULTILINE)
        return found[1] if found else None


def examples() -> list[Example]:
    """All examples of the page."""
    return [
        Example(tuple(re.findall(r"`([a-z_.]+)`", heading)), text, said)
        for heading, _, text, said in EXAMPLE.findall(page(NAME))
    ]


def read(example: Example) -> ScheduleFile:
    """The example's file as a beat reads it, its jobs taken on trust."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in {**FILES, "schedules.toml": example.text}.items():
            path = Path(folder) / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        path = Path(folder) / "schedules.toml"
        with freeze_time(NOW):  # a calendar's days are worked out around the year in which it is read
            return read_schedules(path, catalogue=None, environ=VARIABLES, env=example.env)


def outcome(example: Example) -> str:
    """What comes of the file: each entry with its next ticks, and what it is told besides."""
    lines = []
    for name, entry in read(example).entries.items():
        lines += [name, *(f"    {line}" for line in (*_ticks(entry), *_rules(entry)))]
    return "".join(f"{line}\n" for line in lines)


def _ticks(entry: Entry) -> Iterator[str]:
    if entry.schedule is None or not entry.enabled:
        yield f"no times of its own: {entry.follows or 'by hand'}" if entry.enabled else "no ticks"
        return
    zone = zone_of_entry(entry)
    found = list(islice(coming_ticks(entry, NOW), TICKS + 1))
    for tick in found[:TICKS]:
        local = tick.astimezone(zone)
        spec = "milliseconds" if local.microsecond else "seconds"
        yield f"{local:%a} {local.isoformat(' ', spec)} {zone.key}"
    if len(found) <= TICKS:
        yield "and no more"


def _rules(entry: Entry) -> Iterator[str]:
    for key, value in entry.to_json().items():
        if key not in _TIMES:
            mine = getattr(entry, key, value)
            yield f"{key} = {format_duration(mine) if isinstance(mine, timedelta) else json.dumps(value)}"


def main() -> None:
    """Write what comes of each example into the page."""
    path = DOCS / NAME
    for example in examples():
        text = path.read_text()
        before = f"```toml\n{example.text}```\n\n```text\n{example.said}```\n"
        path.write_text(
            text.replace(before, f"```toml\n{example.text}```\n\n```text\n{outcome(example)}```\n")
        )


if __name__ == "__main__":
    main()
