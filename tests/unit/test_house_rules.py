"""What CONTRIBUTING.md asks of every file, as far as a program can tell."""

import ast
import re
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for folder in ("scheduler", "jobs", "tests") for path in (ROOT / folder).rglob("*.py"))
TESTS = [path for path in SOURCES if path.is_relative_to(ROOT / "tests")]
LAYERS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0][
    "layers"
]
PURE = [
    path
    for name in re.findall(r"\((\w+)\)", LAYERS[-1])
    for path in (
        [ROOT / "scheduler" / f"{name}.py"]
        if not (ROOT / "scheduler" / name).is_dir()
        else sorted((ROOT / "scheduler" / name).glob("*.py"))
    )
]

Node = TypeVar("Node", bound=ast.AST)


def test_no_file_is_longer_than_400_lines() -> None:
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert not {name: length for name, length in lengths.items() if length > 400}


def test_no_module_has_a_name_that_says_nothing_or_hides_the_standard_library() -> None:
    empty = {"utils", "util", "common", "helpers", "helper", "base", "core", "manager", "types", "misc"}
    names = {path.stem for path in (ROOT / "scheduler").rglob("*.py")} - {"__init__", "__main__"}
    assert not names & empty
    own = {path.stem for path in (ROOT / "scheduler").glob("*.py")} - {"__init__", "__main__"}
    assert not own & sys.stdlib_module_names


def test_no_test_sleeps_or_is_skipped() -> None:
    refused = {"time.sleep", "sleep", "asyncio.sleep", "pytest.skip", "pytest.importorskip"}
    refused |= {"pytest.mark.skip", "pytest.mark.skipif", "pytest.mark.xfail"}
    used = {name_of(path): (calls(path) | attributes(path)) & refused for path in TESTS}
    assert not {name: found for name, found in used.items() if found}


def test_nothing_pure_reads_a_clock() -> None:
    """The time is an argument."""
    clocks = {"now", "utcnow", "today"}  # the module time is refused below
    used = {
        name_of(path): {call for call in calls(path) if call.rpartition(".")[2] in clocks} for path in PURE
    }
    assert not {name: found for name, found in used.items() if found}


def test_nothing_pure_knows_a_server_the_environment_or_chance() -> None:
    outside = {"celery", "kombu", "os", "random", "redbeat", "redis", "socket", "structlog", "time"}
    used = {name_of(path): imports(path) & outside for path in PURE}
    assert len(used) > 10
    assert not {name: found for name, found in used.items() if found}


def test_no_file_speaks_of_what_is_still_to_do() -> None:
    words = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
    assert not [name_of(path) for path in SOURCES if words.search(path.read_text(encoding="utf-8"))]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def calls(path: Path) -> set[str]:
    return {ast.unparse(node.func) for node in nodes(path, ast.Call)}


def attributes(path: Path) -> set[str]:
    return {ast.unparse(node) for node in nodes(path, ast.Attribute)}


def imports(path: Path) -> set[str]:
    names = {alias.name for node in nodes(path, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes(path, ast.ImportFrom)}
    return {name.partition(".")[0] for name in names}


def nodes(path: Path, kind: type[Node]) -> list[Node]:
    return [node for node in ast.walk(tree_of(path)) if isinstance(node, kind)]


@cache
def tree_of(path: Path) -> ast.AST:
    return ast.parse(path.read_text(encoding="utf-8"))
