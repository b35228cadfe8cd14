"""An entry: one `[schedules.NAME]` table, checked and complete."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, Literal, Self

from scheduler.cadences.calendar_words import joined
from scheduler.exclusion import Exclusion
from scheduler.retry import RetryPolicy
from scheduler.schedule import Schedule, schedule_from_json

Overlap = Literal["skip", "queue", "allow", "replace"]
Catchup = Literal["none", "latest", "all"]
Source = Literal["file", "api"]

DEFAULT_QUEUE = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What runs, when, and by which rules. Times and durations are exact; nothing here reads a clock."""

    name: str
    job: str
    schedule: Schedule | None = None
    exclusion: Exclusion | None = None
    after: tuple[str, ...] = ()  # it follows when all of these have succeeded for the same scheduled time
    after_failed: tuple[str, ...] = ()  # or when one of these has failed
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()  # values among its arguments that no log and no command shows
    queue: str = DEFAULT_QUEUE
    priority: int = 0  # up to 9, which goes first
    rate_limit: str | None = None
    timeout: timedelta | None = None
    soft_timeout: timedelta | None = None
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    enabled: bool = True
    overlap: Overlap = "skip"
    max_active: int | None = None
    group: str | None = None
    catchup: Catchup = "latest"
    catchup_window: timedelta = timedelta(days=1)
    catchup_spread: timedelta | None = None
    start_deadline: timedelta | None = None
    max_runs: int | None = None
    description: str | None = None
    owner: str | None = None
    tags: tuple[str, ...] = ()
    runbook: str | None = None
    keep_runs: int = 100
    keep_for: timedelta = timedelta(days=30)
    source: Source = "file"
    _text: str | None = field(default=None, init=False, repr=False, compare=False)
    _shared: str | None = field(default=None, init=False, repr=False, compare=False)

    def start_by(self, scheduled_at: datetime) -> datetime | None:
        """The moment by which a run scheduled then must have started; None where it may start at any time."""
        return None if self.start_deadline is None else scheduled_at + self.start_deadline

    @property
    def follows(self) -> str | None:
        """What it follows on, in words; None of an entry that follows on none."""
        if self.after:
            return f"after {joined(self.after)}"
        return f"when {joined(self.after_failed, 'or')} failed" if self.after_failed else None

    @property
    def most_active(self) -> int | None:
        """How many runs may be active at once, of this entry or of its group; None: any number."""
        return 1 if self.max_active is None and self.overlap != "allow" else self.max_active

    def to_json(self) -> dict[str, Any]:
        """This entry as JSON values, the defaults left out, for the store; `from_json` reads it back."""
        document: dict[str, Any] = {"name": self.name, "job": self.job}
        for name, value, usual in zip(_OPTIONAL, _values(self), _USUAL, strict=True):
            if value is usual or value == usual:
                continue
            if name in _TUPLES:
                document[name] = list(value)
            elif name in _DURATIONS:
                document[name] = None if value is None else value.total_seconds()
            else:
                document[name] = value.to_json() if name in _NESTED else value
        return document

    def text(self) -> str:
        """This entry as JSON text, the same for all that mean the same; `from_json` reads it back. Made once."""
        if self._text is None:
            own: dict[str, Any] = {"name": self.name}
            if self.args:
                own["args"] = self.args
            if self.kwargs:
                own["kwargs"] = self.kwargs
            text = f"{_sorted_json(own)[:-1]}, {self._rest()[1:]}"
            object.__setattr__(self, "_text", text)
        return self._text or ""

    def _rest(self) -> str:
        """The text of all but its name and arguments, which it may share with others."""
        if self._shared is None:
            rest = {key: value for key, value in self.to_json().items() if key not in _OWN}
            object.__setattr__(self, "_shared", _sorted_json(rest))
        return self._shared or ""

    def like(
        self, name: str, schedule: Schedule | None, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> "Entry":
        """An entry that has these of its own, and all else as this one: cheaper than one from nothing."""
        others = dict(zip(_ALIKE, _alike(self), strict=True))
        entry = Entry(name=name, schedule=schedule, args=args, kwargs=kwargs, **others)
        if schedule is self.schedule:
            object.__setattr__(entry, "_shared", self._rest())
        return entry

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The entry that `to_json` wrote.

        Raises KeyError, TypeError or ValueError where the document is not one of ours.
        """
        values: dict[str, Any] = {"name": document["name"], "job": document["job"]}
        if "schedule" in document:
            values["schedule"] = schedule_from_json(document["schedule"])
        if "exclusion" in document:
            values["exclusion"] = Exclusion.from_json(document["exclusion"])
        if "retry" in document:
            values["retry"] = RetryPolicy.from_json(document["retry"])
        for name in _PLAIN:
            if name in document:
                values[name] = tuple(document[name]) if name in _TUPLES else document[name]
        for name in _DURATIONS:
            if name in document:
                seconds = document[name]
                values[name] = None if seconds is None else timedelta(seconds=seconds)
        return cls(**values)


_TUPLES = frozenset({"after", "after_failed", "args", "secrets", "tags"})
_NESTED = ("schedule", "exclusion", "retry")
_PLAIN = (
    "after",
    "after_failed",
    "args",
    "kwargs",
    "secrets",
    "queue",
    "priority",
    "rate_limit",
    "enabled",
    "overlap",
    "max_active",
    "group",
    "catchup",
    "max_runs",
    "description",
    "owner",
    "tags",
    "runbook",
    "keep_runs",
    "source",
)
_DURATIONS = (
    "timeout",
    "soft_timeout",
    "catchup_window",
    "catchup_spread",
    "start_deadline",
    "keep_for",
)
_OWN = frozenset({"name", "args", "kwargs"})
_OPTIONAL = (*_NESTED, *_PLAIN, *_DURATIONS)
_values = attrgetter(*_OPTIONAL)
_USUAL = _values(Entry(name="", job=""))
_ALIKE = ("job", *(name for name in _OPTIONAL if name not in (*_OWN, "schedule")))
_alike = attrgetter(*_ALIKE)
_sorted_json = json.JSONEncoder(sort_keys=True).encode
