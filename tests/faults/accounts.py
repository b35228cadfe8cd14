"""The books, checked from outside: every tick, every run, every attempt, and every line that a job wrote.

What the store says is compared with the ticks that arithmetic gives (`entries.Planned.ticks`), with itself, and with
the file of lines that the jobs appended to. What does not fit becomes a finding, a sentence.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from scheduler.disposition import SKIPPED, TickRange
from scheduler.epoch import milliseconds, moment
from scheduler.run import FINAL, Attempt, Run, RunState, tick_run_id
from scheduler.store import Store
from tests.faults.entries import Planned
from tests.faults.world import World

# `appendfsync everysec`: a write may wait for two seconds behind a sync that is slow, and is lost by a crash then.
MAY_BE_FORGOTTEN_S: Final = 2.5
SUCCESS: Final = frozenset({RunState.SUCCEEDED})
FAILURES: Final = frozenset({RunState.FAILED, RunState.EXPIRED})
UNSTARTED: Final = frozenset({RunState.CANCELLED, RunState.EXPIRED})


@dataclass
class Books:
    """What was counted and what did not fit."""

    ticks: int = 0
    dispositions: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    attempts: int = 0
    starts: int = 0
    lost: int = 0
    hungry: int = 0
    killed_for_memory: int = 0
    forgotten: int = 0
    handed_back: int = 0
    findings: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        skipped = sum(self.dispositions[each] for each in SKIPPED)
        outcomes = ", ".join(f"{count} {name}" for name, count in sorted(self.outcomes.items()))
        return (
            f"{self.ticks} ticks: {self.dispositions['dispatched']} dispatched, {skipped} skipped, "
            f"{self.dispositions['coalesced']} coalesced; {self.runs} runs: {outcomes}; "
            f"{self.attempts} attempts, {self.lost} of them lost with their worker, "
            f"{self.hungry} out of memory, of whom the kernel killed {self.killed_for_memory}; {self.starts} starts, "
            f"{self.handed_back} of them handed back by a worker that was stopped, "
            f"{self.forgotten} of them in a second that the server forgot"
        )


class RangeKeeper:
    """The ranges of ticks left out: the store keeps the newest 200 of an entry, so they are gathered meanwhile.

    The newest of them may still grow, by ticks that follow for the same reason.
    """

    def __init__(self, entries: Iterable[Planned]) -> None:
        self._kept: dict[str, dict[tuple[int, int, str], TickRange]] = {each.name: {} for each in entries}

    def gather(self, store: Store) -> None:
        """Take what is there now. After a crash of the server what it forgot is forgotten here too."""
        for name, kept in self._kept.items():
            listed = {_key(each): each for each in store.ledger.left_out(name)}
            if len(listed) < 200:
                kept.clear()
            elif listed:
                oldest = min(key[0] for key in listed)
                for key in [key for key in kept if key[0] >= oldest]:
                    del kept[key]
            kept.update(listed)

    def of(self, name: str) -> list[TickRange]:
        return list(self._kept[name].values())


def _key(some: TickRange) -> tuple[int, int, str]:
    return milliseconds(some.first_at), milliseconds(some.last_at), some.disposition


def notes(path: Path) -> list[dict[str, Any]]:
    """The lines that the jobs wrote."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def audit(world: World, ranges: RangeKeeper) -> Books:
    """Compare everything with everything. The beats have stopped and no run is active."""
    books = Books()
    store, lines = world.store(), notes(world.notes)
    ranges.gather(store)
    runs: dict[str, Run] = {}
    runs |= _runs_of(store, "")
    of_lines: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in lines:
        of_lines[line["entry"]].append(line)
    of_entry = {entry.name: _runs_of(store, entry.name) for entry in world.entries}
    for entry in world.entries:
        runs |= of_entry[entry.name]
        walk = _walk(world, entry, of_entry)
        _audit_ticks(books, world, entry, walk, of_entry[entry.name], ranges.of(entry.name))
    for lane, entries in _lanes(world.entries).items():
        in_lane = [line for entry in entries for line in of_lines[entry.name]]
        _audit_overlap(books, lane, runs, in_lane)
    books.handed_back = world.handed_back().total()
    _audit_totals(books, store)
    hungry = {(line["run"], line["attempt"]) for line in lines if line["phase"] == "hungry"}
    books.hungry = len(hungry)
    books.killed_for_memory = sum(limit.kills() for limit in world.limits)
    _audit_runs(books, store, runs, world.troubled, hungry)
    _audit_starts(books, runs, lines, world)
    return books


def _runs_of(store: Store, name: str) -> dict[str, Run]:
    client: Any = store.client
    ids = client.zrange(store.keys.runs(name), 0, -1)
    return {run_id: run for run_id in ids if (run := store.runs.get(run_id)) is not None}


def _walk(world: World, entry: Planned, runs: Mapping[str, Mapping[str, Run]]) -> list[int]:
    """The ticks of the entry from its first to its last, by arithmetic; of one that follows, by what it follows on."""
    if entry.follows:
        ended = {
            name: {milliseconds(run.scheduled_at) for run in of_entry.values() if run.state in states}
            for names, states in ((entry.after, SUCCESS), (entry.after_failed, FAILURES))
            for name in names
            for of_entry in (runs[name],)
        }
        all_succeeded = set.intersection(*(ended[name] for name in entry.after)) if entry.after else set()
        return sorted(all_succeeded.union(*(ended[name] for name in entry.after_failed)))
    stored = world.store().entries.get(entry.name)
    assert world.applied_at is not None
    assert stored is not None
    assert stored.last_tick_at is not None
    return entry.ticks(milliseconds(world.applied_at), milliseconds(stored.last_tick_at))


def _audit_ticks(
    books: Books,
    world: World,
    entry: Planned,
    expected: list[int],
    runs: dict[str, Run],
    left_out: list[TickRange],
) -> None:
    store = world.store()
    decided: dict[int, list[str]] = defaultdict(list)
    for run_id, run in runs.items():
        decided[milliseconds(run.scheduled_at)].append("dispatched")
        if run_id != tick_run_id(entry.name, run.scheduled_at):
            books.findings.append(f"run {run_id} of {entry.name} has not the id of its tick")
    for some in left_out:
        first, last = milliseconds(some.first_at), milliseconds(some.last_at)
        within = [tick for tick in expected if first <= tick <= last]
        if len(within) != some.count:
            books.findings.append(f"{entry.name}: a range of {some.count} ticks spans {len(within)}: {some}")
        for tick in within:
            decided[tick].append(some.disposition)
    for tick in expected:
        if len(found := decided.pop(tick, [])) != 1:
            books.findings.append(f"{entry.name}: the tick of {moment(tick)} has the dispositions {found}")
        books.dispositions.update(found)
    for tick, found in decided.items():
        books.findings.append(f"{entry.name}: {moment(tick)} is no tick, and has the dispositions {found}")
    books.ticks += len(expected)
    if (counted := store.ledger.of([entry.name])[entry.name]).expected != len(expected):
        books.findings.append(f"{entry.name}: the ledger expects {counted.expected}, not {len(expected)}")


def _lanes(entries: Iterable[Planned]) -> dict[str, list[Planned]]:
    """The entries whose runs must come one after the other, by what they share."""
    lanes: dict[str, list[Planned]] = defaultdict(list)
    for entry in entries:
        if entry.overlap != "allow":
            lanes[entry.lane].append(entry)
    return lanes


def _audit_overlap(books: Books, lane: str, runs: dict[str, Run], lines: Iterable[dict[str, Any]]) -> None:
    """By the times that the jobs wrote, of each run from its first begin to the end of its last attempt."""
    begun: dict[str, float] = {}
    ended: dict[str, float] = {}
    for line in lines:
        run = runs.get(line["run"])
        if run is not None and line["phase"] == "begin":
            begun.setdefault(run.run_id, line["when"])
        elif run is not None and line["attempt"] == run.attempt and not _given_away(run):
            ended[run.run_id] = line["when"]
    for before, after in pairwise(sorted(begun, key=lambda run_id: begun[run_id])):
        if begun[after] < ended.get(before, 0):
            how = [(each.number, each.outcome, each.worker, each.error) for each in runs[before].attempts]
            books.findings.append(f"{lane}: {after} began before {before} had ended: {how}")


def _given_away(run: Run) -> bool:
    """A job that outlives its lease goes on, in a worker that was frozen or cut off: nobody waits for it then."""
    return bool(run.attempts) and "worker lost" in (run.attempts[-1].error or "")


def _audit_totals(books: Books, store: Store) -> None:
    totals = store.ledger.totals()
    if totals.unaccounted or totals.expected != books.ticks:
        books.findings.append(
            f"the ledger has {totals.unaccounted} ticks unaccounted for, and {totals.expected} in all, "
            f"not {books.ticks}"
        )
    counted = {each.value: count for each, count in totals.by_disposition.items() if count}
    if counted != dict(books.dispositions):
        books.findings.append(f"the ledger says {counted}, the ticks themselves {dict(books.dispositions)}")


def _audit_runs(
    books: Books, store: Store, runs: dict[str, Run], troubled: set[int], hungry: set[tuple[str, int]]
) -> None:
    places = ("outbox", "retries", "leases", "cancels", "waiting")
    waiting = {name: store.client.zcard(store.keys.own(name)) for name in places}
    if any(waiting.values()):
        books.findings.append(f"no run is active, and yet there wait {waiting}")
    for run_id, run in runs.items():
        books.runs += 1
        books.outcomes[run.state] += 1
        if run.state not in FINAL:
            books.findings.append(f"run {run_id} of {run.entry} is {run.state}")
        numbers = [attempt.number for attempt in run.attempts if attempt.counts]
        books.attempts += len(numbers)
        whole = list(range(1, run.attempt + 1))
        # A run that gives way in the queue, or expires in it, has no record of the attempt that it waited for.
        if numbers != whole and not (run.state in UNSTARTED and numbers == whole[:-1]):
            books.findings.append(f"run {run_id} of {run.entry}, attempt {run.attempt}, records {numbers}")
        for attempt in run.attempts:
            _audit_attempt(books, run, attempt, troubled, starved=(run_id, attempt.number) in hungry)
        if run.state is RunState.FAILED and run.attempt < run.max_attempts:
            books.findings.append(f"run {run_id} of {run.entry} failed with attempts left: {run.error}")


def _audit_attempt(books: Books, run: Run, attempt: Attempt, troubled: set[int], *, starved: bool) -> None:
    """By its error: only what was done to it, or what its job does by chance, may have ended it."""
    error = attempt.error or ""
    if "worker lost" in error:
        books.lost += 1
        if _pid_of(attempt.worker) not in troubled and not starved:
            books.findings.append(f"{run.run_id} was lost, though its worker {attempt.worker} was well")
    elif starved and error == "MemoryError":
        return
    elif error not in {"", "RuntimeError: by chance"} and attempt.outcome != "cancelled":
        books.findings.append(f"run {run.run_id} of {run.entry} ended with {attempt.error!r}")


def _audit_starts(books: Books, runs: dict[str, Run], lines: list[dict[str, Any]], world: World) -> None:
    begun: dict[tuple[str, int], list[float]] = defaultdict(list)
    begun_in: dict[tuple[str, int], list[int]] = defaultdict(list)
    ended: set[tuple[str, int]] = set()
    for line in lines:
        pair = (line["run"], line["attempt"])
        if line["phase"] == "end":
            ended.add(pair)
        elif line["phase"] == "begin":
            begun[pair].append(line["when"])
            begun_in[pair].append(line["main"])
    handed_back = world.handed_back()
    for (run_id, attempt), moments in begun.items():
        books.starts += len(moments)
        run = runs.get(run_id)
        recorded = run is not None and attempt <= run.attempt and run.state is not RunState.EXPIRED
        too_many = max(0, len(moments) - recorded - handed_back[run_id, attempt])
        excused = min(too_many, sum(_forgotten(when, world.server_kills) for when in moments))
        books.forgotten += excused
        if too_many > excused:
            record = "on record" if recorded else "on no record"
            books.findings.append(
                f"attempt {attempt} of run {run_id}, {record}, started {len(moments)} times"
            )
        others = _begun_by_others(run, attempt, begun_in[run_id, attempt])
        if others > handed_back[run_id, attempt] + excused:
            books.findings.append(f"attempt {attempt} of run {run_id} began where no worker had claimed it")
    for run_id, run in runs.items():
        if run.state is RunState.SUCCEEDED and (run_id, run.attempt) not in ended:
            books.findings.append(f"run {run_id} of {run.entry} succeeded, and its job did not end")


def _begun_by_others(run: Run | None, attempt: int, mains: list[int]) -> int:
    """How often the job began in a worker that is not on record for the attempt."""
    on_record = [each.worker for each in run.attempts if each.number == attempt] if run is not None else []
    claimed_by = {_pid_of(worker) for worker in on_record}
    # A child whose worker was just killed has the init process for a parent, until the kernel ends it too.
    return sum(main not in claimed_by | {1} for main in mains)


def _pid_of(worker: str | None) -> int:
    """The process of a worker, by its id."""
    return int((worker or ":0:").split(":")[1])


def _forgotten(when: float, server_kills: list[float]) -> bool:
    """Whether this start was so near to a crash of the server that the record of its claim may be lost with it.

    A job may begin a little after the crash, by a claim that was answered before.
    """
    return any(-1 < kill - when < MAY_BE_FORGOTTEN_S for kill in server_kills)
