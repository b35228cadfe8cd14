"""Every event that Onbeat logs: its level, the fields it always has, and what it means.

The one list behind the code, the tests and docs/reference/events.md. Besides the fields named here every line
has `timestamp`, `level`, `event`, `process`, `host` and `pid` (`BASE_FIELDS`).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

Level = Literal["debug", "info", "warning", "error", "critical"]
LEVELS: tuple[Level, ...] = get_args(Level)

BASE_FIELDS = ("timestamp", "level", "event", "process", "host", "pid")
RUN_FIELDS = ("entry", "job", "run_id", "scheduled_at", "attempt")


@dataclass(frozen=True, slots=True)
class Event:
    """One kind of log line. `fields` are those that it never lacks; others may stand beside them."""

    name: str
    level: Level
    fields: tuple[str, ...]
    meaning: str


def _events_of(level: Level) -> Callable[..., Event]:
    def event(name: str, meaning: str, *fields: str) -> Event:
        return Event(name, level, fields, meaning)

    return event


_info, _warning, _error, _critical = (_events_of(level) for level in LEVELS[1:])

_BEAT = (
    _info("beat.started", "A beat is up and takes its turns."),
    _info("beat.stopped", "A beat ended in order."),
    _info("beat.joined", "Another beat is there: some entries have their home with it now.", "beat", "beats"),
    _info(
        "beat.left",
        "Another beat has stopped or fallen silent: its entries have their homes with the others.",
        "beat",
        "beats",
        "reason",
    ),
    _error("beat.turn_failed", "A turn ended in an error that is a bug; the next turn goes on.", "error"),
    _info("schedules.applied", "The store now holds what the file says.", "digest"),
    _error("schedules.rejected", "The file has problems: nothing was changed.", "error"),
    _warning("schedules.outdated", "The store holds a newer revision: nothing was changed.", "revision"),
    _info(
        "tick.dispatched",
        "A tick became a run; its message is out, unless it `waits_for` the end of another.",
        *RUN_FIELDS,
    ),
    _info("tick.skipped", "A tick was left out on purpose.", "entry", "scheduled_at", "reason"),
    _warning("tick.coalesced", "A missed tick was folded into a later one.", "entry", "scheduled_at"),
    _info("entry.ended", "An entry has had its `max_runs`, and has no next tick.", "entry", "runs"),
    _error("entry.quarantined", "An entry in the store can't be read; the others go on.", "entry", "error"),
)

_RUN = (
    _info("run.started", "A worker claimed an attempt and calls it.", *RUN_FIELDS, "lateness_ms", "queue_ms"),
    _info("run.succeeded", "The job returned.", *RUN_FIELDS, "duration_ms"),
    _warning("run.retrying", "The attempt failed; another will follow.", *RUN_FIELDS, "error", "retry_at"),
    _error("run.failed", "The run failed and has no attempts left.", *RUN_FIELDS, "error", "traceback"),
    _error("run.timed_out", "The attempt took longer than its time-out and was ended.", *RUN_FIELDS),
    _error("run.lost", "The worker of an attempt died or fell silent: its lease ran out.", *RUN_FIELDS),
    _warning(
        "run.remains",
        "What a lost attempt had left running on this host was ended.",
        *RUN_FIELDS,
        "processes",
    ),
    _info("run.skipped", "The job said that there was nothing to do.", *RUN_FIELDS, "reason"),
    _info("run.cancelling", "Somebody wants a run stopped that goes on.", *RUN_FIELDS, "by", "reason"),
    _info("run.cancelled", "The run was stopped, by whom and why.", *RUN_FIELDS, "reason"),
    _warning("run.expired", "The run was not started by its deadline, so it never will be.", *RUN_FIELDS),
    _warning("run.interrupted", "The worker had to stop; the run was handed back.", *RUN_FIELDS),
    _info(
        "run.limited",
        "Its entry's rate limit lets the run start later: see `start_at`.",
        *RUN_FIELDS,
        "start_at",
    ),
    _info("run.duplicate", "A message came again for a run that is taken or done: ignored.", *RUN_FIELDS),
    _warning("run.republished", "No worker had claimed the run: its message was sent again.", *RUN_FIELDS),
    _info("run.log", "A line that the job logged, printed or wrote.", *RUN_FIELDS, "message"),
)

_WORKER = (
    _info("worker.started", "A worker is up and takes messages."),
    _warning("worker.limited", "Its pool can't do all that a job may ask for; says what.", "reason"),
    _info("worker.draining", "The worker takes no more; running jobs may end within the grace."),
    _info("worker.stopped", "A worker ended in order."),
    _error("message.refused", "A message that is not ours or not well formed was put aside.", "reason"),
    _info("message.replayed", "Somebody sent a refused message again.", "message", "by"),
    _info("message.dropped", "Somebody dropped a refused message.", "message", "by"),
)

_SERVERS = (
    _error("store.unreachable", "The store can't be reached, or worked with; said once, tried on.", "error"),
    _info("store.reachable", "The store answers again."),
    _warning("clock.stepped", "The server's clock was set; `until`: entries are silent till then.", "by_ms"),
    _warning("store.unsafe", "The store may evict or forget what it was told; says what to set.", "reason"),
    _error("broker.unreachable", "The broker does not answer; said once, tried on and on.", "error"),
    _info("broker.reachable", "The broker answers again."),
    _warning(
        "queue.differs", "RabbitMQ has a queue in another form: it is used as it is.", "queue", "reason"
    ),
)

_PEOPLE = (
    _info("entry.paused", "A person paused an entry.", "entry", "by", "reason"),
    _info("entry.resumed", "A person let a paused entry go on.", "entry", "by", "reason"),
    _info("entry.triggered", "A person asked for a run.", *RUN_FIELDS, "by", "reason"),
    _info("run.replayed", "A person gave a run that had ended another attempt.", *RUN_FIELDS, "by"),
    _warning("alert.raised", "An entry needs attention.", "entry", "reason"),
    _info("alert.cleared", "What an alert was about is well again.", "entry"),
)

_PROCESS = (
    _info("process.log", "A line that a library logged outside of any run.", "logger", "message"),
    _info("process.output", "Text that something wrote past the log.", "message", "stream"),
    _critical("process.crashed", "An error that nobody caught ends the process.", "error", "traceback"),
    _error("thread.crashed", "An error that nobody caught ended a thread.", "error", "traceback", "thread"),
    _warning("python.warning", "A Python warning.", "category", "message", "file", "line"),
    _error(
        "python.unraisable", "An error in a place that can't raise, such as `__del__`.", "message", "error"
    ),
    _warning("log.repeated", "How often a warning came again that was not repeated.", "message", "repeated"),
    _warning("log.cut", "Stands in a run's own log where lines were left out.", "left_out", "message"),
    _error("log.sink_failed", "The run's lines can't be kept in the store; stdout has them.", "error"),
)

_UP = (
    _info("up.started", "`onbeat up` begins in this folder.", "version"),
    _info("up.draining", "`onbeat up` was asked to stop: its children may finish their work.", "reason"),
    _info("up.stopped", "Every child has ended.", "exit_code"),
    _info("server.started", "The embedded Valkey answers.", "url"),
    _info("server.stopped", "The embedded Valkey has saved and ended."),
    _info("child.started", "A process of the tree was started.", "child"),
    _warning("child.exited", "A process of the tree ended, though nobody asked it to.", "child", "exit_code"),
    _warning("child.restarting", "It will be started again after a pause.", "child", "wait_s"),
    _error("child.given_up", "It can't start, so the whole tree ends.", "child", "error"),
    _warning("child.killed", "It did not end within the grace and was killed.", "child"),
)


def _by_name(events: Iterable[Event]) -> Mapping[str, Event]:
    catalogue: dict[str, Event] = {}
    for event in events:
        if event.name in catalogue:
            raise ValueError(f"two events are called {event.name!r}")
        catalogue[event.name] = event
    return MappingProxyType(catalogue)


GROUPS: Mapping[str, tuple[Event, ...]] = MappingProxyType(
    {
        "Beats, schedules and ticks": _BEAT,
        "Runs": _RUN,
        "Workers": _WORKER,
        "Store and broker": _SERVERS,
        "People and alerts": _PEOPLE,
        "Processes and libraries": _PROCESS,
        "`onbeat up`": _UP,
    }
)
CATALOGUE: Mapping[str, Event] = _by_name(event for group in GROUPS.values() for event in group)
