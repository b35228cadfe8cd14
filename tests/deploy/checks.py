"""PASS and FAIL lines, and the count at the end."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stop(Exception):
    """A check failed that all further ones stand on."""


class Checks:
    """
    Runs checks one after another and says of each how it went.

    A check fails by any exception. It does not keep the next from being tried, unless it was `needed`.
    """

    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0

    @contextmanager
    def check(self, sentence: str, *, needed: bool = False) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        except Exception as error:
            self.failed += 1
            self._say("FAIL", sentence, started)
            say("    " + f"{type(error).__name__}: {error}".replace("\n", "\n    "))
            if needed:
                raise Stop(sentence) from error
        else:
            self.passed += 1
            self._say("PASS", sentence, started)

    def finish(self) -> int:
        """Say how many passed and failed; the exit code."""
        say(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed or not self.passed else 0

    @staticmethod
    def _say(verdict: str, sentence: str, started: float) -> None:
        say(f"{verdict}  {sentence}  ({time.monotonic() - started:.1f} s)")


def step(text: str) -> None:
    """Say what is being prepared."""
    say(f"----  {text}")


def say(text: str) -> None:
    """A line to the terminal, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end the block as Ctrl-C does: what it opened is closed, nothing stays behind."""

    def leave(number: int, _frame: FrameType | None) -> None:
        sys.exit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
