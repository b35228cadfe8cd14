"""What a person does, by any face, to entries, runs and refused messages. A beat logs each."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from scheduler.broker_trouble import BrokerUnreachable
from scheduler.errors import OnbeatError
from scheduler.publisher import Publisher
from scheduler.run import Call, Run, RunState, fields_of, manual_run_id
from scheduler.store import Store
from scheduler.store.cancels import Stopping
from scheduler.store.entries import StoredEntry
from scheduler.store.pauses import EVERY_ENTRY, Pause
from scheduler.store.refusals import LARGEST, Refusal
from scheduler.store.replays import Replay
from scheduler.timestamps import rfc3339


def trigger(
    store: Store,
    publisher: Publisher,
    stored: StoredEntry,
    *,
    by: str,
    kwargs: Mapping[str, Any] | None = None,
    at: datetime | None = None,
    reason: str | None = None,
) -> str:
    """Ask for a run of the entry, now or at `at`, with `kwargs` put over its own. Returns the run's id.

    A paused or disabled entry may be triggered: a person asked for it. Without `at` its message goes out at once;
    where the broker is out of reach the run waits in the outbox for a beat. Raises OnbeatError where the entry
    can't be read.
    """
    if stored.entry is None:
        raise OnbeatError(f"the entry {stored.name!r} can't be read: {stored.trouble}", hint="apply it anew")
    now = store.presence.now()
    run_id = manual_run_id()
    store.runs.create(
        run_id,
        Call.of(stored.entry, kwargs=dict(kwargs or {})),
        entry=stored.name,
        trigger="manual",
        scheduled_at=at or now,
        publish_at=at,
        start_by=stored.entry.start_by(at or now),
    )
    about = {"entry": stored.name, "job": stored.entry.job, "run_id": run_id, "attempt": 1, "by": by}
    about |= {
        "scheduled_at": rfc3339(at or now),
        "trigger": "manual",
        "queue": stored.entry.queue,
        "reason": reason,
    }
    store.pauses.announce("entry.triggered", **about)
    if at is None:
        with suppress(BrokerUnreachable):
            publisher.publish([(run, call, run.attempt) for run, call in store.runs.calls([run_id]).values()])
    return run_id


def replay(
    store: Store, publisher: Publisher, runs: Sequence[Run], *, by: str, reason: str = ""
) -> list[Replay]:
    """Give runs that have ended badly, or that wait for their next attempt, that attempt now.

    Where the broker is out of reach a beat sees to them.
    """
    replays = store.replays.ask([run.run_id for run in runs])
    queued = [
        (run, each) for run, each in zip(runs, replays, strict=True) if each.answer in {"queued", "due"}
    ]
    store.pauses.announce_all(
        ("run.replayed", {**fields_of(run), "attempt": each.attempt, "by": by, "reason": reason})
        for run, each in queued
    )
    calls = store.runs.calls([run.run_id for run, _ in queued])
    with suppress(BrokerUnreachable):
        publisher.publish(
            [(run, call, run.attempt + (run.state is RunState.RETRYING)) for run, call in calls.values()]
        )
    return replays


def pause(
    store: Store, entry: str | None, *, by: str, reason: str, duration: timedelta | None = None
) -> Pause:
    """Pause the entry, or every entry where it is None, for `duration` or until it is resumed."""
    now = store.presence.now()
    paused = Pause(
        entry=entry or EVERY_ENTRY,
        by=by,
        reason=reason,
        paused_at=now,
        until=None if duration is None else now + duration,
    )
    store.pauses.put(paused)
    store.pauses.announce("entry.paused", entry=paused.entry, by=by, reason=reason)
    return paused


def resume(store: Store, entry: str | None, *, by: str, reason: str | None = None) -> Pause | None:
    """Resume the entry, or where it is None lift the pause of all. Returns the pause that was there."""
    lifted = store.pauses.lift(entry or EVERY_ENTRY)
    if lifted is not None:
        store.pauses.announce("entry.resumed", entry=lifted.entry, by=by, reason=reason)
    return lifted


def drop_refused(store: Store, refusals: Sequence[Refusal], *, by: str) -> list[Refusal]:
    """Forget refused messages; returns them."""
    store.refusals.drop(refusals)
    for each in refusals:
        store.pauses.announce("message.dropped", message=each.id, queue=each.queue, by=by)
    return list(refusals)


def replay_refused(
    store: Store, publisher: Publisher, refusals: Sequence[Refusal], *, by: str
) -> list[Refusal]:
    """Put refused messages into their queues again, as they came; returns them.

    Each leaves the quarantine once it is sent. Raises OnbeatError, before any is sent, where one can't be: it was too
    large to be kept whole, or its broker takes no such thing; and BrokerUnreachable.
    """
    for each in refusals:
        if not each.whole:
            reason = f"it has {each.size} bytes, of which {LARGEST} were kept"
            raise OnbeatError(f"the message {each.id} can't be sent again: {reason}", hint="drop it")
        if (problem := publisher.problem_with(each)) is not None:
            raise OnbeatError(f"the message {each.id} can't be sent again: {problem}", hint="drop it")
    for each in refusals:
        publisher.send_again(each)
        store.refusals.drop([each])
        store.pauses.announce("message.replayed", message=each.id, queue=each.queue, by=by)
    return list(refusals)


def cancel(store: Store, run: Run, *, by: str, reason: str = "") -> Stopping:
    """Stop the run: at once where it waits; where it runs its worker is told, and ends it within its grace."""
    stopping = store.cancels.ask(run.run_id, by=by, reason=reason)
    event = {"cancelled": "run.cancelled", "asked": "run.cancelling"}.get(stopping.answer)
    if event is not None and not run.cancel_asked:
        about = {**fields_of(run), "attempt": stopping.attempt}
        store.pauses.announce(event, **about, by=by, reason=reason)
    return stopping
