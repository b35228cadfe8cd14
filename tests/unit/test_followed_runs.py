"""Runs followed one by one: limits, groups, slots, priorities and deadlines, in tables and against a slow walk."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.entry import Entry
from scheduler.foresight.followed_runs import Pool, Stretch, Told, busiest_stretch, followed
from scheduler.foresight.overlap_forecast import AtOnce, grouped, most_at_once, overlaps
from scheduler.foresight.run_times import RunTime
from scheduler.foresight.tick_series import Series, Span
from scheduler.foresight.wait_forecast import followed_stretch, waits
from scheduler.schedule import Interval

START = datetime(2026, 11, 21, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
SPAN = Span(START, START + 60 * MINUTE)
ALL = Stretch(0, 3_600_000)


def entry(name: str, **more: Any) -> Entry:
    return Entry(name=name, job="jobs.a", schedule=Interval(MINUTE), **more)


Plan = tuple[Entry, list[int], int]  # its ticks, and how long its runs take, in seconds


def run(*plans: Plan, slots: int | None = None, pools: Sequence[Pool] = ()) -> dict[str, Told]:
    """What becomes of the entries."""
    series = [Series((one,), [tick * 1000 for tick in ticks]) for one, ticks, _ in plans]
    takes = {one.name: lasts * SECOND for one, _, lasts in plans}
    pools = pools or (None if slots is None else [Pool(slots)])  # type: ignore[assignment]  # None: no limit
    return {told.entry.name: told for told in followed(series, takes, ALL, pools).told}


def started(told: Told) -> list[tuple[int, int]]:
    """Of each run: its tick and its start, in seconds."""
    return sorted(((start - wait) // 1000, start // 1000) for wait, start in told.runs)


def test_entries_of_a_group_share_its_limit() -> None:
    found = run((entry("a", group="db"), [0, 60], 30), (entry("b", group="db"), [10, 70], 30))
    assert started(found["a"]) == [(0, 0), (60, 60)]
    assert (started(found["b"]), found["b"].skipped) == ([], 2)


def test_one_run_of_each_entry_waits_for_its_group_and_the_longest_waiting_goes_first() -> None:
    a, b, c = (entry(name, group="db", overlap="queue") for name in "abc")
    found = run((a, [0, 5], 30), (b, [1, 2], 10), (c, [3], 10))
    assert started(found["a"]) == [(0, 0), (5, 50)]
    assert (started(found["b"]), found["b"].skipped) == ([(1, 30)], 1)
    assert started(found["c"]) == [(3, 40)]


def test_a_member_without_a_limit_takes_a_place_of_those_with_one() -> None:
    free = entry("free", group="db", overlap="allow")
    found = run((free, [0, 1, 2], 30), (entry("bound", group="db"), [5, 40], 1))
    assert started(found["free"]) == [(0, 0), (1, 1), (2, 2)]
    assert started(found["bound"]) == [(40, 40)]


def test_a_newer_run_takes_the_place_of_an_older_one() -> None:
    found = run((entry("a", overlap="replace"), [0, 10, 20], 30), slots=1)
    assert started(found["a"]) == [(0, 0), (10, 10), (20, 20)]
    assert found["a"].met == 2


def test_runs_wait_for_a_slot_in_the_order_of_priority_and_age() -> None:
    found = run(
        (entry("long"), [0], 60),
        (entry("first"), [1], 1),
        (entry("second"), [2], 1),
        (entry("urgent", priority=9), [3], 1),
        slots=1,
    )
    assert [started(found[name])[0][1] for name in ("urgent", "first", "second")] == [60, 61, 62]


def test_a_run_that_waits_for_a_slot_is_active() -> None:
    found = run((entry("hog"), [0], 100), (entry("a"), [10, 70, 130], 5), slots=1)
    assert (started(found["a"]), found["a"].skipped) == ([(10, 100), (130, 130)], 1)


def test_a_run_that_has_not_started_by_its_deadline_expires_and_makes_room() -> None:
    hog, a = entry("hog"), entry("a", start_deadline=30 * SECOND)
    found = run((hog, [0], 65), (a, [10, 60], 5), slots=1)
    assert (started(found["a"]), found["a"].expired, found["a"].skipped) == ([(60, 65)], 1, 0)


def test_slots_are_of_the_queues_that_their_workers_take() -> None:
    slow, slow2, quick = entry("slow", queue="reports"), entry("slow2", queue="reports"), entry("quick")
    pools = [Pool(1, frozenset({"reports"})), Pool(1)]
    found = run((slow, [0], 100), (slow2, [1], 100), (quick, [2], 1), pools=pools)
    assert started(found["slow2"]) == [(1, 1)]
    assert started(found["quick"]) == [(2, 101)]
    assert run((quick, [2], 1), pools=pools[:1])["quick"].runs == []


POLICIES = st.sampled_from(["skip", "queue", "allow"])
PLANS = st.lists(
    st.tuples(
        POLICIES,
        st.integers(1, 2),
        st.sampled_from([None, "g"]),
        st.integers(0, 1),
        st.lists(st.integers(0, 40), max_size=8, unique=True).map(sorted),
        st.integers(1, 15),
    ),
    min_size=1,
    max_size=4,
)


@given(drawn=PLANS, slots=st.sampled_from([None, 1, 2]))
def test_it_is_what_a_walk_second_by_second_finds(drawn: list[Any], slots: int | None) -> None:
    plans = [
        (entry(f"e{n}", overlap=overlap, max_active=most, group=group, priority=priority), ticks, lasts)
        for n, (overlap, most, group, priority, ticks, lasts) in enumerate(drawn)
    ]
    found = run(*plans, slots=slots)
    walk = Walk(plans, slots)
    for now in range(2_000):
        walk.second(now)
    assert {name: started(told) for name, told in found.items()} == {
        name: sorted(starts) for name, starts in walk.starts.items()
    }
    assert {name: told.skipped for name, told in found.items()} == walk.skipped


@dataclass(eq=False)
class Going:
    """A run on its way."""

    entry: Entry
    tick: int
    lasts: int
    order: int = 0
    ends: int | None = None


class Walk:
    """The same, by looking at everything every second."""

    def __init__(self, plans: list[Plan], slots: int | None) -> None:
        self.plans, self.slots = plans, slots
        self.starts: dict[str, list[tuple[int, int]]] = {one.name: [] for one, _, _ in plans}
        self.skipped = dict.fromkeys(self.starts, 0)
        self.waiting: list[Going] = []
        self.active: list[Going] = []
        self.order = 0

    def second(self, now: int) -> None:
        for run in sorted((each for each in self.active if each.ends == now), key=lambda each: each.order):
            self.active.remove(run)
            self.fill(now)
            for other in [each for each in self.waiting if _lane(each.entry) == _lane(run.entry)]:
                if self.room(other.entry):
                    self.waiting.remove(other)
                    self.publish(other, now)
        for one, ticks, lasts in self.plans:
            if now in ticks:
                self.tick(Going(one, now, lasts), now)

    def tick(self, run: Going, now: int) -> None:
        if self.room(run.entry):
            self.publish(run, now)
        elif run.entry.overlap == "queue" and all(each.entry is not run.entry for each in self.waiting):
            self.waiting.append(run)
        else:
            self.skipped[run.entry.name] += 1

    def room(self, one: Entry) -> bool:
        taken = sum(_lane(each.entry) == _lane(one) for each in self.active)
        return one.most_active is None or taken < one.most_active

    def publish(self, run: Going, now: int) -> None:
        self.order += 1
        run.order = self.order
        self.active.append(run)
        self.fill(now)

    def fill(self, now: int) -> None:
        """Start what waits for a slot."""
        while queued := [each for each in self.active if each.ends is None]:
            if self.slots is not None and len(self.active) - len(queued) >= self.slots:
                return
            run = min(queued, key=lambda each: (-each.entry.priority, each.order))
            self.order += 1
            run.order, run.ends = self.order, now + run.lasts
            self.starts[run.entry.name].append((run.tick, now))


def _lane(one: Entry) -> str:
    return one.group or f"own {one.name}"


def time(usual: float, often: float) -> RunTime:
    return RunTime(usual * SECOND, often * SECOND, "given")


def test_overlaps_and_runs_at_once_know_what_a_group_shares() -> None:
    a, b = (entry(name, group="db", overlap="queue") for name in "ab")
    series = [Series((a,), [0, 60_000]), Series((b,), [10_000])]
    times = {"a": time(5, 30), "b": time(5, 30)}
    groups = grouped(series, times, ALL)
    (found,) = overlaps(series, times, groups)
    assert (found.entry, found.ticks, found.usual, found.often) == (b, 1, 0, 1)
    assert most_at_once(series, times, SPAN, groups) == [AtOnce("default", 1, START, 2)]


def test_waits_are_told_by_queue_and_by_entry() -> None:
    a, b = entry("a"), entry("b")
    series = [Series((a, b), [n * 60_000 for n in range(60)])]
    found = waits(series, {"a": time(1, 40), "b": time(1, 10)}, SPAN, ALL, [Pool(1)])
    (queue,) = found.queues
    assert (queue.queue, queue.slots, queue.entries) == ("default", 1, 2)
    assert (queue.usual.runs, queue.usual.waited, queue.usual.longest) == (120, 60, SECOND)
    assert (queue.often.p95, queue.often.longest, queue.often.at) == (40 * SECOND, 40 * SECOND, START)
    assert queue.usual.busy == pytest.approx(2 / 60)
    assert queue.often.busy == pytest.approx(50 / 60)
    assert [(each.entry, each.often.waited, each.often.skipped) for each in found.entries] == [(b, 60, 0)]


def test_too_few_slots_are_busy_all_the_time_and_runs_are_skipped() -> None:
    series = [Series((entry("a"), entry("b")), [n * 60_000 for n in range(60)])]
    found = waits(series, {"a": time(60, 60), "b": time(60, 60)}, SPAN, ALL, [Pool(1)])
    assert found.queues[0].often.busy == 1
    assert sum(each.often.skipped for each in found.entries) == 59


def test_of_too_many_ticks_the_busiest_time_is_followed() -> None:
    assert followed_stretch([1] * 60) == ALL
    assert busiest_stretch([1, 1, 5, 1, 1, 1], 2, 10, 60_000) == Stretch(0, 6 * 60_000)
    assert busiest_stretch([9, 1, 5, 2, 2, 9], 2, 10, 60_000) == Stretch(60_000, 5 * 60_000)
    assert busiest_stretch([0, 50, 0], 1, 10, 60_000) == Stretch(0, 120_000)
