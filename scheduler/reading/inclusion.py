"""The files that a file of schedules includes, and those that they include."""

import glob
from collections.abc import Callable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import Final

from scheduler.quoting import quoted
from scheduler.reading.file_look import Look, look_at
from scheduler.reading.schedule_source import Source
from scheduler.reading.toml_positions import Path as Keys

Reader = Callable[[Path, Source | None], Source]

_MOST_FILES: Final = 10_000


class Inclusion:
    """All files that belong to one: `sources`, in the order in which they are read, and those that are `missing`.

    `folders` are those in which a file that appears may belong to it too.
    """

    def __init__(self, path: Path, read: Reader) -> None:
        self.sources: list[Source] = []
        self.missing: list[Path] = []
        self.folders: dict[Path, Look] = {}
        self._read = read
        self._by_place: dict[Path, Source] = {}
        self._add(path, None)

    def _add(self, path: Path, parent: Source | None, included_at: Keys = ()) -> None:
        source = self._read(path, parent)
        if parent is not None and (problem := source.report.pop_unplaced()) is not None:
            # A file that can't be read has no line: what stands somewhere is its name.
            message = f"include: {path} {problem.message}"
            parent.report.add(message, parent.report.value(included_at), code=problem.code)
        self._by_place[_place(path)] = source
        self.sources.append(source)
        for keys, pattern in _patterns(source):
            self._include(pattern, keys, source)

    def _include(self, pattern: str, keys: Keys, source: Source) -> None:
        report = source.report
        if not glob.has_magic(pattern):
            path = source.path.parent / pattern
            if _exists(path):
                self._add_once(path, keys, source, by_name=True)
            else:
                self.missing.append(path)
                report.add(f"include: no such file: {path}", report.value(keys), code="include")
            return
        found = self._found(pattern, source)
        if not found:
            message = f"include: {quoted(pattern)} matches no file in {_shown(source.path.parent)}"
            report.add(message, report.value(keys), code="include", severity="warning")
        for path in found:
            self._add_once(path, keys, source, by_name=False)

    def _found(self, pattern: str, source: Source) -> list[Path]:
        """The files that match, in the order of their names; never the including file itself."""
        above = source.path.parent
        named = above / _named_folder(pattern)  # which may not be there yet
        folders = [each for each in _matches(str(Path(pattern).parent), above) if _is_folder(each)]
        self.folders |= {each: look_at(each) for each in (named, *folders)}
        itself = _place(source.path)
        return [each for each in _matches(pattern, above) if not _is_folder(each) and _place(each) != itself]

    def _add_once(self, path: Path, keys: Keys, source: Source, *, by_name: bool) -> None:
        first = self._by_place.get(_place(path))
        if first is None and len(self.sources) < _MOST_FILES:
            self._add(path, source, keys)
            return
        if first is not None and first.parent is source and not (by_name and first is source):
            return  # two patterns of one file match it: that is no doubt
        report = source.report
        if first is None:
            message = f"include: more than {_MOST_FILES} files"
        elif first in _line(source):
            line = " → ".join(str(each.path) for each in (*reversed(list(_line(source))), first))
            message = f"include: a file includes itself: {line}"
        else:
            by = first.parent.path if first.parent else "?"
            message = f"include: {first.path} is included by {by} already; one of the two leaves it out"
        report.add(message, report.value(keys), code="include")


def _patterns(source: Source) -> Iterator[tuple[Keys, str]]:
    """What the file includes; what is no pattern is reported."""
    include = source.document.get("include", [])
    report = source.report
    if not isinstance(include, list):
        message = f'include: {quoted(include)} is not a list, such as ["teams/*.toml"]'
        report.add(message, report.value(("include",)), code="value", path=("include",))
        return
    for index, pattern in enumerate(include):
        keys: Keys = ("include", index)
        if report.is_wrong(keys):
            continue
        if not isinstance(pattern, str) or not pattern.strip() or "\0" in pattern:
            message = f"include: {quoted(pattern)} is not a file or a pattern such as 'teams/*.toml'"
            report.add(message, report.value(keys), code="value", path=keys)
        else:
            yield keys, pattern


def _matches(pattern: str, above: Path) -> list[Path]:
    # Not Path.glob: it takes hidden files, and so the copies that editors and ConfigMaps keep.
    return [above / each for each in sorted(glob.glob(pattern, root_dir=above, recursive=True))]  # noqa: PTH207


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # reading it says why it can't be read
    return True


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _named_folder(pattern: str) -> Path:
    """What of the pattern comes before the first part that is none."""
    return Path(*takewhile(lambda part: not glob.has_magic(part), Path(pattern).parts))


def _line(source: Source | None) -> Iterator[Source]:
    """The file, the one that includes it, and so on."""
    while source is not None:
        yield source
        source = source.parent


def _place(path: Path) -> Path:
    """What one file is under all its names."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):  # a loop of symlinks, a null byte: reading it reports them
        return path.absolute()


def _shown(folder: Path) -> str:
    return "this folder" if folder == Path() else str(folder)
