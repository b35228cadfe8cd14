"""What became of a tick, or will: the answer to `onbeat why`. One read of the store for every face."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from scheduler.disposition import Disposition, TickRange
from scheduler.entry import Entry
from scheduler.foresight.no_tick import tick_meant, why_no_tick
from scheduler.publisher import same_server
from scheduler.run import Run, RunState, tick_run_id
from scheduler.settings import Settings
from scheduler.status import is_alive
from scheduler.store import Store
from scheduler.store.entries import StoredEntry
from scheduler.store.pauses import Pause, pause_in_force
from scheduler.succession import FAILURES
from scheduler.timestamps import rfc3339, rough

Answer = Literal["no_tick", "coming", "run", "left_out", "undecided", "off", "unreadable", "unknown"]

MOST_RUNS: Final = 200  # of each entry that another follows on, looked through for its time
_LEAST: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The answer: in one word, and in sentences, the most telling first.

    `tick` is the tick that was meant, `earlier` and `later` are those around a moment that is none. `run` is what the
    tick became, `left_out` the record of a tick that became none.
    """

    entry: str
    asked_at: datetime
    answer: Answer
    words: tuple[str, ...]
    tick: datetime | None = None
    run: Run | None = None
    left_out: TickRange | None = None
    earlier: datetime | None = None
    later: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    store: Store
    settings: Settings
    stored: StoredEntry
    entry: Entry
    now: datetime
    pauses: dict[str, Pause] = field(default_factory=dict)


def account(store: Store, settings: Settings, stored: StoredEntry, moment: datetime) -> Account:
    """What became of the tick of this entry at `moment`, or will become of it. Raises Unreachable."""
    blank = Account(entry=stored.name, asked_at=moment, answer="unknown", words=())
    if stored.entry is None:
        words = (f"the entry can't be read, so it has no ticks: {stored.trouble}",)
        return replace(blank, answer="unreadable", words=words)
    asked = _Asked(store, settings, stored, stored.entry, store.presence.now(), dict(store.pauses.all()))
    tick = tick_meant(stored.entry, moment)
    of_tick = store.runs.get(tick_run_id(stored.name, tick or moment))
    if tick is None and of_tick is None:
        return _no_tick(asked, blank)
    known = replace(blank, tick=tick or moment)
    if of_tick is not None:
        return replace(known, answer="run", run=of_tick, words=tuple(_of_run(asked, of_tick)))
    if (some := _left_out(asked, tick or moment)) is not None:
        return replace(known, answer="left_out", left_out=some, words=tuple(_of_range(some)))
    return _without_record(asked, known, tick or moment)


def _no_tick(asked: _Asked, blank: Account) -> Account:
    schedule, moment = asked.entry.schedule, blank.asked_at
    day = timedelta(days=1)
    words = tuple(why_no_tick(asked.entry, moment))
    if schedule is None:
        return replace(blank, answer="no_tick", words=(*words, *_of_those_before(asked, moment)))
    # The nearest one before: the span is doubled until it holds one.
    span, earlier = day, None
    while earlier is None and span < 4_000 * day:
        earlier, span = schedule.latest_between(moment - span, moment - _LEAST), span * 4
    return replace(blank, answer="no_tick", words=words, earlier=earlier, later=schedule.next_after(moment))


def _left_out(asked: _Asked, tick: datetime) -> TickRange | None:
    ranges = asked.store.ledger.left_out(asked.stored.name)
    covering = [some for some in ranges if some.first_at <= tick <= some.last_at]
    # Of ranges that lie over each other the one of neighbours is sure; a scattered one only may hold the tick.
    return min(covering, key=lambda some: (some.scattered, some.count), default=None)


def _of_those_before(asked: _Asked, moment: datetime) -> Iterator[str]:
    """Of an entry that follows on others: what became of those at that time."""
    entry = asked.entry
    for name in dict.fromkeys((*entry.after, *entry.after_failed)):
        runs = [run for run in asked.store.runs.recent([name], limit=MOST_RUNS) if run.scheduled_at == moment]
        if not runs:
            yield f"{name} has no run of that time on record"
            continue
        state = runs[0].state
        wanted = FAILURES if name in entry.after_failed else {RunState.SUCCEEDED}
        stands = "has " if state.final else "is "
        follows = "" if state in wanted or not state.final else ": so it did not follow"
        yield f"{name} {stands}{state} for that time, as run {runs[0].run_id}{follows}"


_LEFT_OUT: Final = {
    Disposition.SKIPPED_OVERLAP: "left out, for the runs would have overlapped",
    Disposition.SKIPPED_CALENDAR: "left out",
    Disposition.SKIPPED_PAUSED: "left out",
    Disposition.SKIPPED_DEADLINE: "left out, for it was too late",
    Disposition.COALESCED: "coalesced, which is folded into a later tick",
}


def _of_range(some: TickRange) -> Iterator[str]:
    what = _LEFT_OUT[some.disposition]
    yield f"{what}: {some.reason}" if some.reason else what
    if some.count > 1:
        among = "among" if some.scattered else "one of"
        span = f"from {rfc3339(some.first_at)} to {rfc3339(some.last_at)}"
        yield f"it is {among} {some.count} ticks {span} that this was said of"


def _of_run(asked: _Asked, run: Run) -> Iterator[str]:
    attempt = f"attempt {run.attempt} of {run.max_attempts}"
    if run.state is RunState.QUEUED:
        yield from _queued(asked, run, attempt)
    elif run.state is RunState.RUNNING:
        took = "" if run.started_at is None else f" for {rough(asked.now - run.started_at)}"
        yield f"it runs on {run.worker}{took}, {attempt}"
    elif run.state is RunState.RETRYING:
        wait = "" if run.retry_at is None else f" in {rough(max(run.retry_at - asked.now, timedelta(0)))}"
        yield f"attempt {run.attempt} of {run.max_attempts} failed, and the next one follows{wait}: {run.error}"
    else:
        yield from _ended(run)
    if run.lateness is not None and run.lateness > timedelta(seconds=1):
        yield f"it started {rough(run.lateness)} after its time"
    for each in run.attempts:
        if each.outcome not in {None, run.state.value} or each.number != run.attempt:
            when = "" if each.finished_at is None else f" at {rfc3339(each.finished_at)}"
            why = f": {each.error}" if each.error else ""
            yield f"attempt {each.number} ended as {each.outcome}{when} on {each.worker}{why}"


def _ended(run: Run) -> Iterator[str]:
    why = run.error if run.state is RunState.FAILED else run.reason
    was = "was " if run.state in (RunState.SKIPPED, RunState.CANCELLED) else ""
    yield f"it {was}{run.state}{f': {why}' if why else ''}"
    if run.reason and run.state is RunState.FAILED and run.reason not in (why or ""):
        yield run.reason
    if run.worker is not None and run.duration is not None:
        yield f"it ran on {run.worker} for {rough(run.duration)}, attempt {run.attempt} of {run.max_attempts}"


def _queued(asked: _Asked, run: Run, attempt: str) -> Iterator[str]:
    waits = rough(asked.now - run.queued_at)
    if run.reason:
        yield f"it has waited for {waits}, {attempt}"
        yield from _waits_for(asked, run.reason)
        return
    yield f"it has waited in the queue {run.queue!r} for {waits}, {attempt}"
    takers = [
        sign
        for sign in asked.store.presence.all("workers").values()
        if is_alive(sign, asked.now) and run.queue in sign.about.get("queues", ())
    ]
    if not takers:
        yield f"no worker takes the queue {run.queue!r}"
    if same_server(asked.settings):
        length = asked.store.outbox.queue_lengths([run.queue]).get(run.queue, 0)
        if length:
            yield f"{_counted(length, 'message waits', 'messages wait')} in that queue, its own among them"
        else:
            yield "its message is in no queue: a worker has it in hand, or it is lost and will be sent again"
    if takers:
        busy = sum(len(sign.about.get("running", ())) for sign in takers)
        places = sum(int(sign.about.get("concurrency", 0)) for sign in takers)
        yield f"{_counted(len(takers), 'worker takes', 'workers take')} it, with {busy} of {places} places busy"


def _waits_for(asked: _Asked, reason: str) -> Iterator[str]:
    """Why a run that is queued has no message in the queue yet."""
    yield reason
    before = asked.store.runs.get(reason.rpartition(" ")[2])
    if before is not None:
        name = before.entry or before.job
        yield f"that one, of {name} for {rfc3339(before.scheduled_at)}, is {before.state}"


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _without_record(asked: _Asked, known: Account, tick: datetime) -> Account:
    entry, now, decided = asked.entry, asked.now, asked.stored.last_tick_at
    if not entry.enabled:
        return replace(known, answer="off", words=("the entry is disabled: nothing becomes due",))
    excluded = None if entry.exclusion is None else entry.exclusion.reason_for(tick)
    if tick <= now and decided is not None and tick <= decided:
        gone = (
            "there is no record of it any more: it is older than the entry, or its record was trimmed",
            f"kept are the last {entry.keep_runs} runs, and the last 200 records of ticks that were left out",
        )
        return replace(known, answer="unknown", words=gone)
    if asked.stored.next_at is None and decided is not None and tick > decided:
        return replace(known, answer="no_tick", words=(_over(entry),))
    words = [f"{excluded}: it will be left out"] if excluded else []
    if (pause := pause_in_force(asked.pauses, asked.stored.name, now)) is not None:
        until = "" if pause.until is None else f" until {rfc3339(pause.until)}"
        if pause.until is None or tick < pause.until:
            words.append(f"paused by {pause.by}{until}: {pause.reason}; it will be left out")
    beats = [sign for sign in asked.store.presence.all("beats").values() if is_alive(sign, now)]
    if not beats:
        words.append("no beat is running: nothing becomes due until one is")
    if tick > now:
        return replace(known, answer="coming", words=(f"it is to come, in {rough(tick - now)}", *words))
    if active := len(asked.store.runs.active(asked.stored.name)):
        words.append(
            f"{_counted(active, 'run', 'runs')} of it {'has' if active == 1 else 'have'} not ended: {_IN_TURN}"
        )
    late = f"it was due {rough(now - tick)} ago and is not decided yet"
    return replace(known, answer="undecided", words=(late, *words))


_IN_TURN: Final = "missed ticks are taken up one after the other"


def _over(entry: Entry) -> str:
    if entry.max_runs is not None:
        return f"it will not come: the entry has had its max_runs of {entry.max_runs}"
    return "it will not come: the entry has ended"
