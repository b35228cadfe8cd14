"""`onbeat …` run within the test's own process: quick, and against any store."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import pytest

from scheduler.cli import main


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that ended: its exit code and what it wrote."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Its one JSON document."""
        return json.loads(self.out)

    def expect(self, code: int = 0) -> Self:
        """Itself, if it ended with this code."""
        assert self.code == code, f"ended with {self.code}\n{self.out}{self.err}"
        return self


Onbeat = Callable[..., Ended]


@pytest.fixture
def onbeat(capsys: pytest.CaptureFixture[str]) -> Onbeat:
    """Run `onbeat ARGUMENTS` here."""

    def call(*arguments: str) -> Ended:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main.main(list(arguments), prog_name="onbeat")
        out, err = capsys.readouterr()
        code = ended.value.code
        return Ended(code if isinstance(code, int) else 0, out, err)

    return call
