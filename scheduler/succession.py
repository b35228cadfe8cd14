"""What follows on a run that ended: the entries with `after` and `after_failed`.

The worker sees to it at once; a beat does where that worker could not. Both may, for a run that follows has one id.
"""

from typing import Final

from scheduler.disposition import Disposition
from scheduler.entry import Entry
from scheduler.log_setup import emit
from scheduler.publisher import Publisher
from scheduler.run import Run, RunState, fields_of
from scheduler.store import Store
from scheduler.store.followers import Followed
from scheduler.store.pauses import pause_in_force

FAILURES: Final = frozenset({RunState.FAILED, RunState.EXPIRED})


def succeed(store: Store, publisher: Publisher, run: Run) -> None:
    """Start, or note, what follows on `run`, which has ended. Raises Unreachable; a beat tries again then."""
    for name in store.followers.of(run.entry or ""):
        stored = store.entries.get(name)
        if stored is None or stored.entry is None or not stored.entry.enabled:
            continue
        if _follows(stored.entry, run):
            _follow(store, publisher, stored.entry, run)
    store.followers.seen_to(run.run_id)


def _follows(entry: Entry, run: Run) -> bool:
    if run.state is RunState.SUCCEEDED:
        return run.entry in entry.after
    return run.state in FAILURES and run.entry in entry.after_failed


def _follow(store: Store, publisher: Publisher, entry: Entry, upstream: Run) -> None:
    now = store.presence.now()
    pause = pause_in_force(store.pauses.all(), entry.name, now)
    skip = None if pause is None else (Disposition.SKIPPED_PAUSED, f"paused by {pause.by}: {pause.reason}")
    followed = store.followers.follow(entry, upstream, now, skip)
    if followed.answer == "created":
        _tell_created(store, publisher, followed)
    elif followed.answer == "left out":
        emit(
            "tick.skipped",
            entry=entry.name,
            job=entry.job,
            scheduled_at=fields_of(upstream)["scheduled_at"],
            disposition=followed.disposition,
            reason=followed.why,
        )


def _tell_created(store: Store, publisher: Publisher, followed: Followed) -> None:
    found = store.runs.calls([followed.run_id])
    for run, _ in found.values():
        emit(
            "tick.dispatched",
            **fields_of(run),
            queue=run.queue,
            trigger=run.trigger,
            parents=list(run.parents),
        )
    publisher.publish([(run, call, run.attempt) for run, call in found.values()])
