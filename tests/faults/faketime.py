"""A clock that a test may set under a running process: libfaketime, from PyPI, which `make faults` installs.

It is in no lock file: its package is built with a C compiler, which developing Onbeat does not ask for.
"""

from importlib.util import find_spec
from pathlib import Path


class FakeClock:
    """The wall clock of the processes that are started with `environ`. Their monotonic clock goes on undisturbed."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(0)

    @property
    def environ(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(_library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_NO_CACHE": "1",
        }

    def set(self, seconds: int) -> None:
        """So far from the true time, at once, in every process that has it."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.replace(self._file)


def _library() -> Path:
    found = find_spec("libfaketime")
    assert found is not None, "libfaketime is not installed: run `make faults`"
    assert found.origin is not None
    return Path(found.origin).parent / "vendor" / "libfaketime" / "src" / "libfaketime.so.1"
