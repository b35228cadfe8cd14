"""`onbeat beat` as a process: it starts, answers signals and systemd, and ends in order."""

import signal
from types import FrameType

from scheduler import __version__, systemd_notify
from scheduler.beat.file_watch import FileWatch
from scheduler.beat.loop import Loop, loop_for
from scheduler.beat.schedules import Schedules, rejected
from scheduler.errors import InvalidSchedules, Unreachable
from scheduler.log_setup import capture_fds, configure, emit
from scheduler.settings import Settings, secret_values
from scheduler.store import Store, StoreRefused, open_store
from scheduler.store.presence import new_member
from scheduler.store.safety import facts_findings
from scheduler.store.server import server_facts


def run(settings: Settings) -> int:
    """Be a beat until SIGTERM or SIGINT; returns the exit code.

    1. Read and check the file: a bad one refuses the start (exit code 3), before anything else is touched.
    2. Ask the store: one that refuses us ends the start (exit code 4), one that is out of reach is waited for.
    3. Apply the file, once the store answers, and take turns. A change of it, or SIGHUP, has it read and applied again.

    What ends the start is logged, with what to do next.
    """
    configure(
        "beat",
        format=settings.log_format,
        level=settings.log_level,
        secrets=secret_values(settings),
    )
    capture_fds()
    try:
        return _run(settings)
    except InvalidSchedules as error:
        rejected(error)
        return error.exit_code
    except StoreRefused as error:
        emit("store.unreachable", error=str(error), hint=error.hint)
        return error.exit_code


def _run(settings: Settings) -> int:
    store = open_store(settings)
    member = new_member()
    watch = FileWatch(lambda: loop.soon(lambda: _reload(schedules, loop)))
    schedules = Schedules(settings, store, member, watch.follow)
    file = schedules.read()
    _ask(store)
    loop = loop_for(settings, store, member)
    _answer_signals(loop, schedules)
    emit(
        "beat.started",
        beat=member,
        version=__version__,
        schedules=str(settings.schedules),
        entries=len(file.entries),
    )
    loop.soon(lambda: _warn_of_unsafe(store))
    loop.soon(lambda: schedules.apply(file))
    systemd_notify.ready(f"{len(file.entries)} entries from {settings.schedules}")
    watch.start()
    loop.run()
    watch.stop()
    systemd_notify.stopping()
    emit("beat.stopped", beat=member)
    store.close()
    return 0


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


def _answer_signals(loop: Loop, schedules: Schedules) -> None:
    def stop(_number: int, _frame: FrameType | None) -> None:
        loop.stop()

    def reload(_number: int, _frame: FrameType | None) -> None:
        loop.soon(lambda: _reload(schedules, loop))

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGHUP, reload)


def _reload(schedules: Schedules, loop: Loop) -> None:
    systemd_notify.reloading()
    try:
        schedules.reload()
    finally:
        systemd_notify.ready()
    loop.say(schedules_rejected=schedules.rejections, schedules_error=schedules.error)
