"""jobs.files.prune: what goes, what stays, and what it refuses."""

import os
import time
from pathlib import Path

import pytest

from jobs import files
from jobs.files import PruneFailed, prune
from scheduler import Skip

DAY = 86_400


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Home and working directory are not above the folders that are pruned here."""
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.chdir(tmp_path_factory.mktemp("work"))


def old_file(path: Path, days: float = 10, size: int = 3) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (time.time() - days * DAY,) * 2)
    return path


def left(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir())


def test_old_files_go_and_young_ones_stay(tmp_path: Path) -> None:
    old_file(tmp_path / "old.log", days=8)
    old_file(tmp_path / "young.log", days=6)

    result = prune(str(tmp_path))

    assert result == {"files": 1, "bytes": 3, "kept": 1, "dry_run": False}
    assert left(tmp_path) == ["young.log"]


def test_a_pattern_without_stars_before_it_is_for_the_directory_alone(tmp_path: Path) -> None:
    for name in ("a.log", "a.txt", ".hidden.log", "sub/b.log"):
        old_file(tmp_path / name)

    prune(str(tmp_path), "*.log")

    assert left(tmp_path) == [".hidden.log", "a.txt", "sub/b.log"]


def test_two_stars_reach_all_folders_below_but_hidden_ones(tmp_path: Path) -> None:
    for name in ("a.log", "one/b.log", "one/two/c.log", "one/d.txt", ".git/e.log"):
        old_file(tmp_path / name)

    prune(str(tmp_path), "**/*.log")

    assert left(tmp_path) == [".git/e.log", "one/d.txt"]
    assert (tmp_path / "one/two").is_dir()


def test_a_pattern_with_a_dot_names_hidden_files(tmp_path: Path) -> None:
    old_file(tmp_path / ".cache-1")
    old_file(tmp_path / "cache-1")

    prune(str(tmp_path), ".*")

    assert left(tmp_path) == ["cache-1"]


def test_the_newest_stay_whatever_their_age(tmp_path: Path) -> None:
    for days in (10, 20, 30, 40):
        old_file(tmp_path / f"{days}.gz", days=days)

    assert prune(str(tmp_path), keep=2)["files"] == 2
    assert left(tmp_path) == ["10.gz", "20.gz"]


def test_a_dry_run_reports_and_removes_nothing(tmp_path: Path) -> None:
    old_file(tmp_path / "a", size=100)

    assert prune(str(tmp_path), dry_run=True) == {"files": 1, "bytes": 100, "kept": 0, "dry_run": True}
    assert left(tmp_path) == ["a"]


def test_links_are_neither_followed_nor_removed(tmp_path: Path) -> None:
    outside = old_file(tmp_path / "outside" / "treasure")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "to-file").symlink_to(outside)
    (inside / "to-folder").symlink_to(outside.parent)

    assert prune(str(inside), "**/*", older_than=0)["files"] == 0
    assert outside.exists()
    assert (inside / "to-file").is_symlink()


def test_a_folder_that_became_a_link_after_we_looked_leads_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = old_file(tmp_path / "outside" / "same-name")
    root = tmp_path / "root"
    old_file(root / "sub" / "same-name")
    look = files.matching

    def look_then_swap(*arguments: object) -> list[files.Found]:
        found = look(*arguments)  # type: ignore[arg-type]
        (root / "sub").rename(root / "was-sub")
        (root / "sub").symlink_to(outside.parent)
        return found

    monkeypatch.setattr(files, "matching", look_then_swap)

    with pytest.raises(PruneFailed, match=r"^removed 0 files, but not sub/same-name \(Not a directory\)$"):
        prune(str(root), "**/*")
    assert outside.exists()
    assert (root / "was-sub" / "same-name").exists()


def test_a_file_that_was_written_since_we_looked_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = old_file(tmp_path / "busy.log")
    look = files.matching

    def look_then_write(*arguments: object) -> list[files.Found]:
        found = look(*arguments)  # type: ignore[arg-type]
        path.write_text("fresh")
        return found

    monkeypatch.setattr(files, "matching", look_then_write)
    prune(str(tmp_path))

    assert path.read_text() == "fresh"


def test_what_can_not_be_removed_is_told_after_the_rest_went(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real refusal (an immutable file) needs rights that a test may not have."""
    for name in ("a", "b", "c"):
        old_file(tmp_path / name)
    unlink = os.unlink

    def refuse(name: str, *, dir_fd: int) -> None:
        if name != "b":
            raise PermissionError(1, "Operation not permitted")
        unlink(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", refuse)

    with pytest.raises(
        PruneFailed, match=r"^removed 1 files, but not a \(Operation not permitted\) and 1 more$"
    ):
        prune(str(tmp_path))
    assert left(tmp_path) == ["a", "c"]


@pytest.mark.parametrize("place", ["/", "~", "~/..", ".", ".."])
def test_places_that_matter_are_refused(place: str) -> None:
    directory = str(Path(place).expanduser())

    with pytest.raises(
        ValueError, match=r"^will not prune /.*: it is or contains the (home|working) directory$"
    ):
        prune(directory)


def test_a_link_to_a_place_that_matters_is_refused_too(tmp_path: Path) -> None:
    (tmp_path / "logs").symlink_to("/")

    with pytest.raises(ValueError, match="will not prune /: it is or contains"):
        prune(str(tmp_path / "logs"))


@pytest.mark.parametrize("pattern", ["../*", "sub/*", "/etc/*", "**/", ""])
def test_other_slashes_in_a_pattern_are_refused(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(
        ValueError, match=r"^pattern .* write \*\.log for the directory, \*\*/\*\.log for all below"
    ):
        prune(str(tmp_path), pattern)


def test_a_directory_that_does_not_exist_is_nothing_to_do(tmp_path: Path) -> None:
    with pytest.raises(Skip, match="there is no directory"):
        prune(str(tmp_path / "later"))
