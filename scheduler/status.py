"""How a deployment does: who is there, what waits, what became of the ticks. One read for every face."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from scheduler.entry import DEFAULT_QUEUE
from scheduler.home import entries_at_home
from scheduler.publisher import same_server
from scheduler.settings import Settings
from scheduler.store import Store
from scheduler.store.entries import Applied, StoredEntry
from scheduler.store.ledger import Counts
from scheduler.store.pauses import Pause, pause_in_force
from scheduler.store.presence import ALIVE_FOR, Sign, has_homes
from scheduler.timestamps import milliseconds, rfc3339

# A tick is decided within milliseconds of its time; a second is already worth a look.
OVERDUE_AFTER: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue: how many messages wait (None where the broker is another server) and who takes them."""

    name: str
    length: int | None
    workers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """All of it at one moment, `now`, by the store's clock. `homes`: how many entries each beat has, by its id."""

    now: datetime
    beats: tuple[Sign, ...]
    workers: tuple[Sign, ...]
    queues: tuple[Queue, ...]
    entries: Mapping[str, StoredEntry]
    pauses: Mapping[str, Pause]
    ledger: Counts
    applied: Applied
    outbox: int
    refused: int
    homes: Mapping[str, int]

    @property
    def alive_beats(self) -> tuple[Sign, ...]:
        """The beats that gave a sign lately."""
        return tuple(sign for sign in self.beats if is_alive(sign, self.now))

    @property
    def alive_workers(self) -> tuple[Sign, ...]:
        """The workers that gave a sign lately."""
        return tuple(sign for sign in self.workers if is_alive(sign, self.now))

    @property
    def overdue(self) -> dict[str, timedelta]:
        """The entries whose next tick lies in the past, by how long, the longest first."""
        late = {
            name: self.now - stored.next_at
            for name, stored in self.entries.items()
            if stored.next_at is not None and self.now - stored.next_at > OVERDUE_AFTER
        }
        return dict(sorted(late.items(), key=lambda item: item[1], reverse=True))

    @property
    def paused(self) -> dict[str, Pause]:
        """The entries that are paused now, each with its pause."""
        found = {name: pause_in_force(self.pauses, name, self.now) for name in self.entries}
        return {name: pause for name, pause in found.items() if pause is not None}

    def problems(self) -> list[str]:
        """What an SRE should look at, the gravest first; empty when all is well."""
        found = []
        if not self.alive_beats:
            found.append("no beat is running: nothing becomes due")
        if not self.alive_workers:
            found.append("no worker is running: runs wait in their queues")
        found += [
            f"no worker takes the queue {queue.name!r}"
            for queue in self.queues
            if not queue.workers and self.alive_workers
        ]
        found += [
            f"the beat {beat.id} refuses its file: {error}; what it had before is in force"
            for beat in self.alive_beats
            if (error := beat.about.get("schedules_error"))
        ]
        if (count := self.ledger.unaccounted) != 0:
            found.append(f"{count} ticks have no disposition")
        if self.alive_beats and (late := self.overdue):
            entries = "1 entry is" if len(late) == 1 else f"{len(late)} entries are"
            found.append(f"{entries} overdue, {next(iter(late))!r} the longest")
        if self.refused:
            messages = "1 message was" if self.refused == 1 else f"{self.refused} messages were"
            found.append(f"{messages} refused: `onbeat quarantine` lists them")
        found += [f"the entry {name!r} can't be read" for name, each in self.entries.items() if each.trouble]
        return found


def is_alive(sign: Sign, now: datetime) -> bool:
    """True where the process gave a sign not long ago."""
    return now - sign.seen_at <= ALIVE_FOR


def read_status(store: Store, settings: Settings) -> Status:
    """Ask the store for all of it. Raises Unreachable."""
    now = store.presence.now()
    beats = store.presence.all("beats")
    entries = store.entries.all()
    workers = tuple(store.presence.all("workers").values())
    return Status(
        now=now,
        beats=tuple(beats.values()),
        workers=workers,
        queues=_queues(store, settings, entries.values(), [sign for sign in workers if is_alive(sign, now)]),
        entries=entries,
        pauses=store.pauses.all(),
        ledger=store.ledger.totals(),
        applied=store.entries.applied(),
        outbox=store.outbox.size(),
        refused=store.refusals.count(),
        homes=entries_at_home(
            (store.keys.entry(name) for name, stored in entries.items() if stored.next_at is not None),
            frozenset(name for name, sign in beats.items() if has_homes(sign, now)),
        ),
    )


def status_document(status: Status) -> dict[str, Any]:
    """The status as JSON values."""
    counts = status.ledger
    return {
        "now": rfc3339(status.now),
        "beats": [
            {**_sign_document(sign, status.now), "entries": status.homes.get(sign.id, 0)}
            for sign in status.beats
        ],
        "workers": [_sign_document(sign, status.now) for sign in status.workers],
        "queues": [
            {"queue": queue.name, "length": queue.length, "workers": list(queue.workers)}
            for queue in status.queues
        ],
        "ledger": {
            "expected": counts.expected,
            "dispatched": counts.dispatched,
            "skipped": counts.skipped,
            "coalesced": counts.coalesced,
            "unaccounted": counts.unaccounted,
        },
        "schedules": {
            "digest": status.applied.digest,
            "revision": status.applied.revision,
            "applied_at": rfc3339(status.applied.applied_at),
            "by": status.applied.by,
            "env": status.applied.env,
        },
        "entries": len(status.entries),
        "paused": sorted(status.paused),
        "overdue": [{"entry": name, "late_ms": milliseconds(late)} for name, late in status.overdue.items()],
        "outbox": status.outbox,
        "refused": status.refused,
        "problems": status.problems(),
    }


def _queues(
    store: Store, settings: Settings, entries: Iterable[StoredEntry], workers: Iterable[Sign]
) -> tuple[Queue, ...]:
    takers: dict[str, list[str]] = {}
    for sign in workers:
        for name in sign.about.get("queues", ()):
            takers.setdefault(name, []).append(sign.id)
    names = {stored.entry.queue for stored in entries if stored.entry is not None} | set(takers)
    ordered = sorted(names or {DEFAULT_QUEUE})
    here = same_server(settings)
    lengths = store.outbox.queue_lengths(ordered) if here else {}
    return tuple(Queue(name, lengths.get(name), tuple(takers.get(name, ()))) for name in ordered)


def _sign_document(sign: Sign, now: datetime) -> dict[str, Any]:
    return {"id": sign.id, **sign.about, "seen_at": rfc3339(sign.seen_at), "alive": is_alive(sign, now)}
