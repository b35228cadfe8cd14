"""What tells one content of a file or folder from another without reading it."""

import os
from collections.abc import Sequence
from pathlib import Path

# A file's time, size and inode; the names in a folder; None where there is nothing, and () for an empty file.
Look = Sequence[int | str] | None


def look_at(path: Path) -> Look:
    """How the file or the folder is now. Hidden names in a folder, such as editors' copies, don't count."""
    try:
        found = path.stat()
        if path.is_dir():
            return sorted(name for name in os.listdir(path) if not name.startswith("."))  # noqa: PTH208 - names alone
    except (OSError, ValueError):
        return None  # gone for the moment, as between two steps of an editor: reading it says so if it stays
    return (found.st_mtime_ns, found.st_size, found.st_ino) if found.st_size else ()
