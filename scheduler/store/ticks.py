"""The ticks: what is due now, and the commit that gives each tick its one disposition."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Final

from scheduler.catchup import Backlog
from scheduler.entry import Entry
from scheduler.epoch import milliseconds, moment, moment_of_score, moment_or_none, score
from scheduler.redbeat_entry import last_run_at, meta_up_to_count
from scheduler.store.connection import Client
from scheduler.store.decision import Committed, Decided, DueEntry, batch_document, committed
from scheduler.store.keys import Keys
from scheduler.store.lanes import lane_of
from scheduler.store.scripts import Scripts, Sent

BATCH: Final = 2_000
_FIELDS_OF_DUE: Final = 7
# Several times as long as a beat that is well takes for a turn; so much a beat that died costs.
LEFT_TO_ITS_HOME: Final = timedelta(milliseconds=250)
# What is lost is to be on its way again within 30 s, and a beat may need some of them.
REPUBLISH_AFTER: Final = timedelta(seconds=25)


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many runs wait for a beat's spare time, by what they wait for."""

    outbox: int
    retries: int
    leases: int
    unclaimed: int
    announcements: int
    deadlines: int
    lanes: int
    ended: int

    @property
    def any(self) -> bool:
        """True when there is something to do."""
        return any(getattr(self, field.name) for field in fields(self))


@dataclass(frozen=True, slots=True)
class Selection:
    """All that a turn needs to know, read at one moment. `beats`: how many are known; None where nothing is due."""

    now: datetime
    due: tuple[DueEntry, ...]
    next_at: datetime | None
    pauses: Mapping[str, Mapping[str, Any]]
    waiting: Waiting
    beats: int | None = None


class Ticks:
    """The schedule's zset and the ledger, seen by a beat."""

    def __init__(self, client: Client, keys: Keys, scripts: Scripts) -> None:
        self._client: Any = client  # redis-py's types: bytes or str
        self._keys = keys
        self._scripts = scripts

    def select(self, limit: int = BATCH, own_slots: str = "") -> Selection:
        """Read the clock, at most `limit` entries that are due, and what else waits: one round trip.

        `own_slots`, see `home`: entries whose home is another beat are left to it until they are overdue.
        """
        return self.send_select(limit, own_slots).selection()

    def send_select(self, limit: int = BATCH, own_slots: str = "", after: "Select | None" = None) -> "Select":
        """`select`, but the answer is asked for later; it must be, or be abandoned.

        `after`: it comes after that one, and after the commits of what was found by it.
        """
        own = self._keys.own
        keys = [
            own(name)
            for name in (
                "paused",
                "outbox",
                "retries",
                "leases",
                "unclaimed",
                "announcements",
                "deadlines",
                "waiting",
                "ended",
                "beats",
            )
        ]
        left_ms = LEFT_TO_ITS_HOME // timedelta(milliseconds=1)
        keys = [self._keys.schedule, *keys]
        wire = after.wire if after else None
        return Select(self._scripts.send("select", keys, [limit, own_slots, left_ms], wire), self._keys)

    def due_between(self, after: datetime, until: datetime, limit: int) -> list[str]:
        """The keys of the entries that come due in (after, until], the soonest first."""
        keys: list[str] = self._client.zrangebyscore(
            self._keys.schedule, f"({score(after)}", score(until), start=0, num=limit
        )
        return keys

    def texts(self, keys: Sequence[str]) -> list[tuple[str, str, str]]:
        """Of those of these entries that are there: the name, `definition` and `onbeat`, or ""."""
        if not keys:
            return []
        pipeline = self._client.pipeline(transaction=False)
        for key in keys:
            pipeline.hmget(key, "definition", "onbeat")
        answers = zip(keys, pipeline.execute(raise_on_error=False), strict=True)
        found = [(key, answer) for key, answer in answers if isinstance(answer, list) and answer[0]]
        return [(self._keys.entry_name(key), answer[0], answer[1] or "") for key, answer in found]

    def backlogs(self, entries: Sequence[tuple[DueEntry, Entry]]) -> list[Backlog]:
        """How far the catching up of these entries has come: one round trip."""
        args = [self._keys.own_prefix]
        for due, entry in entries:
            args += [due.name, lane_of(entry)]
        answer = self._scripts.call("backlog", [due.key for due, _ in entries], args)
        return [
            Backlog(moment_or_none(since), active, last_run_at(due.meta), had)
            for (due, _), since, active, had in zip(
                entries, answer[::3], answer[1::3], answer[2::3], strict=True
            )
        ]

    def commit(self, decisions: Sequence[Decided], *, now: datetime, push: bool) -> list[Committed]:
        """Write the decisions, each only if its entry is still as it was read: one round trip.

        `push`: the broker is this server, so the messages go out with the decision.
        """
        return self.send_commit(decisions, now=now, push=push).answers()

    def send_commit(
        self, decisions: Sequence[Decided], *, now: datetime, push: bool, select: "Select | None" = None
    ) -> "Commit":
        """`commit`, but what the server made of the decisions is asked for later; it must be, or be abandoned.

        `select`: by which the entries were found.
        """
        own = self._keys.own
        columns, rules = batch_document(decisions, now)
        batch = {
            "own": self._keys.own_prefix,
            "entries": self._keys.entry(""),
            "queues": self._keys.prefix,
            "now": str(milliseconds(now)),
            "push": push,
            "republish_at": str(milliseconds(now + REPUBLISH_AFTER)),
            "meta": meta_up_to_count(now),
            **columns,
        }
        keys = [self._keys.schedule, own("ledger"), own("unclaimed"), own("outbox"), own("deadlines")]
        keys += [each.due.key for each in decisions]
        args = [json.dumps(batch), rules]
        for each in decisions:
            args += each.form.call, each.form.message
        return Commit(self._scripts.send("commit", keys, args, select.wire if select else None))


class Select:
    """A selection on its way. `asked`: when it was sent, seconds of this machine's monotonic clock."""

    def __init__(self, sent: Sent, keys: Keys) -> None:
        self.asked = time.monotonic()
        self.wire = sent.wire
        self._sent = sent
        self._keys = keys

    def selection(self) -> Selection:
        """What was found. Raises Unreachable."""
        now_ms, fields, next_score, pauses, waiting, beats = self._sent.result()
        rows = zip(*[iter(fields)] * _FIELDS_OF_DUE, strict=True)
        return Selection(
            now=moment(now_ms),
            due=tuple(
                DueEntry(key, self._keys.entry_name(key), due, definition, meta, mine, tick, parked == "1")
                for key, due, definition, meta, mine, tick, parked in rows
            ),
            next_at=moment_of_score(next_score) if next_score else None,
            pauses={name: json.loads(text) for name, text in zip(pauses[::2], pauses[1::2], strict=True)},
            waiting=Waiting(*waiting),
            beats=beats if beats >= 0 else None,
        )

    def abandon(self) -> None:
        """Nobody wants to know any more."""
        self._sent.abandon()


class Commit:
    """A commit on its way."""

    def __init__(self, sent: Sent) -> None:
        self._sent = sent

    def answers(self) -> list[Committed]:
        """What became of each decision, in their order. Raises Unreachable."""
        return [committed(answer) for answer in self._sent.result()]

    def abandon(self) -> None:
        """Nobody wants to know any more. It may have happened, or may yet."""
        self._sent.abandon()
