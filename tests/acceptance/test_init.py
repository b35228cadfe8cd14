"""onbeat init as a user types it, and the project it makes as a user uses it."""

import json
import tomllib
from pathlib import Path

import pytest

from scheduler.cli.init import FILES, project_name, template
from scheduler.cli.schema import FILE as SCHEMA
from tests.support.kit import pytest_says
from tests.support.process import Finished, clean_environ, finished

ROOT = Path(__file__).parents[2]


def onbeat(*arguments: str, directory: Path) -> Finished:
    return finished(*arguments, directory=directory, environ=clean_environ(HOME=str(directory)))


def test_a_new_folder_becomes_a_project(tmp_path: Path) -> None:
    made = onbeat("init", "my-demo", directory=tmp_path).expect(0)

    project = tmp_path / "my-demo"
    assert {str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()} == {
        *FILES,
        SCHEMA,
    }
    assert made.out == (
        "A new project is in my-demo:\n"
        "  schedules.toml       what runs, and when\n"
        "  jobs/hello.py        two jobs to begin with\n"
        "  tests/test_hello.py  their tests, and one of schedules.toml\n"
        "  pyproject.toml       what the project needs\n"
        "  .env.example         settings\n"
        "\n"
        "Go on with:\n"
        "  cd my-demo\n"
        "  onbeat up             run it, with a server of its own; Ctrl-C stops it\n"
        "  onbeat runs           in another terminal: what ran, and how it ended\n"
        "  pytest                test it\n"
    )
    assert tomllib.loads((project / "pyproject.toml").read_text())["project"]["name"] == "my-demo"
    assert (project / "README.md").read_text().startswith("# my-demo\n")
    first = (project / "schedules.toml").read_text().splitlines()[0]
    assert first == f"#:schema ./{SCHEMA}"
    jobs = json.loads((project / SCHEMA).read_text())["$defs"]["keys"]["properties"]["job"]["anyOf"][0]
    assert {"jobs.hello.hello", "jobs.hello.count", "onbeat.command"} <= set(jobs["enum"])


def test_without_a_name_the_project_is_made_here(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()

    made = onbeat("init", directory=tmp_path).expect(0)

    assert made.out.startswith("A new project is here:\n")
    assert "cd " not in made.out
    assert all((tmp_path / name).is_file() for name in FILES)


def test_a_file_that_is_there_is_never_overwritten_and_nothing_is_made(tmp_path: Path) -> None:
    (tmp_path / "demo" / "jobs").mkdir(parents=True)
    for name in ("jobs/hello.py", "schedules.toml"):
        (tmp_path / "demo" / name).write_text("mine")

    refused = onbeat("init", "demo", directory=tmp_path).expect(2)

    assert refused.err == (
        "error: there are files already in demo: schedules.toml, jobs/hello.py\n"
        "  hint: name another folder: onbeat init DIR\n"
    )
    assert (tmp_path / "demo" / "schedules.toml").read_text() == "mine"
    assert not (tmp_path / "demo" / "README.md").exists()


@pytest.mark.parametrize(
    ("directory", "message"),
    [
        ("file", "error: file is a file\n  hint: name a folder: onbeat init DIR\n"),
        (
            "file/demo",
            "error: can't write file/demo: not a directory\n  hint: name another folder: onbeat init DIR\n",
        ),
    ],
)
def test_a_place_that_can_not_be_a_folder_is_refused(tmp_path: Path, directory: str, message: str) -> None:
    (tmp_path / "file").touch()

    assert onbeat("init", directory, directory=tmp_path).expect(2).err == message


@pytest.mark.parametrize(
    ("folder", "expected"), [("demo", "demo"), ("My Jobs!", "my-jobs"), ("a__b.c", "a-b-c"), ("…", "my-jobs")]
)
def test_a_folder_name_becomes_the_name_of_a_project(folder: str, expected: str) -> None:
    assert project_name(folder) == expected


def test_every_template_is_used() -> None:
    templates = ROOT / "scheduler/templates/project"
    used = {f"dot-{name[1:]}.tmpl" if name.startswith(".") else f"{name}.tmpl" for name in FILES}

    assert {str(path.relative_to(templates)) for path in templates.rglob("*") if path.is_file()} == used
    assert all(template(name) for name in FILES)


def test_the_test_of_a_new_project_passes_with_plain_pytest(tmp_path: Path) -> None:
    onbeat("init", "demo", directory=tmp_path).expect(0)

    assert "3 passed" in pytest_says(tmp_path / "demo")
