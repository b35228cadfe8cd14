"""One of two beats is stopped, killed or frozen, time and again: how late the next ticks of its entries start."""

import json
import os
import random
import signal
import statistics
import sys
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from scheduler.home import homes, slot
from scheduler.store import Keys, Store, connect
from tests.support.process import OnbeatProcess
from tests.support.project import Project
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

THOROUGH = "ROUNDS" in os.environ
KILLS, STOPS, FREEZES = (100, 50, 5) if THOROUGH else (1, 1, 1)
# In the normal suite a dozen other processes want the same two cores.
KILLED_MS, STOPPED_MS = (1_000, 300) if THOROUGH else (3_000, 3_000)
SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(1_000_000))
NAMES = [f"entry-{number}" for number in range(16)]
SECOND = timedelta(seconds=1)
BUSY_LOAD = (
    2.0  # for each core: then a worker that has a message waits for its turn as long as a beat does for all
)
# A tick that the beat had in hand when it went counts as well.
IN_HAND = timedelta(milliseconds=50)


class Pair:
    """A worker and always two beats. Each entry has a tick every second, at a moment of its own."""

    def __init__(self, project: Project, store: Store, stack: ExitStack) -> None:
        self._project, self._store, self._stack = project, store, stack
        self._chance = random.Random(SEED)
        self._beats: dict[str, OnbeatProcess] = {}
        self._worker = stack.enter_context(project.start("worker", "-c", "2"))
        self._worker.wait_for_event("worker.started", within=30)
        self._read = 0
        self._lateness: dict[tuple[str, datetime], float] = {}

    def complete(self) -> None:
        """Start a beat where one is missing, and wait until they know each other."""
        while len(self._beats) < 2:
            self._add(list(self._beats.values()))

    def _add(self, others: list[OnbeatProcess]) -> None:
        beat = self._stack.enter_context(self._project.start("beat", may_leave=True))
        new = eventually(lambda: self._id_of(beat), within=30, what="its sign") or ""
        self._beats[new] = beat
        eventually(
            lambda: all(_told(other, "beat.joined", new) for other in others),
            within=10,
            what="the others know it",
        )

    def _id_of(self, beat: OnbeatProcess) -> str | None:
        signs = self._store.presence.all("beats").values()
        return next((sign.id for sign in signs if sign.about["pid"] == beat.pid), None)

    def loses_one(self, how: signal.Signals) -> tuple[float, float]:
        """The worst lateness, in ms, of a tick of the one that goes, from then until a second later.

        With it, how late it was decided: the rest is the worker's.
        """
        gone = self._chance.choice(sorted(self._beats))
        where = homes(frozenset(self._beats))
        theirs = {name for name in NAMES if where[slot(self._store.keys.entry(name))] == gone}
        assert theirs
        beat = self._beats.pop(gone)
        # At a moment of chance: when it has dispatched a tick of an entry of chance.
        name, seen = self._chance.choice(sorted(theirs)), len(beat.out)
        eventually(
            lambda: any(f'"entry": "{name}"' in line for line in beat.out[seen:]), within=10, every=0.001
        )
        at = datetime.now(UTC)
        beat.send(how)
        (survivor,) = self._beats.values()
        left = _told(survivor, "beat.left", gone)
        ticks = eventually(lambda: self._started(theirs, at), within=20, what="a tick of each of its entries")
        name, when = max(ticks, key=lambda key: ticks[key])
        worst = ticks[name, when], self._decided_after([beat, *self._beats.values()], name, when)
        if how is signal.SIGSTOP:
            eventually(lambda: _told(survivor, "beat.left", gone) > left, within=15, what="it is given up")
            self._wakes(gone, beat, survivor)
        elif how is signal.SIGKILL:
            # So that the next trial begins with two beats, and need not wait until this one's sign is old.
            self._store.presence.sign_out("beats", gone)
            beat.kill()
        else:
            assert beat.wait(15) == 0
        return worst

    def _decided_after(self, beats: list[OnbeatProcess], name: str, when: datetime) -> float:
        at = when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        told = [
            line for beat in beats for line in beat.out[-2_000:] if '"tick.dispatched"' in line and at in line
        ]
        decided = (event["timestamp"] for event in map(json.loads, told) if event["entry"] == name)
        moment = min((datetime.fromisoformat(each) for each in decided), default=when)
        return (moment - when) / timedelta(milliseconds=1)

    def _wakes(self, name: str, beat: OnbeatProcess, survivor: OnbeatProcess) -> None:
        """The frozen beat, which was given up because its sign was old, is one of two again when it goes on."""
        before = _told(survivor, "beat.joined", name)
        beat.send(signal.SIGCONT)
        eventually(lambda: _told(survivor, "beat.joined", name) > before, within=15, what="it is back")
        self._beats[name] = beat

    def _started(self, names: set[str], at: datetime) -> dict[tuple[str, datetime], float]:
        """How late the ticks around `at` were; nothing until there is one of each entry that came due after it."""
        new = self._worker.out[self._read :]
        self._read += len(new)
        for event in (_started_run(line) for line in new):
            if event is not None:
                self._lateness[event[0], event[1]] = event[2]
        found = {
            key: late
            for key, late in self._lateness.items()
            if key[0] in names and at - IN_HAND <= key[1] <= at + SECOND
        }
        return found if {name for name, when in found if when > at} == names else {}


def _told(beat: OnbeatProcess, event: str, of: str) -> int:
    return sum(each["beat"] == of for each in beat.named(event))


def _started_run(line: str) -> tuple[str, datetime, float] | None:
    if '"run.started"' not in line:
        return None
    event = json.loads(line)
    return event["entry"], datetime.fromisoformat(event["scheduled_at"]), event["lateness_ms"]


@pytest.mark.slow
@pytest.mark.timeout(2_000 if THOROUGH else 120)
def test_the_next_ticks_of_a_beat_that_is_gone_start_in_time(project: Project, valkey: ValkeyServer) -> None:
    project.schedules(
        '[defaults]\ninterval = "1s"\njitter = "999ms"\njob = "jobs.hello"\noverlap = "allow"\nmax_active = 100\n'
        + "".join(f"[schedules.{name}]\n" for name in NAMES)
    )
    store = Store(connect(valkey.url), Keys())
    late: dict[str, list[tuple[float, float]]] = {"stopped": [], "killed": [], "frozen": []}
    with ExitStack() as stack:
        pair = Pair(project, store, stack)
        for what, how, count in (
            ("stopped", signal.SIGTERM, STOPS),
            ("killed", signal.SIGKILL, KILLS),
            ("frozen", signal.SIGSTOP, FREEZES),
        ):
            for _ in range(count):
                pair.complete()
                late[what].append(pair.loses_one(how))
    assert store.ledger.totals().unaccounted == 0
    for what, worst in late.items():
        median = statistics.median(started for started, _ in worst)
        started, decided = max(worst)
        sys.stdout.write(
            f"\n{what}: {len(worst)} trials, the worst tick of each started after {median:.0f} ms (median), "
            f"{started:.0f} ms (worst, decided after {decided:.0f} ms); seed {SEED}, load {os.getloadavg()[0]:.1f}\n"
        )
    _in_time(late["stopped"], STOPPED_MS)
    _in_time(late["killed"] + late["frozen"], KILLED_MS)


def _in_time(late: list[tuple[float, float]], most_ms: float) -> None:
    """Every tick was decided in time, and started in time where the machine is not overloaded with other work."""
    assert max(decided for _, decided in late) < most_ms, late
    if os.getloadavg()[0] <= BUSY_LOAD * (os.cpu_count() or 1):
        assert max(started for started, _ in late) < most_ms, late
    else:
        sys.stdout.write("\nthe load is too high to ask more of the worker than is printed\n")
