"""What the watch calls a change, look by look; and that a real one is noticed at once."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from scheduler.beat import file_watch
from scheduler.beat.file_watch import FileWatch, places_of
from scheduler.reading.file_look import look_at


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "schedules.toml"
    path.write_text("one")
    return path


@pytest.fixture
def told() -> list[str]:
    return []


def watching(told: list[str], *paths: Path) -> FileWatch:
    watch = FileWatch(lambda: told.append("changed"))
    watch.follow({path: look_at(path) for path in paths})
    return watch


@pytest.fixture
def watch(file: Path, told: list[str]) -> FileWatch:
    return watching(told, file)


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


def test_a_file_that_changed_while_it_was_read_is_told_of(file: Path, told: list[str]) -> None:
    watch = FileWatch(lambda: told.append("changed"))
    before = look_at(file)
    file.write_text("two, longer")
    watch.follow({file: before})
    look(watch)
    assert told == ["changed"]


def test_a_file_moved_into_place_is_told_of(watch: FileWatch, file: Path, told: list[str]) -> None:
    """As editors and `sed -i` save: the same name, another file."""
    other = file.with_suffix(".new")
    other.write_text("two")
    other.replace(file)
    look(watch)
    assert told == ["changed"]


def config_map(folder: Path) -> Path:
    """A file as Kubernetes mounts it: schedules.toml → ..data → a folder for each version."""
    for version in ("1", "2"):
        (folder / version).mkdir()
        (folder / version / "schedules.toml").write_text("one")
    (folder / "..data").symlink_to("1")
    (folder / "schedules.toml").symlink_to("..data/schedules.toml")
    return folder / "schedules.toml"


def swap(folder: Path) -> None:
    fresh = folder / "..data_tmp"
    fresh.symlink_to("2")
    fresh.replace(folder / "..data")


def test_a_symlink_swapped_on_the_way_is_told_of(tmp_path: Path, told: list[str]) -> None:
    watch = watching(told, config_map(tmp_path))
    swap(tmp_path)
    look(watch)
    assert told == ["changed"]


def test_a_file_still_being_written_is_waited_for(watch: FileWatch, file: Path, told: list[str]) -> None:
    file.write_text("tw")
    assert watch.look()
    file.write_text("two, and more")
    assert watch.look()
    assert told == []
    assert not watch.look()
    assert told == ["changed"]


@pytest.mark.parametrize("state", ["gone", "empty"])
def test_a_file_that_is_gone_or_empty_is_waited_for(
    watch: FileWatch, file: Path, told: list[str], state: str
) -> None:
    """An editor, or a program whose output is a file, has begun and not ended."""
    file.unlink()
    if state == "empty":
        file.touch()
    look(watch, 5)
    assert told == []
    file.write_text("it is back")
    look(watch)
    assert told == ["changed"]


@pytest.mark.parametrize("state", ["gone", "empty"])
def test_a_file_that_stays_gone_or_empty_is_told_of_once(file: Path, told: list[str], state: str) -> None:
    watch = FileWatch(lambda: told.append("changed"), patience_s=0)
    watch.follow({file: look_at(file)})
    file.unlink()
    if state == "empty":
        file.touch()
    look(watch, 5)
    assert told == ["changed"]
    file.write_text("it is back")
    look(watch)
    assert told == ["changed", "changed"]


def test_a_file_that_was_never_there_is_waited_for(tmp_path: Path, told: list[str]) -> None:
    path = tmp_path / "missing" / "schedules.toml"
    watch = watching(told, path)
    look(watch, 3)
    assert told == []
    path.parent.mkdir()
    path.write_text("here")
    look(watch)
    assert told == ["changed"]


def test_a_file_that_appears_in_a_folder_is_told_of_unless_it_is_hidden(
    tmp_path: Path, told: list[str]
) -> None:
    watch = watching(told, tmp_path)
    (tmp_path / ".a.toml.swp").write_text("x")
    look(watch)
    assert told == []
    (tmp_path / "a.toml").write_text("x")
    look(watch)
    assert told == ["changed"]


def test_files_that_are_followed_no_more_are_not_told_of(
    watch: FileWatch, file: Path, told: list[str]
) -> None:
    watch.follow({file.with_name("other.toml"): None})
    file.write_text("two, longer")
    look(watch)
    assert told == []


def test_all_that_may_change_on_the_way_to_a_file_is_watched(tmp_path: Path) -> None:
    real = tmp_path / "versions"
    real.mkdir()
    path = config_map(real)
    (tmp_path / "etc").symlink_to("versions")
    found = places_of(
        {tmp_path / "etc" / ".." / "versions" / "schedules.toml": None, tmp_path / "no" / "x": None}
    )
    assert found.keys() >= {tmp_path, real, real / "1", real / "1" / "schedules.toml"}
    assert tmp_path / "etc" not in places_of({path: None})


def test_links_that_lead_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert tmp_path in places_of({tmp_path / "a": None})
    assert look_at(tmp_path / "a") is None


class Heard:
    """A running watch, and the wait for what it tells."""

    def __init__(self, *paths: Path) -> None:
        self._event = threading.Event()
        self.watch = FileWatch(self._event.set)
        self.watch.follow({path: look_at(path) for path in paths})
        self.watch.start()

    def within(self, seconds: float) -> bool:
        """Whether it tells of a change within that time; then it may tell again."""
        heard = self._event.wait(seconds)
        self._event.clear()
        return heard


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[Heard]:
    heard = Heard(config_map(tmp_path), tmp_path / "included.toml")
    yield heard
    heard.watch.stop()


def test_a_running_watch_hears_of_swaps_saves_and_renames_again_and_again(
    heard: Heard, tmp_path: Path
) -> None:
    swap(tmp_path)
    assert heard.within(5)
    (tmp_path / "included.toml").write_text("new")
    assert heard.within(5)
    other = tmp_path / "included.new"
    other.write_text("another version of it")
    other.replace(tmp_path / "included.toml")
    assert heard.within(5)
    with (tmp_path / "2" / "schedules.toml").open("a") as opened:
        opened.write("and more")
    assert heard.within(5)


def test_where_the_system_sends_no_events_it_looks_all_the_same(
    monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    """A network file system, or a user who has used up the watches."""

    def no_watches(*_: object, **__: object) -> Iterator[None]:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("watchfiles.watch", no_watches)
    monkeypatch.setattr(file_watch, "LOOK_EVERY_S", 0.05)
    heard = Heard(file)
    file.write_text("two, longer")
    assert heard.within(5)
    heard.watch.stop()
