"""`include`: which files belong to a file of schedules, and whose defaults hold for which entry."""

from collections.abc import Callable
from pathlib import Path

import pytest

from scheduler.reading.schedule_file import ScheduleFile, read_schedules

Write = Callable[..., ScheduleFile]
JOB = 'job = "jobs.tidy"'


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    monkeypatch.chdir(tmp_path)

    def written(files: dict[str, str], **options: str) -> ScheduleFile:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return read_schedules("main.toml", catalogue=None, environ=options)

    return written


def headlines(file: ScheduleFile) -> list[str]:
    return [problem.headline() for problem in file.problems]


def test_the_entries_of_included_files_are_entries(read: Write) -> None:
    file = read(
        {
            "main.toml": f'include = ["teams/*.toml", "extra.toml"]\n[schedules.main]\n{JOB}',
            "teams/b.toml": f"[schedules.b]\n{JOB}",
            "teams/a.toml": f"[schedules.a]\n{JOB}",
            "teams/notes.txt": "not read",
            "teams/.a.toml.swp.toml": "not read",
            "extra.toml": f"[schedules.extra]\n{JOB}",
        }
    )
    assert headlines(file) == []
    assert list(file.entries) == ["main", "a", "b", "extra"]
    assert [str(path) for path in file.files] == ["main.toml", "teams/a.toml", "teams/b.toml", "extra.toml"]
    assert set(file.seen) == {*file.files, Path("teams")}


def test_patterns_are_read_from_the_folder_of_the_file_that_has_them(read: Write) -> None:
    file = read(
        {
            "main.toml": 'include = ["teams/all.toml"]',
            "teams/all.toml": 'include = ["${KIND:-data}/**/*.toml"]',
            "teams/data/deep/er.toml": f"[schedules.deep]\n{JOB}",
        }
    )
    assert headlines(file) == []
    assert list(file.entries) == ["deep"]
    assert {str(path) for path in file.seen} >= {"teams/data", "teams/data/deep"}


def test_the_nearer_files_defaults_win(read: Write) -> None:
    file = read(
        {
            "main.toml": 'include = ["a.toml"]\n[defaults]\nowner = "all"\nqueue = "main"\n'
            f"retry = {{ max_attempts = 3 }}\n[schedules.main]\n{JOB}",
            "a.toml": '[defaults]\nowner = "team"\nretry = { initial = "5s" }\n' + f"[schedules.a]\n{JOB}",
        }
    )
    main, a = file.entries["main"], file.entries["a"]
    assert (main.owner, main.queue, main.retry.max_attempts) == ("all", "main", 3)
    assert (a.owner, a.queue, a.retry.max_attempts, a.retry.initial.seconds) == ("team", "main", 3, 5)


def test_a_problem_names_its_own_file(read: Write) -> None:
    file = read(
        {
            "main.toml": 'include = ["a.toml", "b.toml"]\n[defaults]\nowner = 5',
            "a.toml": f"\n[schedules.a]\n{JOB}\ncronta = 1",
            "b.toml": "[schedules.b\n",
        }
    )
    assert headlines(file)[:2] == [
        "main.toml:3:9: owner: 5 is not a text in quotes",
        "a.toml:4:1: unknown key 'cronta'; did you mean 'crontab'?",
    ]
    assert headlines(file)[2].startswith("b.toml:1:13: ")
    assert file.problems[1].entry == "a"


def test_an_entry_in_two_files_is_an_error_that_names_both(read: Write) -> None:
    file = read(
        {
            "main.toml": f'include = ["a.toml"]\n\n[schedules.same]\n{JOB}',
            "a.toml": f"[schedules.same]\n{JOB}",
        }
    )
    assert headlines(file) == [
        "a.toml:1:12: the entry 'same' is declared in main.toml:3 as well; one of the two needs another name"
    ]


@pytest.mark.parametrize(
    ("include", "message"),
    [
        ('["none/*.toml"]', "warning: include: 'none/*.toml' matches no file in this folder"),
        ('"a.toml"', "include: 'a.toml' is not a list, such as [\"teams/*.toml\"]"),
        ("[5]", "include: 5 is not a file or a pattern such as 'teams/*.toml'"),
        ('[""]', "include: '' is not a file or a pattern such as 'teams/*.toml'"),
        ('["main.toml"]', "include: a file includes itself: main.toml → main.toml"),
    ],
)
def test_what_can_not_be_included_is_explained(read: Write, include: str, message: str) -> None:
    file = read({"main.toml": f"include = {include}\n[schedules.a]\n{JOB}"})
    (headline,) = headlines(file)
    assert headline.startswith("main.toml:1:1")
    assert headline.endswith(message)


def test_a_file_that_is_missing_is_an_error_and_watched_for(read: Write) -> None:
    file = read({"main.toml": f'include = ["gone.toml"]\n[schedules.a]\n{JOB}'})
    assert headlines(file) == ["main.toml:1:12: include: no such file: gone.toml"]
    assert file.seen[Path("gone.toml")] is None


def test_a_file_that_can_not_be_read_is_an_error_where_it_is_included(read: Write) -> None:
    long = "x" * 300
    file = read({"main.toml": f'include = ["{long}", "teams"]', "teams/x.txt": ""})
    assert headlines(file) == [
        f"main.toml:1:12: include: {long} can't be read: File name too long",
        "main.toml:1:316: include: teams is a directory, not a file",
    ]


def test_a_file_is_read_once_though_two_patterns_match_it_and_never_by_its_own(read: Write) -> None:
    file = read({"main.toml": 'include = ["*.toml", "a.toml"]', "a.toml": f"[schedules.a]\n{JOB}"})
    assert headlines(file) == []
    assert list(file.entries) == ["a"]


def test_files_that_include_each_other_are_an_error(read: Write) -> None:
    file = read(
        {"main.toml": 'include = ["a.toml"]', "a.toml": f'include = ["main.toml"]\n[schedules.a]\n{JOB}'}
    )
    assert headlines(file) == ["a.toml:1:12: include: a file includes itself: main.toml → a.toml → main.toml"]


def test_a_file_that_two_others_include_is_an_error_since_it_has_one_line_of_defaults(read: Write) -> None:
    file = read(
        {
            "main.toml": 'include = ["a.toml", "b.toml"]',
            "a.toml": f"[schedules.a]\n{JOB}",
            "b.toml": 'include = ["a.toml"]',
        }
    )
    assert headlines(file) == [
        "b.toml:1:12: include: a.toml is included by main.toml already; one of the two leaves it out"
    ]


def test_where_an_entry_stands_is_no_part_of_the_digest(read: Write) -> None:
    first = read({"main.toml": 'include = ["a.toml"]', "a.toml": f"[schedules.a]\n{JOB}"})
    assert read({"main.toml": f"[schedules.a]\n{JOB}"}).digest == first.digest
