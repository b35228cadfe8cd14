"""A beat's spare time: any beat finishes what another process left. Each step is safe to be done by two at once."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from scheduler.log_setup import emit
from scheduler.publisher import Publisher
from scheduler.recovery import fields_of, recover
from scheduler.run import Run, RunState
from scheduler.store import Store
from scheduler.store.outbox import Move
from scheduler.store.ticks import REPUBLISH_AFTER, Waiting

LONGEST_SILENCE = timedelta(hours=1)


def keep_up(store: Store, publisher: Publisher, waiting: Waiting, now: datetime) -> None:
    """Do what `waiting` counts, in the order in which people wait for it.

    1. Log what commands have announced.
    2. End the runs that nobody started by their deadline.
    3. Publish the outbox.
    4. Queue the retries that are due.
    5. Recover the runs whose lease ran out.
    6. Publish again what no worker claimed.
    7. Publish what waited for the end of another run, where nobody did at that end.

    Raises Unreachable where the store or the broker fails; what was not done is found by the next turn.
    """
    if waiting.announcements:
        _announce(store)
    if waiting.deadlines:
        for run in store.deadlines.expire():
            emit("run.expired", **fields_of(run), queue=run.queue, reason=run.reason)
    if waiting.outbox:
        publisher.publish([(run, call, run.attempt) for run, call in store.outbox.due("outbox", now)])
    if waiting.retries:
        publisher.publish([(run, call, run.attempt + 1) for run, call in store.outbox.due("retries", now)])
    if waiting.leases:
        for run, call in store.outbox.due("leases", now):
            recover(store, run, call, worker=None)
    if waiting.unclaimed:
        _publish_again(store, publisher, store.outbox.due("unclaimed", now), now)
    if waiting.lanes:
        store.lanes.release()


def _announce(store: Store) -> None:
    for announcement in store.pauses.take_announcements():
        emit(announcement.pop("event"), **announcement)


def _publish_again(
    store: Store, publisher: Publisher, unclaimed: Sequence[tuple[Run, str]], now: datetime
) -> None:
    """A message may have been lost on its way. Where the queue has a backlog, that explains the wait just as well."""
    waiting = [(run, call) for run, call in unclaimed if run.state is RunState.QUEUED]
    lengths = store.outbox.queue_lengths(sorted({run.queue for run, _ in waiting})) if publisher.push else {}
    store.outbox.move([Move(run, run.attempt) for run, _ in waiting if lengths.get(run.queue)], "sent")
    for run, call in waiting:
        if lengths.get(run.queue) or not publisher.publish([(run, call, run.attempt)]):
            continue
        emit("run.republished", run_id=run.run_id, entry=run.entry, job=run.job, queue=run.queue)
        pause = min(max(REPUBLISH_AFTER, now - run.queued_at), LONGEST_SILENCE)
        store.outbox.move([Move(run, run.attempt)], "sent", republish_after=pause)
