"""A schedules.toml of what was imported, with what could not be carried over above each entry."""

from typing import Any

import tomli_w

from scheduler.importing.draft import Draft, Imported


def toml_text(imported: Imported, *, source: str) -> str:
    """The text of the file; `source` says in words what it was made from."""
    head = _comment([f"Made by `onbeat import` from {source}.", *(note.text for note in imported.notes)])
    blocks = [head]
    if imported.timezone is not None:
        blocks.append(tomli_w.dumps({"defaults": {"timezone": imported.timezone}}))
    blocks += [_entry(draft) for draft in imported.drafts]
    return "\n".join(blocks)


def _entry(draft: Draft) -> str:
    remarks = _comment([*draft.comments, *(f"Not as it was: {note.text}" for note in draft.notes)])
    table = {name: _without_variables(value) for name, value in draft.keys.items()}
    document = {"schedules": {draft.name: table}}
    # Lines of their own are easier on the eye, but a carriage return would not come back from them.
    return remarks + tomli_w.dumps(document, multiline_strings=not _has_return(table))


def _comment(lines: list[str]) -> str:
    """Each line as a TOML comment, which holds no control characters but tabs."""
    shown = [part for line in lines for part in (line.splitlines() or [""])]
    return "".join(f"# {''.join(map(_printable, line))}".rstrip() + "\n" for line in shown)


def _printable(character: str) -> str:
    return character if character.isprintable() or character == "\t" else "\ufffd"


def _without_variables(value: Any) -> Any:
    """`value` so that `${` in it stays what it is, and is not taken for a variable of Onbeat's."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, dict):
        return {key: _without_variables(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_variables(item) for item in value]
    return value


def _has_return(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_return, value.values()))
    if isinstance(value, list):
        return any(map(_has_return, value))
    return isinstance(value, str) and "\r" in value
