"""What holds for every page: its links lead somewhere, and the README's commands exist."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT, every_page, page

LINK = re.compile(r"\[[^\]]+\]\((?!https?://|mailto:)([^)#]+)(#[^)]*)?\)")


@pytest.mark.parametrize("file", every_page(), ids=lambda file: str(file.relative_to(ROOT)))
def test_every_link_leads_to_a_file(file: Path) -> None:
    for target, _ in LINK.findall(file.read_text(encoding="utf-8")):
        assert (file.parent / target).exists(), f"{target} is not there"


def test_the_index_leads_to_every_page() -> None:
    index = page("index.md")
    linked = {(DOCS / target).resolve() for target, _ in LINK.findall(index)}
    pages = {
        path for path in DOCS.rglob("*.md") if path.parent.name != "decisions" and path.name != "index.md"
    }
    assert pages <= linked


def test_every_make_command_of_the_documentation_is_a_target() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for file in every_page():
        for command in re.findall(r"(?:^ {4}|`)make ([a-z-]+)", file.read_text(), re.MULTILINE):
            assert command in targets, f"{file.name}: make {command}"


def test_the_readme_begins_with_its_two_commands() -> None:
    commands = re.findall(r"^ {4}(make [a-z]+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert commands == ["make up", "make test"]


def test_ci_runs_the_readmes_command() -> None:
    assert "make --no-print-directory test" in (ROOT / ".ci" / "run").read_text()


def test_the_lock_files_hold_every_dependency_with_hashes_and_no_address() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = [*project["project"]["dependencies"], *project["dependency-groups"]["build"]]
    developing = [*asked, *project["dependency-groups"]["dev"]]
    for name, wanted in (("requirements.lock", asked), ("requirements-dev.lock", developing)):
        lock = (ROOT / name).read_text()
        locked = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
        assert {re.split(r"[\[><=~]", dependency)[0] for dependency in wanted} <= locked
        assert "://" not in lock
        assert "--index" not in lock
        blocks = re.split(r"^(?=[a-z0-9-]+==)", lock, flags=re.MULTILINE)[1:]
        assert all("--hash=sha256:" in block for block in blocks)


def test_both_lock_files_agree_on_every_version() -> None:
    pin = re.compile(r"^([a-z0-9-]+==[^ ;\\]+)", re.MULTILINE)
    runtime, developing = (
        set(pin.findall((ROOT / name).read_text())) for name in ("requirements.lock", "requirements-dev.lock")
    )
    assert runtime <= developing


def test_each_dependency_has_its_reason_beside_it() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    block = text[text.index("\ndependencies = [") : text.index("\n[project.scripts]")]
    lines = [line for line in block.splitlines() if line.startswith('    "')]
    assert lines
    assert all("  # " in line or ", # " in line for line in lines)
