"""A run that a test had executed: the record that a worker would have left, its log, and what to assert on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from scheduler.events import BASE_FIELDS, RUN_FIELDS
from scheduler.run import Run

_KNOWN = {*BASE_FIELDS, *RUN_FIELDS, "message"} - {"attempt"}


class LogLine(str):
    """A line of a run's log: its message as text, its `level`, and in `fields` what was logged beside it."""

    __slots__ = ("fields", "level")

    level: str
    fields: Mapping[str, Any]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """The line that an event of the log is."""
        line = cls(document.get("message", document["event"]))
        line.level = document["level"]
        line.fields = {name: value for name, value in document.items() if name not in _KNOWN}
        return line


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ExecutedRun(Run):
    """A run as a worker would have put it on record, with its log and what its last attempt raised.

    `result` is what JSON can say of what the job returned; `exception` is what left the job at last, or None.
    """

    log: tuple[LogLine, ...] = ()
    exception: BaseException | None = None

    def expect(self, state: str = "succeeded") -> Self:
        """Itself, where it is in this state. Raises AssertionError with its error, traceback and log otherwise."""
        __tracebackhide__ = True
        if self.state != state:
            parts = [
                f"{self!r}, not {state}",
                self.traceback,
                *(f"  {line.level}: {line}" for line in self.log),
            ]
            raise AssertionError("\n".join(part for part in parts if part))
        return self

    def __repr__(self) -> str:
        why = (self.error or self.reason or "").partition("\n")[0]
        attempt = f", attempt {self.attempt} of {self.max_attempts}" if self.max_attempts > 1 else ""
        at = self.scheduled_at.isoformat().replace("+00:00", "Z")
        return f"<run of {self.entry} at {at}{attempt}: {self.state}{f', {why}' if why else ''}>"
