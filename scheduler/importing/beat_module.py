"""A Python file with a Celery schedule in it: imported, as Celery would, and looked through for the table."""

import ast
import contextlib
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Mapping
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from celery import Celery

from scheduler.importing.beat_schedule import from_beat_schedule
from scheduler.importing.draft import Imported, Unreadable

NAMES: Final = ("beat_schedule", "CELERY_BEAT_SCHEDULE", "CELERYBEAT_SCHEDULE")
# What a file outside of a package is called while it is imported.
_ALONE: Final = "imported_beat_schedule"
_ZONES: Final = ("timezone", "CELERY_TIMEZONE")


def from_beat_module(path: Path) -> Imported:
    """The entries of the schedule in the Python file at `path`, which is executed.

    Raises Unreadable where the file can't be imported or has no schedule.
    """
    text = path.read_text(encoding="utf-8")
    lines = _lines(text)
    module = _imported(path)
    schedule, timezone = _found(module)
    if schedule is None:
        raise Unreadable(f"neither {', '.join(NAMES)} nor a Celery app with a beat_schedule is in it", 1, 1)
    return from_beat_schedule(schedule, timezone=timezone, lines=lines)


def _found(module: ModuleType) -> tuple[Mapping[str, Any] | None, str | None]:
    """The first schedule of the module, and its zone: a table, an app's, or a configuration class's."""
    places = [vars(module), *(vars(value) for value in vars(module).values() if isinstance(value, type))]
    for place in places:
        zone = next((str(place[name]) for name in _ZONES if place.get(name)), None)
        for name in NAMES:
            if isinstance(place.get(name), Mapping):
                return place[name], zone
    for value in vars(module).values():
        if isinstance(value, Celery):
            value.finalize(auto=True)
            if value.conf.beat_schedule:
                return value.conf.beat_schedule, value.conf.timezone
    return None, None


def _imported(path: Path) -> ModuleType:
    """The module of the file. In a package it goes by its own name, so that it can import its neighbours.

    Elsewhere it gets a name that hides nothing: many are called celery.py.
    """
    root = path.resolve().parent
    names = [path.stem]
    while (root / "__init__.py").exists():
        names.insert(0, root.name)
        root = root.parent
    search, modules = list(sys.path), set(sys.modules)
    in_package = len(names) > 1
    sys.path[:] = [str(root), *search] if in_package else [*search, str(root)]
    try:
        with contextlib.redirect_stdout(sys.stderr):  # stdout is for the schedules.toml
            if in_package:
                return importlib.import_module(".".join(names))
            loader = SourceFileLoader(_ALONE, str(path))
            module = importlib.util.module_from_spec(ModuleSpec(_ALONE, loader, origin=str(path)))
            loader.exec_module(module)
    except SyntaxError as error:
        raise Unreadable(f"it is no Python: {error.msg}", error.lineno, error.offset) from error
    except (Exception, SystemExit) as error:  # whatever somebody's module does wrong
        line = next((f.lineno for f in reversed(traceback.extract_tb(error.__traceback__))
                     if Path(f.filename).resolve() == path.resolve()), None)  # fmt: skip
        raise Unreadable(f"importing it fails: {type(error).__name__}: {error}", line) from error
    finally:
        sys.path[:] = search
        for name in set(sys.modules) - modules:
            if name == _ALONE or (in_package and name.split(".")[0] == names[0]):
                del sys.modules[name]
    return module


def _lines(text: str) -> dict[str, int]:
    """Where each text that is a key of a dict stands, as far as the file is Python."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return {}  # importing it says what is wrong
    dicts = [node for node in ast.walk(tree) if isinstance(node, ast.Dict)]
    keys = [key for node in reversed(dicts) for key in node.keys if isinstance(key, ast.Constant)]
    return {key.value: key.lineno for key in keys if isinstance(key.value, str)}
