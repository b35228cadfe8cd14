"""The examples, and this repository's own schedules: they check well, and their tests pass."""

import shutil
from pathlib import Path

import pytest

from scheduler.cli.schema import FILE as SCHEMA
from tests.support.kit import pytest_says
from tests.support.process import clean_environ, finished

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/schedules.toml"))


def name_of(path: Path) -> str:
    return path.name


def test_the_readme_of_the_examples_lists_each() -> None:
    text = (ROOT / "examples" / "README.md").read_text()

    assert EXAMPLES
    assert all(f"]({example.name}/)" in text for example in EXAMPLES)


@pytest.mark.parametrize("directory", [ROOT, *EXAMPLES], ids=name_of)
def test_schedules_name_their_schema_for_editors(directory: Path) -> None:
    first, *_ = (directory / "schedules.toml").read_text().splitlines()
    assert first == f"#:schema ./{SCHEMA}"


@pytest.mark.parametrize("directory", [ROOT, *EXAMPLES], ids=name_of)
def test_schedules_check_well(directory: Path, tmp_path: Path) -> None:
    checked = finished("check", "--strict", directory=directory, environ=clean_environ(HOME=str(tmp_path)))

    assert checked.code == 0, checked.out + checked.err


@pytest.mark.parametrize("example", [each for each in EXAMPLES if (each / "tests").is_dir()], ids=name_of)
def test_the_tests_of_an_example_pass(example: Path, tmp_path: Path) -> None:
    """In a copy: nothing is left in the repository."""
    copy = shutil.copytree(example, tmp_path / example.name)

    pytest_says(copy)
