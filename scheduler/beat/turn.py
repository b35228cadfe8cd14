"""One turn of the beat: select, decide, commit. A constant number of round trips, whatever is due."""

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Final, Self

from scheduler.beat.decide import behind, decide, parked
from scheduler.catchup import NOTHING_WAITS, Backlog
from scheduler.disposition import Disposition, TickRange
from scheduler.due import MOST_TICKS
from scheduler.entry import Entry
from scheduler.log_setup import emit, emit_all
from scheduler.store import Store
from scheduler.store.decision import Committed, Decided, DueEntry
from scheduler.store.lanes import lane_of
from scheduler.store.pauses import pause_of
from scheduler.store.ticks import BATCH, Commit, Select, Selection, Waiting
from scheduler.timestamps import rfc3339

# Of all entries together, or a turn with a thousand of them could take seconds, and nothing stops a turn.
MOST_TICKS_A_TURN: Final = 1_000
# The server keeps the commands of a script until it ends, and then writes them to its append-only file: those of 500
# ticks no longer fit into a processor's cache, and each costs a third more.
_TICKS_AT_ONCE: Final = 200

_Decisions = list[tuple[Decided, Entry | None]]
_Row = tuple[str | int | None, ...]
_OF_DISPATCHED: Final = ("entry", "job", "run_id", "scheduled_at", "attempt", "queue")
_OF_LEFT_OUT: Final = ("entry", "job", "scheduled_at", "until", "count", "disposition", "reason")

_written = lru_cache(maxsize=1_024)(rfc3339)  # thousands of ticks share a moment


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn found and did. `more`: the batch was full, so the next turn must follow at once.

    `now` was read after `asked`, seconds of this machine's monotonic clock. `beats`: how many the store knows; None
    where nothing was due. `following`: what is due next, asked for already.
    """

    asked: float
    now: datetime
    next_at: datetime | None
    dispatched: int
    more: bool
    waiting: Waiting
    beats: int | None
    following: Select | None = None


def take_turn(
    store: Store,
    *,
    push: bool,
    limit: int = BATCH,
    own_slots: str = "",
    select: Select | None = None,
    go_on: bool = False,
) -> Turn:
    """Take one turn.

    1. Select: the clock, what is due, what waits. One round trip.
    2. Decide: every entry that is due, by pure functions. After downtime first read what waits for its turn.
    3. Commit: the decisions, each only if its entry is still as it was read. One call for some hundreds of them; while
       the server is at it, the next ones are decided.
    4. Tell: a line in the log for what became of each tick.

    `push`: the broker is the store's server, and the commit pushes the messages. `own_slots`: see `Ticks.select`.
    `select`: what the turn before has asked for already. `go_on`: where the batch is full, ask for the next one before
    the last answers are read, so that the server need not wait; the caller passes it on, or abandons it.
    Raises Unreachable.
    """
    select = select or store.ticks.send_select(limit, own_slots)
    selection = select.selection()
    next_at = selection.next_at
    dispatched = 0
    more = len(selection.due) == limit
    following: Select | None = None
    try:
        with _UnderWay() as under_way:
            for decisions in _decisions(store, selection):
                commit = store.ticks.send_commit(
                    [decided for decided, _ in decisions], now=selection.now, push=push, select=select
                )
                under_way.add(commit, decisions)
                dispatched += sum(len(decided.runs) for decided, _ in decisions)
                next_at = _earliest(next_at, decisions)
            following = store.ticks.send_select(limit, own_slots, after=select) if more and go_on else None
    except BaseException:
        if following:
            following.abandon()
        raise
    return Turn(
        asked=select.asked,
        now=selection.now,
        next_at=next_at,
        dispatched=dispatched,
        more=more,
        waiting=selection.waiting,
        beats=selection.beats,
        following=following,
    )


class _UnderWay:
    """Commits of which the answers are still to be read, and told; at its end all are."""

    def __init__(self) -> None:
        self._commits: deque[tuple[Commit, _Decisions]] = deque()

    def add(self, commit: Commit, decisions: _Decisions) -> None:
        """One more is on its way: so the server has work while we read what it made of the one before."""
        self._commits.append((commit, decisions))
        if len(self._commits) > 1:
            self._settle_one()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            while self._commits:
                self._settle_one()
        finally:
            self._abandon()  # those that are left where the server does not answer

    def _abandon(self) -> None:
        for commit, _ in self._commits:
            commit.abandon()

    def _settle_one(self) -> None:
        commit, decisions = self._commits.popleft()
        _tell(decisions, commit.answers())


def _decisions(store: Store, selection: Selection) -> Iterator[_Decisions]:
    """The decisions, some at a time: a script that runs for long keeps all others waiting."""
    pauses = {name: pause_of(name, document) for name, document in selection.pauses.items()}
    backlogs: dict[str, tuple[str, Backlog]] = {}
    left, taken = MOST_TICKS_A_TURN, Counter[str]()
    some: _Decisions = []
    ticks = 0
    for place, due in enumerate(selection.due):
        # Looked for some at a time, for the server waits for the first commit; what is found first has all read.
        if not backlogs and place % _TICKS_AT_ONCE == 0 and _any_behind(selection, place):
            backlogs = _backlogs(store, selection, place)
        lane, backlog = backlogs.get(due.key, ("", NOTHING_WAITS))
        # Entries that share a limit share the room that there is in this turn, too.
        backlog = replace(backlog, active=backlog.active + taken[lane]) if taken[lane] else backlog
        try:
            decided, entry = decide(
                due, pauses, selection.now, backlog=backlog, most=max(1, min(MOST_TICKS, left))
            )
        except ValueError as error:
            _tell_quarantined(due, str(error))
            decided, entry = parked(due, selection.now), None
        left -= len(decided.runs)
        if lane:
            taken[lane] += len(decided.runs)
        some.append((decided, entry))
        ticks += max(1, len(decided.runs))
        if ticks >= _TICKS_AT_ONCE:
            yield some
            some, ticks = [], 0
    if some:
        yield some


def _earliest(next_at: datetime | None, decisions: _Decisions) -> datetime | None:
    moments = [next_at, *(decided.next_at for decided, _ in decisions)]
    return min((moment for moment in moments if moment is not None), default=None)


def _any_behind(selection: Selection, first: int) -> bool:
    some = selection.due[first : first + _TICKS_AT_ONCE]
    return any(behind(due, selection.now) is not None for due in some)


def _backlogs(store: Store, selection: Selection, first: int) -> dict[str, tuple[str, Backlog]]:
    """How far those are, from the `first` on, whose caught-up ticks wait for their turn, each with its lane.

    There are some after downtime only, and they are read in one round trip. By the key of the entry's hash.
    """
    late = [
        (due, entry) for due in selection.due[first:] if (entry := behind(due, selection.now)) is not None
    ]
    found = zip(late, store.ticks.backlogs(late), strict=True)
    return {due.key: (lane_of(entry), backlog) for (due, entry), backlog in found}


def _tell_quarantined(due: DueEntry, error: str) -> None:
    emit("entry.quarantined", entry=due.name, error=error, hint="write it anew; the other entries go on")


def _tell(decisions: _Decisions, answers: Sequence[Committed]) -> None:
    """Log what became of the ticks: those of a kind together, for there may be thousands."""
    dispatched: list[_Row] = []
    left_out: dict[str, list[_Row]] = {"tick.skipped": [], "tick.coalesced": []}
    for (decided, entry), committed in zip(decisions, answers, strict=True):
        if committed.trouble:
            _tell_quarantined(decided.due, committed.trouble)
        if entry is None or not committed.done:
            continue
        if committed.ended is not None:
            emit("entry.ended", entry=entry.name, runs=committed.ended, hint="raise max_runs for more")
        for some in (*decided.left_out, *_overlapping(decided, committed)):
            left_out[_event(some)].append(_left_out(entry, some))
        rows = _dispatched(decided, entry, committed)
        if committed.waits or committed.replaced:
            _tell_by_overlap(rows, entry, committed)
        else:
            dispatched += rows
    for event, rows in left_out.items():
        emit_all(event, _OF_LEFT_OUT, rows)
    emit_all("tick.dispatched", _OF_DISPATCHED, dispatched)


def _dispatched(decided: Decided, entry: Entry, committed: Committed) -> list[_Row]:
    return [
        (entry.name, entry.job, run.run_id, _written(run.scheduled_at), 1, entry.queue)
        for run in decided.runs
        if run.run_id not in committed.overlapping
    ]


def _tell_by_overlap(dispatched: Sequence[_Row], entry: Entry, committed: Committed) -> None:
    """The ticks of an entry of which a run waits for another, or has replaced it."""
    for row in dispatched:
        fields = dict(zip(_OF_DISPATCHED, row, strict=True))
        run_id = str(fields["run_id"])
        waits = {"waits_for": committed.waits[run_id]} if run_id in committed.waits else {}
        emit("tick.dispatched", **fields, **waits)
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


def _overlapping(decided: Decided, committed: Committed) -> list[TickRange]:
    return [
        TickRange(
            Disposition.SKIPPED_OVERLAP,
            run.scheduled_at,
            run.scheduled_at,
            1,
            committed.overlapping[run.run_id],
        )
        for run in decided.runs
        if run.run_id in committed.overlapping
    ]


def _event(some: TickRange) -> str:
    return "tick.coalesced" if some.disposition is Disposition.COALESCED else "tick.skipped"


def _left_out(entry: Entry, some: TickRange) -> _Row:
    first, last = _written(some.first_at), _written(some.last_at)
    return (entry.name, entry.job, first, last, some.count, some.disposition.value, some.reason)
