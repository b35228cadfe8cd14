"""Real `onbeat …` processes: started, listened to while they run, signalled, and never left behind."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self, TypeVar

from scheduler.events import BASE_FIELDS, CATALOGUE
from tests.support.children import kill_all, launch, new_mark, running
from tests.support.waiting import eventually

Found = TypeVar("Found")

PROGRAM = (sys.executable, "-m", "scheduler")


def clean_environ(**values: str) -> dict[str, str]:
    """
    What a process needs and nothing of this shell: no ONBEAT_ variable, proxy or PYTHONPATH leaks in.

    Coverage's own variables pass, so that `make coverage` measures the processes too.
    """
    kept = {name: value for name, value in os.environ.items() if name.startswith("COV_CORE") or name in _KEPT}
    return {"PATH": os.defpath, "LANG": "C.UTF-8", **kept, **values}


_KEPT = {"PATH", "TMPDIR", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG", "COVERAGE_FILE"}


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that ended: its exit code and all it wrote."""

    argv: tuple[str, ...]
    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Its one JSON document."""
        return json.loads(self.out)

    def expect(self, code: int = 0) -> Self:
        """Itself, if it ended with this code; otherwise fails and shows what it wrote."""
        assert self.code == code, (
            f"{' '.join(self.argv)} ended with {self.code}, not {code}\n{self.out}{self.err}"
        )
        return self


class OnbeatProcess:
    """A running `python -m scheduler ARGUMENTS`. Use `started()`, which also ends it."""

    def __init__(
        self,
        arguments: tuple[str, ...],
        *,
        directory: Path,
        environ: Mapping[str, str],
        program: Sequence[str] = PROGRAM,
    ) -> None:
        self.mark = new_mark()
        self.argv = ("onbeat", *arguments)
        self.out: list[str] = []
        self.err: list[str] = []
        self._news = threading.Condition()
        self._process = launch(
            [*program, *arguments],
            mark=self.mark,
            environ=environ,
            directory=directory,
        )
        self._readers = [
            self._reader(self._process.stdout, self.out),
            self._reader(self._process.stderr, self.err),
        ]

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def events(self) -> list[dict[str, Any]]:
        """Each line of stdout that is a JSON object, in order."""
        return [event for line in list(self.out) if (event := _event(line)) is not None]

    @property
    def strays(self) -> list[str]:
        """The lines of stdout that are no JSON object: a piped process has none."""
        return [line for line in list(self.out) if _event(line) is None]

    def assert_events_are_whole(self) -> None:
        """Every event that it wrote has the fields that docs/reference/events.md promises."""
        ours = [event for event in self.events if event.get("event") in CATALOGUE]
        lacking = [
            (event["event"], missing)
            for event in ours
            if (missing := {*BASE_FIELDS, *CATALOGUE[event["event"]].fields} - event.keys())
        ]
        assert not lacking, f"events without some of their fields: {lacking[:5]}"

    def named(self, name: str, **fields: Any) -> list[dict[str, Any]]:
        """The events of this name so far whose fields have these values."""
        wanted = {"event": name, **fields}.items()
        return [event for event in self.events if all(event.get(key) == value for key, value in wanted)]

    def wait_for_event(
        self, name: str, *, within: float = 10, count: int = 1, **fields: Any
    ) -> dict[str, Any]:
        """The `count`th event of this name with these fields; those that came already count."""

        def nth() -> dict[str, Any] | None:
            found = self.named(name, **fields)
            return found[count - 1] if len(found) >= count else None

        return self._await(nth, within, f"{name} {fields or ''}")

    def wait_for_line(self, part: str, *, within: float = 10) -> str:
        """The first line, of stdout or stderr, with `part` in it."""
        return self._await(
            lambda: next((line for line in [*self.out, *self.err] if part in line), None),
            within,
            f"a line with {part!r}",
        )

    def send(self, number: signal.Signals) -> None:
        """To the one process, as `kill` does."""
        self._process.send_signal(number)

    def send_to_group(self, number: signal.Signals) -> None:
        """To it and its children at once, as Ctrl-C on a terminal does."""
        os.killpg(self.pid, number)

    def ended(self) -> bool:
        return self._process.poll() is not None

    def wait(self, within: float = 15) -> int:
        """Its exit code, once it ended and all it wrote was read."""
        try:
            code = self._process.wait(timeout=within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self} did not end within {within:g} s\n{self.transcript()}") from None
        for reader in self._readers:
            reader.join(timeout=1)  # longer only if a child that outlives it holds the pipe
        return code

    def stop(self, within: float = 15) -> int:
        """SIGTERM, then its exit code."""
        self.send(signal.SIGTERM)
        return self.wait(within)

    def kill(self) -> None:
        """kill -9 of it and of all it started, as a power cut does."""
        kill_all(self.mark)
        self.wait()

    def alive(self) -> dict[int, str]:
        """What of it is running now: process id and command line, children of any session included."""
        return running(self.mark)

    def assert_nothing_left(self, within: float = 2) -> None:
        """What it started has ended with it."""
        eventually(lambda: not self.alive(), within, what=f"the end of {self.alive()}")

    def transcript(self, last: int = 60) -> str:
        return "\n".join([*self.out[-last:], "--- stderr", *self.err[-last:]])

    def close(self) -> None:
        """Whatever happened, end all of it and close the pipes."""
        kill_all(self.mark)
        self.wait()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def __str__(self) -> str:
        return " ".join(self.argv)

    def _reader(self, stream: IO[bytes] | None, lines: list[str]) -> threading.Thread:
        def read() -> None:
            assert stream is not None
            for line in stream:
                with self._news:
                    lines.append(line.decode(errors="replace").rstrip("\n"))
                    self._news.notify_all()

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        return thread

    def _await(self, check: Callable[[], Found | None], within: float, what: str) -> Found:
        give_up_at = time.monotonic() + within
        with self._news:
            while (found := check()) is None:
                left = give_up_at - time.monotonic()
                if left <= 0 or (self.ended() and not any(reader.is_alive() for reader in self._readers)):
                    raise AssertionError(f"{self}: no {what} within {within:g} s\n{self.transcript()}")
                self._news.wait(min(left, 0.25))
        return found


def _event(line: str) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


@contextmanager
def started(
    *arguments: str,
    directory: Path,
    environ: Mapping[str, str],
    may_leave: bool = False,
    program: Sequence[str] = PROGRAM,
) -> Iterator[OnbeatProcess]:
    """
    A running `onbeat ARGUMENTS`; at the end it is stopped if it still runs, and nothing of it may be left.

    `may_leave` is for tests that kill the parent on purpose: what it leaves is ended without complaint.
    """
    process = OnbeatProcess(arguments, directory=directory, environ=environ, program=program)
    try:
        yield process
        if not process.ended():
            process.stop(within=40)
        if program is PROGRAM:
            process.assert_events_are_whole()
        if not may_leave:
            process.assert_nothing_left()
    finally:
        process.close()


def finished(
    *arguments: str,
    directory: Path,
    environ: Mapping[str, str],
    within: float = 30,
    stdin: bytes = b"",
    program: Sequence[str] = PROGRAM,
) -> Finished:
    """Run `onbeat ARGUMENTS` to its end."""
    mark = new_mark()
    process = launch(
        [*program, *arguments],
        mark=mark,
        environ=environ,
        directory=directory,
        stdin=subprocess.PIPE,
    )
    try:
        out, err = process.communicate(stdin, timeout=within)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"onbeat {' '.join(arguments)} did not end within {within:g} s") from None
    finally:
        kill_all(mark)
        process.wait(timeout=5)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None and not stream.closed:
                stream.close()
    return Finished(
        ("onbeat", *arguments), process.returncode, out.decode(errors="replace"), err.decode(errors="replace")
    )
