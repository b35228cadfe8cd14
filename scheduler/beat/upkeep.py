"""A beat's spare time: any beat finishes what another process left. Each step is safe to be done by two at once."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from scheduler.broker_trouble import BrokerUnreachable
from scheduler.log_setup import emit
from scheduler.publisher import Publisher
from scheduler.recovery import recover
from scheduler.run import Run, RunState, fields_of
from scheduler.store import Store
from scheduler.store.outbox import Move
from scheduler.store.ticks import REPUBLISH_AFTER, Waiting
from scheduler.succession import succeed

LONGEST_SILENCE = timedelta(hours=1)
SWEPT: Final = 50  # of the oldest messages of a queue, beside as many as were ended just now


def keep_up(store: Store, publisher: Publisher, waiting: Waiting, now: datetime) -> None:
    """Do what `waiting` counts, in the order in which people wait for it.

    1. Log what commands have announced.
    2. End the runs that nobody started by their deadline.
    3. Publish the outbox.
    4. Queue the retries that are due.
    5. Recover the runs whose lease ran out.
    6. Publish again what no worker claimed.
    7. Publish what waited for the end of another run, where nobody did at that end.
    8. Start what follows on a run that ended, where nobody did.

    Raises Unreachable where the store or the broker fails; what was not done is found by the next turn. A broker
    that is away is asked once, and only what needs it is left out.
    """
    upkeep = _Upkeep(store, publisher, now)
    away: BrokerUnreachable | None = None
    for what, step in _STEPS:
        if getattr(waiting, what) and not (away and what in BY_THE_BROKER):
            try:
                step(upkeep)
            except BrokerUnreachable as error:
                away = error
    if away:
        raise away


@dataclass(frozen=True, slots=True)
class _Upkeep:
    store: Store
    publisher: Publisher
    now: datetime

    def expire(self) -> None:
        expired = self.store.deadlines.expire()
        for run in expired:
            emit("run.expired", **fields_of(run), queue=run.queue, reason=run.reason)
        if self.publisher.push:  # or else a queue without workers grows by each of them
            for queue, count in Counter(run.queue for run in expired).items():
                self.store.outbox.sweep(queue, SWEPT + 2 * count)

    def publish(self) -> None:
        due = self.store.outbox.due("outbox", self.now)
        self.publisher.publish([(run, call, run.attempt) for run, call in due])

    def retry(self) -> None:
        due = self.store.outbox.due("retries", self.now)
        self.publisher.publish([(run, call, run.attempt + 1) for run, call in due])

    def recover(self) -> None:
        for run, call in self.store.outbox.due("leases", self.now):
            recover(self.store, run, call, worker=None)

    def publish_again(self) -> None:
        _publish_again(self.store, self.publisher, self.store.outbox.due("unclaimed", self.now), self.now)

    def release(self) -> None:
        self.store.lanes.release()

    def succeed(self) -> None:
        for run_id in self.store.followers.ended(self.now):
            _see_to(self.store, self.publisher, run_id)


# The steps that send messages.
BY_THE_BROKER: Final = ("outbox", "retries", "unclaimed", "ended")
_STEPS: Final[tuple[tuple[str, Callable[[_Upkeep], None]], ...]] = (
    ("announcements", lambda upkeep: _announce(upkeep.store)),
    ("deadlines", _Upkeep.expire),
    ("outbox", _Upkeep.publish),
    ("retries", _Upkeep.retry),
    ("leases", _Upkeep.recover),
    ("unclaimed", _Upkeep.publish_again),
    ("lanes", _Upkeep.release),
    ("ended", _Upkeep.succeed),
)


def _see_to(store: Store, publisher: Publisher, run_id: str) -> None:
    run = store.runs.get(run_id)
    if run is None or not run.state.final:
        store.followers.seen_to(run_id)  # it is gone, or is replayed: then it ends again
    else:
        succeed(store, publisher, run)


def _announce(store: Store) -> None:
    for announcement in store.pauses.take_announcements():
        emit(announcement.pop("event"), **announcement)


def _publish_again(
    store: Store, publisher: Publisher, unclaimed: Sequence[tuple[Run, str]], now: datetime
) -> None:
    """A message may have been lost on its way. Where the queue has a backlog, that explains the wait just as well."""
    waiting = [(run, call) for run, call in unclaimed if run.state is RunState.QUEUED]
    lengths = publisher.queue_lengths(sorted({run.queue for run, _ in waiting}))
    store.outbox.move([Move(run, run.attempt) for run, _ in waiting if lengths.get(run.queue)], "sent")
    for run, call in waiting:
        if lengths.get(run.queue) or not publisher.publish([(run, call, run.attempt)]):
            continue
        emit("run.republished", **fields_of(run), queue=run.queue)
        pause = min(max(REPUBLISH_AFTER, now - run.queued_at), LONGEST_SILENCE)
        store.outbox.move([Move(run, run.attempt)], "sent", republish_after=pause)
