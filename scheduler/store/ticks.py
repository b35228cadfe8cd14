"""The ticks: what is due now, and the commit that gives each tick its one disposition."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from scheduler.disposition import Disposition, TickRange
from scheduler.store.keys import Keys
from scheduler.store.moments import milliseconds, moment, moment_of_score, score
from scheduler.store.scripts import Scripts

BATCH: Final = 1_000
REPUBLISH_AFTER: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class DueEntry:
    """An entry whose time has come, as text, with what the commit will compare."""

    key: str
    name: str
    score: str
    definition: str
    meta: str
    own: str
    tick: str
    parked: bool

    @property
    def due_at(self) -> datetime:
        """Its due time."""
        return moment(round(float(self.score) * 1000))

    @property
    def last_tick_at(self) -> datetime | None:
        """The last tick with a disposition, or None for an entry that Onbeat never saw before."""
        return moment(self.tick) if self.tick else None


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many runs wait for a beat's spare time, by what they wait for."""

    outbox: int
    retries: int
    leases: int
    unclaimed: int
    announcements: int

    @property
    def any(self) -> bool:
        """True when there is something to do."""
        return bool(self.outbox or self.retries or self.leases or self.unclaimed or self.announcements)


@dataclass(frozen=True, slots=True)
class Selection:
    """All that a turn needs to know, read at one moment."""

    now: datetime
    due: tuple[DueEntry, ...]
    next_at: datetime | None
    pauses: Mapping[str, Mapping[str, Any]]
    waiting: Waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run that a commit creates, with its message ready to be pushed."""

    run_id: str
    scheduled_at: datetime
    job: str
    queue: str
    max_attempts: int
    call: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What was decided for one entry, to be committed if the entry is still as it was read."""

    due: DueEntry
    next_at: datetime | None
    last_at: datetime
    meta: str = ""
    parked: bool = False
    expected: int = 0
    overlap: str = "skip"
    max_active: int = 1
    left_out: Sequence[TickRange] = ()
    runs: Sequence[NewRun] = field(default=())


@dataclass(frozen=True, slots=True)
class Committed:
    """What a commit made of a decision. `overlapping`: the active run for which the tick was skipped."""

    done: bool
    overlapping: str | None


class Ticks:
    """The schedule's zset and the ledger, seen by a beat."""

    def __init__(self, keys: Keys, scripts: Scripts) -> None:
        self._keys = keys
        self._scripts = scripts

    def select(self, limit: int = BATCH) -> Selection:
        """Read the clock, at most `limit` entries that are due, and what else waits: one round trip."""
        own = self._keys.own
        keys = [own(name) for name in ("paused", "outbox", "retries", "leases", "unclaimed", "announcements")]
        answer = self._scripts.call("select", [self._keys.schedule, *keys], [limit])
        now_ms, rows, next_score, pauses, waiting = answer
        return Selection(
            now=moment(now_ms),
            due=tuple(
                DueEntry(key, self._keys.entry_name(key), due, definition, meta, mine, tick, parked == "1")
                for key, due, definition, meta, mine, tick, parked in rows
            ),
            next_at=moment_of_score(next_score) if next_score else None,
            pauses={name: json.loads(text) for name, text in zip(pauses[::2], pauses[1::2], strict=True)},
            waiting=Waiting(*waiting),
        )

    def commit(self, decisions: Sequence[Decided], *, now: datetime, push: bool) -> list[Committed]:
        """Write the decisions, each only if its entry is still as it was read: one round trip.

        `push`: the broker is this server, so the messages go out with the decision.
        """
        own = self._keys.own
        now_ms = milliseconds(now)
        keys = [self._keys.schedule, own("ledger"), own("unclaimed"), own("outbox")]
        republish_at = milliseconds(now + REPUBLISH_AFTER)
        args: list[str | int] = [self._keys.own_prefix, self._keys.prefix, now_ms, int(push), republish_at]
        for each in decisions:
            keys.append(each.due.key)
            args += _arguments(each, now_ms)
        return [_committed(answer) for answer in self._scripts.call("commit", keys, args)]


def _arguments(each: Decided, now_ms: int) -> list[str | int]:
    due = each.due
    args: list[str | int] = [due.key, due.name, due.score, due.tick, score(each.next_at)]
    args += [milliseconds(each.last_at), each.meta, "1" if each.parked else "", each.expected]
    args += [each.overlap, each.max_active, len(each.left_out)]
    for some in each.left_out:
        args += [some.disposition, some.count, _range(some, now_ms)]
    args.append(len(each.runs))
    for run in each.runs:
        args += [run.run_id, milliseconds(run.scheduled_at), run.job, run.queue]
        args += [run.max_attempts, run.call, run.message]
    return args


def _range(some: TickRange, now_ms: int) -> str:
    document = {
        "disposition": some.disposition,
        "first": milliseconds(some.first_at),
        "last": milliseconds(some.last_at),
        "count": some.count,
        "reason": some.reason,
        "decided": now_ms,
    }
    return json.dumps(document)


def range_of(text: str) -> TickRange:
    """The range that a commit wrote."""
    document = json.loads(text)
    return TickRange(
        Disposition(document["disposition"]),
        moment(document["first"]),
        moment(document["last"]),
        document["count"],
        document.get("reason"),
    )


def _committed(answer: str) -> Committed:
    result, _, overlapping = answer.partition(" ")
    return Committed(done=result in ("decided", "overlap"), overlapping=overlapping or None)
