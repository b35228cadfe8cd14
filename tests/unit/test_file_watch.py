from pathlib import Path

import pytest

from scheduler.beat.file_watch import FileWatch


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "schedules.toml"
    path.write_text("one")
    return path


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def watch(file: Path, told: list[str]) -> FileWatch:
    return FileWatch(file, lambda: told.append("changed"))


def look(watch: FileWatch, times: int = 2) -> None:
    for _ in range(times):
        watch.look()


def test_a_file_that_stays_the_same_is_not_told_of(watch: FileWatch, told: list[str]) -> None:
    look(watch, 5)
    assert told == []


def test_a_saved_file_is_told_of_once(watch: FileWatch, file: Path, told: list[str]) -> None:
    file.write_text("two, longer")
    look(watch, 5)
    assert told == ["changed"]


def test_a_file_moved_into_place_is_told_of(watch: FileWatch, file: Path, told: list[str]) -> None:
    """As editors and `sed -i` save: the same name, another file."""
    other = file.with_suffix(".new")
    other.write_text("two")
    other.replace(file)
    look(watch)
    assert told == ["changed"]


def test_a_symlink_swapped_on_the_way_is_told_of(tmp_path: Path, told: list[str]) -> None:
    """As Kubernetes changes a ConfigMap: schedules.toml → ..data → a folder for each version."""
    for version in ("1", "2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "schedules.toml").write_text("one")
    data = tmp_path / "..data"
    data.symlink_to("1")
    (tmp_path / "schedules.toml").symlink_to("..data/schedules.toml")
    watch = FileWatch(tmp_path / "schedules.toml", lambda: told.append("changed"))
    fresh = tmp_path / "..data_tmp"
    fresh.symlink_to("2")
    fresh.replace(data)
    look(watch)
    assert told == ["changed"]


def test_a_file_still_being_written_is_waited_for(watch: FileWatch, file: Path, told: list[str]) -> None:
    file.write_text("tw")
    watch.look()
    file.write_text("two, and more")
    watch.look()
    assert told == []
    watch.look()
    assert told == ["changed"]


def test_a_file_that_is_gone_is_waited_for(watch: FileWatch, file: Path, told: list[str]) -> None:
    file.unlink()
    look(watch, 5)
    assert told == []
    file.write_text("it is back")
    look(watch)
    assert told == ["changed"]


def test_a_file_that_was_never_there_is_waited_for(tmp_path: Path, told: list[str]) -> None:
    watch = FileWatch(tmp_path / "missing" / "schedules.toml", lambda: told.append("changed"))
    look(watch, 3)
    assert told == []
