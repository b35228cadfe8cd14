"""The runs that wait for a beat: decided and not published, due for a retry, not claimed, or lost with their worker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, Literal

from scheduler.epoch import milliseconds
from scheduler.message import HIGHEST_PRIORITY, list_name
from scheduler.run import Run, RunState
from scheduler.store.connection import Client
from scheduler.store.keys import Keys
from scheduler.store.runs import Runs
from scheduler.store.scripts import Scripts
from scheduler.store.ticks import REPUBLISH_AFTER

Place = Literal["outbox", "retries", "leases", "unclaimed"]
Way = Literal["push", "outbox", "sent"]

BATCH: Final = 500
# Longer than a broker takes that is well, and not as long as anybody would wait for what a beat left that died.
HELD_FOR: Final = timedelta(seconds=1)
_HELD_IN: Final[tuple[Place, ...]] = ("outbox", "retries", "unclaimed")

_STATES: Final = MappingProxyType(
    {
        "outbox": RunState.QUEUED,
        "retries": RunState.RETRYING,
        "leases": RunState.RUNNING,
        "unclaimed": RunState.QUEUED,
    }
)


@dataclass(frozen=True, slots=True)
class Move:
    """A run to be queued for its attempt `attempt`, if it is still as `run` says.

    `message` where it is pushed here, by its `priority`.
    """

    run: Run
    attempt: int
    message: str = ""
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Hold:
    """A run that this process is about to publish: where it was due, and since when, in milliseconds."""

    place: Place
    due_ms: str


class Outbox:
    """The four zsets of runs that wait for a beat, each by the time from which it is due."""

    def __init__(self, client: Client, keys: Keys, scripts: Scripts, runs: Runs) -> None:
        self._client: Any = client  # redis-py's types: bytes or str
        self._keys = keys
        self._scripts = scripts
        self._runs = runs

    def due(self, place: Place, now: datetime, limit: int = BATCH) -> list[tuple[Run, str]]:
        """The runs whose time has come in `place`, oldest first, each with the JSON of its call.

        Those that can't be executed any more (ended, deleted) are taken out of it. One that another beat has moved
        on between our two reads is left alone: it is in another state now, and must not be moved on from there.
        """
        key = self._keys.own(place)
        ids = self._client.zrangebyscore(key, "-inf", milliseconds(now), start=0, num=limit)
        if not ids:
            return []
        found = self._runs.calls(ids)
        gone = [run_id for run_id in ids if run_id not in found or found[run_id][0].state.final]
        if gone:
            self._client.zrem(key, *gone)
        return [
            found[run_id] for run_id in ids if run_id in found and found[run_id][0].state is _STATES[place]
        ]

    def move(
        self, moves: Sequence[Move], way: Way, *, republish_after: timedelta = REPUBLISH_AFTER
    ) -> list[bool]:
        """Queue runs for an attempt, each only if it is as it was read. True for those that were moved."""
        if not moves:
            return []
        keys = [self._keys.own(name) for name in ("outbox", "retries", "unclaimed", "leases")]
        again = republish_after // timedelta(milliseconds=1)
        args: list[str | int] = [self._keys.own_prefix, self._keys.prefix, again, way]
        for each in moves:
            worker = each.run.worker or ""
            args += [each.run.run_id, each.run.state, each.run.attempt, worker, each.attempt]
            args += [list_name(each.run.queue, each.priority), each.message]
        return [bool(answer) for answer in self._scripts.call("publish", keys, args)]

    def hold(self, run_ids: Sequence[str], held_for: timedelta = HELD_FOR) -> dict[str, Hold]:
        """Take hold of those of these runs that are due to be published, so that nobody else does it meanwhile.

        A run that is in another's hand, or has moved on, is left out. `move` ends it, `let_go` does, and the time.
        """
        if not run_ids:
            return {}
        keys = [self._keys.own(name) for name in _HELD_IN]
        answer = self._scripts.call("hold", keys, [held_for // timedelta(milliseconds=1), *run_ids])
        found = zip(run_ids, answer[::2], answer[1::2], strict=True)
        return {run_id: Hold(_HELD_IN[place - 1], due_ms) for run_id, place, due_ms in found if place}

    def let_go(self, held: Mapping[str, Hold]) -> None:
        """What was not published after all is due as before: anybody may try."""
        if not held:
            return
        pipeline = self._client.pipeline()
        for run_id, hold in held.items():
            pipeline.zadd(self._keys.own(hold.place), {run_id: hold.due_ms}, xx=True)
        pipeline.execute()

    def sweep(self, queue: str, most: int) -> int:
        """Take out the messages among the `most` oldest of the queue whose runs have ended; returns how many."""
        lists = [self._keys.queue(list_name(queue, priority)) for priority in range(HIGHEST_PRIORITY + 1)]
        return int(self._scripts.call("sweep", lists, [self._keys.own_prefix, most]))

    def size(self) -> int:
        """How many runs are decided and not yet published."""
        return int(self._client.zcard(self._keys.own("outbox")))

    def queue_lengths(self, queues: Sequence[str]) -> dict[str, int]:
        """How many messages wait in each queue, where the broker is this server."""
        pipeline = self._client.pipeline(transaction=False)
        priorities = range(HIGHEST_PRIORITY + 1)
        for queue in queues:
            for priority in priorities:
                pipeline.llen(self._keys.queue(list_name(queue, priority)))
        lengths = iter(pipeline.execute())
        return {queue: sum(next(lengths) for _ in priorities) for queue in queues}
