"""What CONTRIBUTING.md asks of every file, as far as a program can tell."""

import ast
import re
import sys
from pathlib import Path
from typing import TypeVar

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for folder in ("scheduler", "jobs", "tests") for path in (ROOT / folder).rglob("*.py"))
PURE = (
    "durations",
    "retry",
    "schedule",
    "entry",
    "due",
    "disposition",
    "plan",
    "message",
    "run",
    "errors",
    "events",
)
Node = TypeVar("Node", bound=ast.AST)
CLOCKS = {"now", "utcnow", "today", "time", "monotonic", "time_ns"}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_file_is_longer_than_400_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_no_module_has_a_name_that_says_nothing_or_hides_the_standard_library() -> None:
    empty = {"utils", "util", "common", "helpers", "helper", "base", "core", "manager", "types", "misc"}
    names = {path.stem for path in (ROOT / "scheduler").rglob("*.py")} - {"__init__", "__main__"}
    assert not names & empty
    own = {path.stem for path in (ROOT / "scheduler").glob("*.py")} - {"__init__", "__main__"}
    assert not own & sys.stdlib_module_names


@pytest.mark.parametrize("path", [path for path in SOURCES if "tests" in path.parts], ids=name_of)
def test_no_test_sleeps_or_is_skipped(path: Path) -> None:
    calls = {ast.unparse(node.func) for node in nodes(path, ast.Call)}
    marks = {ast.unparse(node) for node in nodes(path, ast.Attribute)}
    assert not calls & {"time.sleep", "sleep", "asyncio.sleep", "pytest.skip", "pytest.importorskip"}
    assert not marks & {"pytest.mark.skip", "pytest.mark.skipif", "pytest.mark.xfail"}


@pytest.mark.parametrize("name", PURE)
def test_no_pure_module_reads_a_clock(name: str) -> None:
    """Nothing pure reads a clock, the environment, or chance: they are arguments."""
    path = ROOT / "scheduler" / f"{name}.py"
    calls = {ast.unparse(node.func) for node in nodes(path, ast.Call)}
    assert not {call for call in calls if call.rpartition(".")[2] in CLOCKS}
    imported = {alias.name for node in nodes(path, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in nodes(path, ast.ImportFrom)}
    assert not {module.partition(".")[0] for module in imported} & {
        "celery",
        "kombu",
        "os",
        "random",
        "redbeat",
        "redis",
        "socket",
        "structlog",
        "time",
    }


def test_no_file_speaks_of_what_is_still_to_do() -> None:
    words = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
    assert not [name_of(path) for path in SOURCES if words.search(path.read_text(encoding="utf-8"))]


def nodes(path: Path, kind: type[Node]) -> list[Node]:
    return [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, kind)]
