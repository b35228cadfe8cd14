"""Removing old files, with more care than `find -delete`."""

import fnmatch
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Any

import structlog

from scheduler import Skip, job
from scheduler.durations import parse_duration

log = structlog.get_logger()
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


class PruneFailed(Exception):
    """Some files could not be removed; the others were."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file that the pattern matches: its path within the directory, which file it is, its size and age."""

    path: PurePath
    inode: int
    size: int
    modified_at: datetime


@job(timeout="1h")
def prune(
    directory: str,
    pattern: str = "*",
    older_than: str | float = "7d",
    keep: int = 0,
    dry_run: bool = False,  # noqa: FBT001, FBT002 - schedules.toml names it
) -> dict[str, Any]:
    """Remove the files in `directory` that match `pattern` and are older than `older_than`; count and size.

    `pattern` is a shell's: `*.log` for the directory itself, `**/*.log` for all folders below it too. Hidden
    files match only a pattern that begins with a dot; hidden folders are left alone. The newest `keep` of the
    files that match stay whatever their age. `dry_run` removes nothing and reports what it would.

    Only plain files go: never a folder, never a symbolic link nor what lies behind one, nothing on another
    file system. A file that was changed or replaced since we looked stays.

    Raises ValueError for `/`, the home directory, the working directory and all that contain one of them, and
    for a pattern with other slashes; Skip where the directory does not exist; PruneFailed.
    """
    age = parse_duration(older_than)
    root = Path(directory).resolve()
    refuse_what_matters(root)
    if not root.is_dir():
        raise Skip(f"there is no directory {directory}")
    files = matching(root, pattern)
    chosen = outdated(files, datetime.now(UTC) - age, keep)
    refused = [] if dry_run else remove(root, chosen)
    if refused:
        more = f" and {len(refused) - 1} more" if len(refused) > 1 else ""
        raise PruneFailed(f"removed {len(chosen) - len(refused)} files, but not {refused[0]}{more}")
    size = sum(file.size for file in chosen)
    log.info("pruned", directory=directory, files=len(chosen), bytes=size, dry_run=dry_run)
    return {"files": len(chosen), "bytes": size, "kept": len(files) - len(chosen), "dry_run": dry_run}


def refuse_what_matters(root: Path) -> None:
    """Raises ValueError where a slip in schedules.toml would cost more than old files."""
    for place, name in ((Path.home(), "the home directory"), (Path.cwd(), "the working directory")):
        if place.resolve().is_relative_to(root):
            raise ValueError(f"will not prune {root}: it is or contains {name}")


def matching(root: Path, pattern: str) -> list[Found]:
    """The plain files in `root` that match. Raises ValueError for a pattern with slashes other than `**/`."""
    name = pattern.removeprefix("**/")
    if "/" in name or not name:
        raise ValueError(f"pattern {pattern!r}: write *.log for the directory, **/*.log for all below it too")
    found: list[Found] = []
    device = root.stat().st_dev
    for place, folders, names, descriptor in os.fwalk(root, follow_symlinks=False):
        if name == pattern:
            folders.clear()
        folders[:] = [
            each
            for each in folders
            if each[0] != "." and _status(each, descriptor, stat.S_ISDIR, device) is not None
        ]
        for each in fnmatch.filter(names, name):
            hidden = each.startswith(".") and not name.startswith(".")
            if not hidden and (status := _status(each, descriptor, stat.S_ISREG, device)) is not None:
                path = PurePath(place, each).relative_to(root)
                modified_at = datetime.fromtimestamp(status.st_mtime, UTC)
                found.append(Found(path, status.st_ino, status.st_size, modified_at))
    return found


def outdated(files: Iterable[Found], before: datetime, keep: int) -> list[Found]:
    """Those last modified `before` that are not among the newest `keep`; the oldest first."""
    newest_first = sorted(files, key=lambda file: (file.modified_at, file.path), reverse=True)
    return [file for file in reversed(newest_first[max(keep, 0) :]) if file.modified_at < before]


def remove(root: Path, files: Iterable[Found]) -> list[str]:
    """Remove them; those that could not be removed, each with its reason. One that is gone is no trouble."""
    refused = []
    for file in files:
        try:
            with folder_of(root, file) as folder:
                status = _status(file.path.name, folder, stat.S_ISREG)
                if status is not None and is_same(status, file):
                    os.unlink(file.path.name, dir_fd=folder)
        except FileNotFoundError:
            continue
        except OSError as error:
            refused.append(f"{file.path} ({error.strerror})")
    return refused


def is_same(status: os.stat_result, file: Found) -> bool:
    """Whether this is still the file that was found, as it was then."""
    return status.st_ino == file.inode and datetime.fromtimestamp(status.st_mtime, UTC) == file.modified_at


@contextmanager
def folder_of(root: Path, file: Found) -> Iterator[int]:
    """The open folder of a file, reached step by step so that a folder replaced by a link leads nowhere."""
    descriptor = os.open(root, _FOLDER)
    try:
        for part in file.path.parent.parts:
            deeper = os.open(part, _FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = deeper
        yield descriptor
    finally:
        os.close(descriptor)


def _status(
    name: str, folder: int, is_kind: Callable[[int], bool], device: int | None = None
) -> os.stat_result | None:
    """The status of what is called so, if it is of this kind (and on this device); links are not followed."""
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return status if is_kind(status.st_mode) and device in {None, status.st_dev} else None
