"""A disk that can be full: a small file system in memory that only one server sees, and that ends with its holder."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Final, Self

from tests.support.children import launch, new_mark
from tests.support.waiting import eventually

MEGABYTES: Final = 48
_MOUNT: Final = 'mount -t tmpfs -o size="$1"m none "$2" && touch "$2"/.mounted && exec sleep infinity'


@cache
def can_be_made() -> bool:
    """Whether this user may mount: root may, outside of most containers."""
    unshare = shutil.which("unshare")
    argv = [str(unshare), "-m", "mount", "-t", "tmpfs", "none", "/mnt"]
    return unshare is not None and subprocess.run(argv, capture_output=True, check=False).returncode == 0


class SmallDisk:
    """A folder of `MEGABYTES`, in a mount namespace of its own: programs started with `prefix` in front see it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        argv = [str(shutil.which("unshare")), "-m", "sh", "-c", _MOUNT, "sh", str(MEGABYTES), str(folder)]
        self._holder = launch(argv, mark=new_mark(), environ={"PATH": os.defpath}, stdout=None, stderr=None)
        self._seen = Path(f"/proc/{self._holder.pid}/root{folder}")

    def start(self) -> Self:
        """Wait until it is there."""
        eventually((self._seen / ".mounted").exists, 5, what="a small disk")
        return self

    @property
    def prefix(self) -> tuple[str, ...]:
        return (str(shutil.which("nsenter")), "-t", str(self._holder.pid), "-m", "--")

    def fill(self) -> None:
        """Leave no room for another byte."""
        with (self._seen / "filler").open("wb", buffering=0) as filler:
            for size in (65_536, 1):
                self._fill_by(filler.fileno(), size)

    def _fill_by(self, filler: int, size: int) -> None:
        try:
            while os.write(filler, b"x" * size):
                pass
        except OSError:
            return  # no space left on device: that was wanted

    def free(self) -> None:
        """Make room again."""
        (self._seen / "filler").unlink()

    def close(self) -> None:
        self._holder.kill()
        self._holder.wait(timeout=5)
