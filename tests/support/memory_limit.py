"""A limit of memory that the kernel keeps, by a control group: who takes more is ended by its OOM killer."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final, Self

from tests.support.waiting import eventually

MEGABYTE: Final = 1 << 20
# Of cgroup v1 and v2: the file of the limit, that of swap, and where the kernel counts whom it has killed.
_VERSIONS: Final = (
    ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.oom_control"),
    ("memory.max", "memory.swap.max", "memory.events"),
)


@cache
def can_be_made() -> bool:
    """Whether this user may limit the memory of a process here: root may, outside of most containers."""
    try:
        MemoryLimit(64).close()
    except OSError:
        return False
    return True


class MemoryLimit:
    """A group whose processes together may have so many megabytes: programs started with `prefix` in front are in it.

    Raises OSError where this machine has no such thing.
    """

    def __init__(self, megabytes: int) -> None:
        self._folder, self._files = _new_group()
        try:
            (self._folder / self._files[0]).write_text(str(megabytes * MEGABYTE))
            with suppress(FileNotFoundError, PermissionError):  # a kernel may have no accounts of swap
                swap = self._folder / self._files[1]
                swap.write_text(str(megabytes * MEGABYTE) if "memsw" in self._files[1] else "0")
        except OSError:
            self.close()
            raise

    @property
    def prefix(self) -> tuple[str, ...]:
        """Words of a command that joins the group and goes on as the command that follows."""
        return ("/bin/sh", "-c", 'echo $$ > "$0" && exec "$@"', str(self._folder / "cgroup.procs"))

    def kills(self) -> int:
        """How many of its processes the kernel has killed."""
        found = re.search(r"^oom_kill (\d+)$", (self._folder / self._files[2]).read_text(), re.MULTILINE)
        assert found, "the kernel does not count whom it kills"
        return int(found[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the group, once the last of its processes has ended."""
        eventually(self._is_removed, within=10, what="the end of all in the group")

    def _is_removed(self) -> bool:
        with suppress(OSError):
            self._folder.rmdir()
        return not self._folder.exists()


def _new_group() -> tuple[Path, tuple[str, str, str]]:
    refused: OSError = FileNotFoundError("no memory controller")
    for parent in _parents():
        try:
            folder = Path(tempfile.mkdtemp(prefix="onbeat-test-", dir=parent))
        except OSError as error:
            refused = error
            continue
        for files in _VERSIONS:
            if (folder / files[0]).exists():
                return folder, files
        folder.rmdir()
    raise refused


def _parents() -> Iterator[Path]:
    """Groups in which one of ours may be, each from our own up to the root of its hierarchy."""
    own: dict[str, str] = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        own |= dict.fromkeys(controllers.split(","), path)
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind, options = line.split()[:4]
        # v2 has one hierarchy, without a name.
        name = {"cgroup": "memory", "cgroup2": ""}.get(kind, "none")
        if name not in own or name not in ("", *options.split(",")):
            continue
        here = Path(where, own[name].lstrip("/"))
        yield from (each for each in (here, *here.parents) if each.is_relative_to(where))
