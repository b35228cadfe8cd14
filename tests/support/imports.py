"""Imports as the tests look at them: the text that is written, read back as `onbeat check` would."""

import tomllib
from pathlib import Path
from typing import Any

from scheduler.importing import Imported, imported, kind_of, toml_text
from scheduler.reading.schedule_file import read_schedules

EXAMPLES = Path(__file__).parents[1] / "data" / "import"


def from_example(name: str, **options: Any) -> Imported:
    """The import of a file of tests/data/import, its kind found by its content."""
    path = EXAMPLES / name
    text = path.read_text(encoding="utf-8")
    return imported(text, path, kind_of(text, path), **options)


def from_text(text: str, kind: str, **options: Any) -> Imported:
    return imported(text, Path("-"), kind, **options)


def entries(found: Imported, folder: Path) -> dict[str, Any]:
    """The tables of the written file, once `read_schedules` has found no error in it."""
    path = folder / "imported.toml"
    path.write_text(toml_text(found, source="a test"), encoding="utf-8")
    file = read_schedules(path, catalogue=None, environ={})
    assert [problem.text() for problem in file.errors] == []
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    return dict(document["schedules"])


def said(found: Imported, entry: str | None = None) -> list[str]:
    """What was said of one entry, or of the whole file."""
    if entry is None:
        return [note.text for note in found.notes]
    (draft,) = [draft for draft in found.drafts if draft.name == entry]
    return [note.text for note in draft.notes]
