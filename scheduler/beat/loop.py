"""The loop around the turns: when to take the next one, and that no trouble of a server ends it."""

import os
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from scheduler import __version__, systemd_notify
from scheduler.beat.ahead import Ahead
from scheduler.beat.clock_watch import ClockWatch
from scheduler.beat.others import Others
from scheduler.beat.turn import Turn, take_turn
from scheduler.beat.upkeep import BY_THE_BROKER, keep_up
from scheduler.beat.waker import Waker
from scheduler.broker_trouble import BrokerUnreachable
from scheduler.errors import Unreachable
from scheduler.log_setup import emit, traceback_text
from scheduler.outage import Outage
from scheduler.publisher import Publisher, open_publisher
from scheduler.settings import Settings
from scheduler.store import Store
from scheduler.store.outbox import BATCH
from scheduler.store.ticks import Select, Waiting
from scheduler.timestamps import rfc3339

LONGEST_SLEEP: Final = timedelta(seconds=1.5)
SIGN_EVERY_S: Final = 2.0
# Workers renew their leases every 5 s. After an outage or a step of the clock they come first: what looks like a lost
# worker is one that could not renew, or whose lease ended by a clock that was set.
LEASES_SETTLE_S: Final = 8.0


class Loop:
    """Turns, one after the other, until `stop`."""

    def __init__(self, store: Store, publisher: Publisher, member: str, about: dict[str, Any]) -> None:
        self._store = store
        self._publisher = publisher
        self._member = member
        self._about = about
        self._waker = Waker()
        self._stopping = False
        self._pending: deque[Callable[[], None]] = deque()
        self._store_outage = Outage("store")
        self._broker_outage = Outage("broker")
        self._broker_retry_at = 0.0
        self._signed_at = float("-inf")
        self._signed_out = False
        self._others = Others(member)
        self._clock = ClockWatch()
        self._ahead = Ahead(store)
        self._leases_hold_from = float("-inf")
        self._select: Select | None = None

    def stop(self) -> None:
        """End after the turn under way. Safe in a signal handler."""
        self._stopping = True
        self._waker.wake()

    def soon(self, action: Callable[[], None]) -> None:
        """Do `action` between two turns, again and again until the store answers. Safe in a signal handler."""
        self._pending.append(action)
        self._waker.wake()

    def say(self, **facts: Any) -> None:
        """Say this of the beat too, at once and with every sign from now on."""
        self._about.update(facts)
        self._signed_at = float("-inf")

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping

    def turn(self) -> None:
        """One turn, whatever happens, and the sleep until the next, which `stop` and `soon` end."""
        self._waker.sleep(self.step_whatever_happens())

    def run(self) -> None:
        """Take turns until `stop`; then sign out, so that nobody waits for this beat.

        The others take at once what comes due after that. What came due before was left to us: a last turn takes it.
        """
        while not self._stopping:
            self.turn()
        if self._sign_out() and self._others.any:
            self.step_whatever_happens()
        self._publisher.close()

    def step_whatever_happens(self) -> float:
        """`step`; a fault of ours in one turn must not end the turns of all entries: it is told, and tried again."""
        try:
            return self.step()
        except Exception as error:  # noqa: BLE001 - the edge of the process
            emit(
                "beat.turn_failed", error=f"{type(error).__name__}: {error}", traceback=traceback_text(error)
            )
            return LONGEST_SLEEP.total_seconds()

    def step(self) -> float:
        """One turn with all that belongs to it; returns how long to sleep until the next, in seconds."""
        began = time.monotonic()
        try:
            self._do_pending()
            turn = self._take_turn()
            self._notice_interruptions(turn)
            more = self._spare_time(turn, began)
            more = self._sign_in(turn, began) or turn.more or more or self._ahead.look(turn.now, turn.next_at)
        except Unreachable as error:
            self._look_anew()
            return self._store_outage.began(error)
        finally:
            # The loop itself is alive even where a server is not: the watchdog is for a loop that hangs.
            systemd_notify.watchdog()
        if more:
            return 0.0
        ended = time.monotonic()
        sleep_s = _sleep_s(turn.now, turn.next_at, ended - began)
        return min(sleep_s, max(0.0, self._broker_retry_at - ended)) if self._broker_outage.lasts else sleep_s

    def _take_turn(self) -> Turn:
        select, self._select = self._select, None
        turn = take_turn(
            self._store,
            push=self._publisher.push,
            own_slots=self._others.own_slots,
            select=select,
            go_on=not self._stopping,
        )
        self._select = turn.following
        return turn

    def _look_anew(self) -> None:
        """What the last turn asked for already is not to be used."""
        if self._select is not None:
            self._select.abandon()
            self._select = None

    def _notice_interruptions(self, turn: Turn) -> None:
        answered = time.monotonic()
        step = self._clock.step(turn.asked, turn.now, answered)
        if step is not None:
            _tell_step(step, turn.now)
        if self._store_outage.lasts and not self._signed_out:
            # With a full disk a server can be read, and that is no end of the trouble: see whether it can write.
            self._store.presence.sign_in("beats", self._member, {**self._about, "turn_ms": 0})
        if self._store_outage.ended() or step is not None:
            self._leases_hold_from = answered + LEASES_SETTLE_S

    def _do_pending(self) -> None:
        if self._pending:
            self._look_anew()  # it may change the entries
        while self._pending:
            action = self._pending.popleft()
            try:
                action()
                self._ahead.forget()
            except Unreachable:
                self._pending.appendleft(action)
                raise

    def _spare_time(self, turn: Turn, began: float) -> bool:
        """Do what waits, as far as the broker is there. True where there is more of it than is done at once."""
        waiting = turn.waiting
        if not self._publisher.push and turn.dispatched:
            waiting = self._store.ticks.select(1).waiting
        if began < self._leases_hold_from:
            waiting = replace(waiting, leases=0)
        trying = began >= self._broker_retry_at
        if not trying:
            waiting = replace(waiting, **dict.fromkeys(BY_THE_BROKER, 0))
        if not waiting.any and not (trying and self._broker_outage.lasts):
            return False
        return self._keep_up(turn, waiting, trying=trying) and waiting.outbox > BATCH

    def _sign_in(self, turn: Turn, began: float) -> bool:
        """Sign in where it is time, or where another beat came or went. True where homes have moved by that."""
        time_to = began - self._signed_at >= SIGN_EVERY_S or self._others.changed(turn.beats)
        if self._signed_out or not time_to:
            return False
        turn_ms = round((time.monotonic() - began) * 1000)
        signs = self._store.presence.sign_in("beats", self._member, {**self._about, "turn_ms": turn_ms})
        self._signed_at = began
        return self._others.hear(signs)

    def _keep_up(self, turn: Turn, waiting: Waiting, *, trying: bool) -> bool:
        """Returns whether the broker is not known to be away."""
        try:
            keep_up(self._store, self._publisher, waiting, turn.now)
            if trying and self._broker_outage.lasts:  # maybe nothing was sent: another had it in hand
                self._publisher.probe()
                self._broker_outage.ended()
        except BrokerUnreachable as error:
            self._broker_retry_at = time.monotonic() + self._broker_outage.began(error)
        return not self._broker_outage.lasts

    def _sign_out(self) -> bool:
        """Returns whether the store answered."""
        self._signed_out = True
        try:
            self._store.presence.sign_out("beats", self._member)
        except Unreachable as error:
            emit(
                "store.unreachable", error=str(error), hint="this beat is forgotten by itself within an hour"
            )
            return False
        return True


def _tell_step(step: timedelta, now: datetime) -> None:
    back = step < timedelta(0)
    emit(
        "clock.stepped",
        by_ms=round(step / timedelta(milliseconds=1)),
        now=rfc3339(now),
        until=rfc3339(now - step) if back else None,
        hint="no tick comes twice: entries are silent until that time has come again"
        if back
        else "ticks that were jumped over are coalesced by each entry's catchup rule",
    )


def _sleep_s(now: datetime, next_at: datetime | None, elapsed_s: float) -> float:
    until = LONGEST_SLEEP if next_at is None else min(next_at - now, LONGEST_SLEEP)
    return max(0.0, until.total_seconds() - elapsed_s)


def loop_for(settings: Settings, store: Store, member: str) -> Loop:
    """The loop of the beat `member`, which says of itself what every beat says."""
    about = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "version": __version__,
        "revision": settings.revision,
    }
    return Loop(store, open_publisher(settings, store), member, about)
