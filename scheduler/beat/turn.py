"""One turn of the beat: select, decide, commit. A constant number of round trips, whatever is due."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from scheduler.beat.decide import behind, decide, parked
from scheduler.catchup import NOTHING_WAITS, Backlog
from scheduler.disposition import Disposition, TickRange
from scheduler.due import MOST_TICKS
from scheduler.entry import Entry
from scheduler.log_setup import emit
from scheduler.store import Store
from scheduler.store.decision import Committed, Decided, DueEntry
from scheduler.store.lanes import lane_of
from scheduler.store.pauses import pause_of
from scheduler.store.ticks import BATCH, Selection, Waiting
from scheduler.timestamps import rfc3339

# Of all entries together, or a turn with a thousand of them could take seconds, and nothing stops a turn.
MOST_TICKS_A_TURN: Final = 1_000


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn found and did. `more`: the batch was full, so the next turn must follow at once."""

    now: datetime
    next_at: datetime | None
    dispatched: int
    more: bool
    waiting: Waiting


def take_turn(store: Store, *, push: bool, limit: int = BATCH) -> Turn:
    """Take one turn.

    1. Select: the clock, what is due, what waits. One round trip.
    2. Decide: every entry that is due, by pure functions. After downtime first read what waits for its turn.
    3. Commit: all decisions, each only if its entry is still as it was read. One round trip.

    `push`: the broker is the store's server, and the commit pushes the messages. Raises Unreachable.
    """
    selection = store.ticks.select(limit)
    decisions = _decisions(store, selection)
    if decisions:
        answers = store.ticks.commit([decided for decided, _ in decisions], now=selection.now, push=push)
        for (decided, entry), committed in zip(decisions, answers, strict=True):
            if committed.trouble:
                _tell_quarantined(decided.due, committed.trouble)
            elif committed.done and entry is not None:
                _tell(decided, entry, committed)
                if committed.ended is not None:
                    emit(
                        "entry.ended", entry=entry.name, runs=committed.ended, hint="raise max_runs for more"
                    )
    return Turn(
        now=selection.now,
        next_at=_next_at(selection, [decided for decided, _ in decisions]),
        dispatched=sum(len(decided.runs) for decided, _ in decisions),
        more=len(selection.due) == limit,
        waiting=selection.waiting,
    )


def _decisions(store: Store, selection: Selection) -> list[tuple[Decided, Entry | None]]:
    pauses = {name: pause_of(name, document) for name, document in selection.pauses.items()}
    backlogs = _backlogs(store, selection)
    decisions: list[tuple[Decided, Entry | None]] = []
    left, taken = MOST_TICKS_A_TURN, Counter[str]()
    for due in selection.due:
        lane, backlog = backlogs.get(due.key, ("", NOTHING_WAITS))
        # Entries that share a limit share the room that there is in this turn, too.
        backlog = replace(backlog, active=backlog.active + taken[lane]) if taken[lane] else backlog
        try:
            decided, entry = decide(
                due, pauses, selection.now, backlog=backlog, most=max(1, min(MOST_TICKS, left))
            )
            decisions.append((decided, entry))
            left -= len(decided.runs)
            if lane:
                taken[lane] += len(decided.runs)
        except ValueError as error:
            _tell_quarantined(due, str(error))
            decisions.append((parked(due, selection.now), None))
    return decisions


def _backlogs(store: Store, selection: Selection) -> dict[str, tuple[str, Backlog]]:
    """How far those are whose caught-up ticks wait for their turn, each with its lane; by the key of its hash.

    There are some after downtime only, and they are read in one round trip.
    """
    late = [(due, entry) for due in selection.due if (entry := behind(due, selection.now)) is not None]
    if not late:
        return {}
    found = zip(late, store.ticks.backlogs(late), strict=True)
    return {due.key: (lane_of(entry), backlog) for (due, entry), backlog in found}


def _tell_quarantined(due: DueEntry, error: str) -> None:
    emit("entry.quarantined", entry=due.name, error=error, hint="write it anew; the other entries go on")


def _next_at(selection: Selection, decisions: Sequence[Decided]) -> datetime | None:
    moments = [selection.next_at, *(decided.next_at for decided in decisions)]
    return min((moment for moment in moments if moment is not None), default=None)


def _tell(decided: Decided, entry: Entry, committed: Committed) -> None:
    for some in decided.left_out:
        _tell_left_out(entry, some)
    for run in decided.runs:
        if run.run_id in committed.overlapping:
            reason = committed.overlapping[run.run_id]
            one = TickRange(Disposition.SKIPPED_OVERLAP, run.scheduled_at, run.scheduled_at, 1, reason)
            _tell_left_out(entry, one)
        else:
            waits = {"waits_for": committed.waits[run.run_id]} if run.run_id in committed.waits else {}
            emit(
                "tick.dispatched",
                entry=entry.name,
                job=entry.job,
                run_id=run.run_id,
                scheduled_at=rfc3339(run.scheduled_at),
                attempt=1,
                queue=entry.queue,
                **waits,
            )
    for gone in committed.replaced:
        emit(
            "run.cancelling" if gone.asked else "run.cancelled",
            entry=entry.name,
            job=gone.job,
            run_id=gone.run_id,
            scheduled_at=rfc3339(gone.scheduled_at),
            attempt=gone.attempt,
            by="overlap",
            reason=gone.reason,
        )


def _tell_left_out(entry: Entry, some: TickRange) -> None:
    coalesced = some.disposition is Disposition.COALESCED
    emit(
        "tick.coalesced" if coalesced else "tick.skipped",
        entry=entry.name,
        job=entry.job,
        scheduled_at=rfc3339(some.first_at),
        until=rfc3339(some.last_at),
        count=some.count,
        disposition=some.disposition.value,
        reason=some.reason,
    )
