"""A whole beat, its parts put together: how it begins, turns and ends, in a process of its own or in Celery's."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from scheduler import __version__, systemd_notify
from scheduler.beat.file_watch import FileWatch
from scheduler.beat.loop import Loop, loop_for
from scheduler.beat.schedules import Schedules, rejected
from scheduler.errors import InvalidSchedules, Unreachable
from scheduler.log_setup import emit
from scheduler.reading.schedule_file import ScheduleFile
from scheduler.settings import Settings
from scheduler.store import Store, StoreRefused, open_store
from scheduler.store.presence import new_member
from scheduler.store.safety import facts_findings
from scheduler.store.server import server_facts


@dataclass(frozen=True, slots=True)
class Beat:
    """One beat, that has read its file and has not begun yet."""

    member: str
    store: Store
    schedules: Schedules
    file: ScheduleFile
    watch: FileWatch
    loop: Loop

    def begin(self) -> None:
        """Answer signals, say that it is there, and have the first turn apply the file, once the store answers."""
        if threading.current_thread() is threading.main_thread():
            self._answer_signals()
        emit(
            "beat.started",
            beat=self.member,
            version=__version__,
            schedules=str(self.schedules.settings.schedules),
            entries=len(self.file.entries),
        )
        self.loop.soon(lambda: _warn_of_unsafe(self.store))
        self.loop.soon(lambda: self.schedules.apply(self.file))
        self.loop.soon(self.watch.start)  # what changed in between it finds, too
        systemd_notify.ready(f"{len(self.file.entries)} entries from {self.schedules.settings.schedules}")

    def run(self) -> None:
        """Take turns until the loop is stopped; then end in order."""
        self.loop.run()
        self.watch.stop()
        systemd_notify.stopping()
        emit("beat.stopped", beat=self.member)
        self.store.close()

    def _answer_signals(self) -> None:
        def stop(_number: int, _frame: FrameType | None) -> None:
            self.loop.stop()

        def reload(_number: int, _frame: FrameType | None) -> None:
            self.loop.soon(lambda: _reload(self.schedules, self.loop))

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGHUP, reload)


def beat_for(settings: Settings) -> Beat:
    """A beat as the settings say.

    1. Read and check the file: a bad one refuses the start, before anything else is touched.
    2. Ask the store: one that refuses us ends the start, one that is out of reach is waited for.

    Raises InvalidSchedules and StoreRefused.
    """
    store = open_store(settings)
    member = new_member()
    watch = FileWatch(lambda: loop.soon(lambda: _reload(schedules, loop)))
    schedules = Schedules(settings, store, member, watch.follow)
    file = schedules.read()
    _ask(store)
    loop = loop_for(settings, store, member)
    return Beat(member, store, schedules, file, watch, loop)


@contextmanager
def refusals_told() -> Iterator[None]:
    """What ends a start is logged, with what to do next, and is the process's exit code. Raises SystemExit for it."""
    try:
        yield
    except InvalidSchedules as error:
        rejected(error)
        raise SystemExit(error.exit_code) from error
    except StoreRefused as error:
        emit("store.unreachable", error=str(error), hint=error.hint)
        raise SystemExit(error.exit_code) from error


def _ask(store: Store) -> None:
    try:
        store.presence.now()
    except StoreRefused:
        raise
    except Unreachable:
        return  # the loop says so, and waits for it


def _warn_of_unsafe(store: Store) -> None:
    try:
        facts = server_facts(store.client)
    except StoreRefused as error:
        # Many an ACL is `-@dangerous`, which takes INFO away and nothing that a beat needs.
        emit(
            "store.unsafe",
            reason=f"whether it keeps what it is told is not known: {error}",
            hint="allow INFO",
        )
        return
    for finding in facts_findings(facts):
        if finding.level != "ok":
            emit("store.unsafe", reason=finding.text, hint=finding.mend)


def _reload(schedules: Schedules, loop: Loop) -> None:
    systemd_notify.reloading()
    try:
        schedules.reload()
    finally:
        systemd_notify.ready()
    loop.say(schedules_rejected=schedules.rejections, schedules_error=schedules.error)
