"""An entry on its way from another scheduler's file into a schedules.toml, and what is said of it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from scheduler.cadences.crontab_fields import WITH_SECONDS, field_count
from scheduler.durations import format_duration
from scheduler.entry_keys import CHECKS
from scheduler.entry_values import NAME
from scheduler.quoting import quoted

_LONGEST_NAME: Final = 100
_DEEPEST: Final = 40


class Unreadable(ValueError):
    """The text is not what it was taken for; `line` and `column` count from 1."""

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What a person has to know about the import, and the line that it is about."""

    text: str
    line: int | None = None


@dataclass(slots=True, kw_only=True)
class Draft:
    """One entry: its keys as schedules.toml has them, and what could not be carried over."""

    name: str
    line: int | None = None
    keys: dict[str, Any] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)

    def say(self, text: str, *, line: int | None = None) -> None:
        """Note what was not carried over."""
        self.notes.append(Note(text=text, line=line or self.line))

    def disable(self, reason: str) -> None:
        """Switch the entry off, because as it stands it would do something else than before."""
        self.keys["enabled"] = False
        self.say(f"{reason}; it is switched off (enabled = false) until somebody mends it")

    def tick_by_crontab(self, expression: str, timezone: str | None = None) -> None:
        """Give it this crontab; where Onbeat can't read it, none, and say so."""
        words = expression.split()
        if words[:1] == ["@every"]:
            self.tick_every(" ".join(words[1:]))
            return
        try:
            CHECKS["crontab"](expression)
            if timezone is not None:
                CHECKS["timezone"](timezone)
        except ValueError as problem:
            self.tick_by_hand(f"{' '.join([expression, timezone or '']).strip()!r}: {problem}")
            return
        self.keys["crontab"] = " ".join(words)
        if field_count(expression) == len(WITH_SECONDS):
            self.keys["seconds"] = True
        if timezone is not None:
            self.keys["timezone"] = timezone

    def tick_every(self, every: str | timedelta) -> None:
        """Give it this interval; where Onbeat can't, none, and say so."""
        try:
            duration: timedelta = CHECKS["interval"](
                every if isinstance(every, str) else every.total_seconds()
            )
        except ValueError as problem:
            self.tick_by_hand(f"every {every}: {problem}")
            return
        self.keys["interval"] = format_duration(duration)

    def tick_by_hand(self, reason: str) -> None:
        """Leave it without a schedule and say why."""
        self.say(f"its schedule can't be carried over ({reason}); it runs only by `onbeat trigger`")

    def leave_out(self, fields: Mapping[str, Any], taken: Iterable[str], *, within: str = "") -> None:
        """Say of each of `fields` that is not among `taken` that it was not carried over."""
        known = set(taken)
        for key, value in fields.items():
            if key not in known and value not in (None, "", [], {}):
                self.say(f"{within}{key} = {quoted(value)} is not carried over")


@dataclass(slots=True, kw_only=True)
class Imported:
    """All that a file held: its entries, and what is to be said of the whole.

    `clock` says by which clock the times are meant that name no zone; it is said unless `timezone` is known.
    """

    drafts: list[Draft]
    notes: list[Note] = field(default_factory=list)
    clock: str | None = None
    timezone: str | None = None

    def finish(self) -> "Imported":
        """Keep of each entry what `onbeat check` lets pass, say the rest, and make the names unique."""
        taken: set[str] = set()
        unzoned = [draft for draft in self.drafts if "crontab" in draft.keys and "timezone" not in draft.keys]
        if unzoned and self.clock is not None and self.timezone is None:
            text = f"{self.clock}; here they are read as UTC. `onbeat import --timezone ZONE` sets another."
            self.notes.insert(0, Note(text=text))
        for draft in self.drafts:
            _name(draft, taken)
            _make_plain(draft)
            _leave_out_what_is_refused(draft)
        return self


def entry_name(text: str) -> str:
    """`text` as the name of an entry: what a name can't hold becomes a dash."""
    slug = re.sub(r"-{2,}", "-", re.sub(r"[^A-Za-z0-9_.-]+", "-", text)).strip("-.")
    return slug[:_LONGEST_NAME] or "entry"


def seconds(amount: float) -> str:
    """A number of seconds as schedules.toml has durations."""
    return format_duration(timedelta(seconds=amount))


def _name(draft: Draft, taken: set[str]) -> None:
    wanted = name = entry_name(draft.name)
    count = 1
    while name in taken:
        count += 1
        name = f"{wanted[: _LONGEST_NAME - len(str(count)) - 1]}-{count}"
    if not NAME.fullmatch(draft.name) and draft.name:
        draft.say(f"its name was {quoted(draft.name)}")
    elif name != wanted:
        draft.say(f"another entry is called {wanted!r} too, so this one is {name!r}")
    draft.name = name
    taken.add(name)


def _make_plain(draft: Draft) -> None:
    kwargs = draft.keys.get("kwargs")
    if isinstance(kwargs, dict):
        for key in [key for key, value in kwargs.items() if value is None]:
            del kwargs[key]
            draft.say(f"the argument {key} was null, which TOML has not: left out, the job's default holds")
    for key in list(draft.keys):
        try:
            draft.keys[key] = _plain(draft.keys[key])
        except ValueError as problem:
            del draft.keys[key]
            if key in ("args", "kwargs"):
                draft.disable(f"its {key} can't be carried over ({problem})")
            else:
                draft.say(f"{key} is not carried over: {problem}")
    for key in ("args", "kwargs"):
        if not draft.keys.get(key, True):
            del draft.keys[key]


def _plain(value: Any, depth: int = 0) -> Any:
    """`value` as TOML can hold it. Raises ValueError for what it can't."""
    if depth > _DEEPEST:
        raise ValueError(f"it is nested deeper than {_DEEPEST} levels")
    match value:
        case str():
            if not value.isascii() and value != value.encode(errors="replace").decode():
                raise ValueError("it holds half a character")
            return str(value)
        case bool() | int() | float() | datetime() | date() | time():
            return value
        case dict():
            return {_key(key): _plain(item, depth + 1) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item, depth + 1) for item in value]
        case None:
            raise ValueError("TOML has no null")
    raise ValueError(f"TOML has no form for a {type(value).__name__}")


def _key(key: object) -> str:
    if isinstance(key, str):
        return str(_plain(key))
    raise ValueError(f"its key {quoted(key)} is not a text")


def _leave_out_what_is_refused(draft: Draft) -> None:
    for key, value in list(draft.keys.items()):
        problem = "not supported by this version of Onbeat"
        if key in CHECKS:
            try:
                CHECKS[key](value)
            except ValueError as refusal:
                problem = str(refusal)
            else:
                continue
        del draft.keys[key]
        if key in ("args", "kwargs", "job"):
            draft.disable(f"its {key} can't be carried over ({problem})")
        else:
            draft.say(f"{key} = {quoted(value)} is not carried over: {problem}")
