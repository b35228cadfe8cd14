"""A check-up: settings, server, clocks, jobs, schedules, processes. Each finding says what to mend."""

import importlib.metadata
import os
import sys
import tempfile
import zoneinfo
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from scheduler.errors import InvalidSettings, OnbeatError, Unreachable
from scheduler.problem import errors_in
from scheduler.publisher import same_server
from scheduler.server_url import BROKER_SCHEMES, server_name
from scheduler.settings import EMBEDDED_URL_FILE, Settings, load_settings, unknown_settings, with_server
from scheduler.status import Status, read_status
from scheduler.store import Store, open_store
from scheduler.store.safety import Finding, facts_findings
from scheduler.store.server import server_facts
from scheduler.store.shared_keys import misfits
from scheduler.timestamps import rough

SKEW_WORTH_A_WORD: Final = timedelta(seconds=1)
SKEW_TOO_MUCH: Final = timedelta(seconds=30)


def examine(directory: Path) -> list[Finding]:
    """Every check that can be made from here; one that fails never hides the others."""
    findings = [python_finding(), zones_finding()]
    try:
        settings = load_settings()
    except InvalidSettings as error:
        return [*findings, Finding("settings", "error", str(error), error.hint)]
    findings += settings_findings(directory)
    findings += [folder_finding(directory), *_project_findings(settings, directory)]
    findings += _server_findings(settings, directory)
    return findings


def python_finding() -> Finding:
    """The Python that runs, and Onbeat's version."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Finding("python", "ok", f"Python {version}, Onbeat {importlib.metadata.version('onbeat')}")


def zones_finding() -> Finding:
    """Whether time zones can be read."""
    try:
        zoneinfo.ZoneInfo("Europe/Berlin")
    except (zoneinfo.ZoneInfoNotFoundError, OSError) as error:
        return Finding("time zones", "error", f"no time zone data: {error}", "install the package tzdata")
    return Finding("time zones", "ok", "the time zone data can be read")


def settings_findings(directory: Path) -> list[Finding]:
    """Settings that mean nothing, most likely mistyped."""
    unknown = unknown_settings(directory=directory)
    if not unknown:
        return [Finding("settings", "ok", "every setting is known and right")]
    return [Finding("settings", "warning", text, "correct its name, or remove it") for text in unknown]


def folder_finding(directory: Path) -> Finding:
    """Whether `.onbeat`, where `onbeat up` keeps its server's data, can be written."""
    folder = directory / EMBEDDED_URL_FILE.parent
    nearest = folder if folder.is_dir() else directory
    try:
        with tempfile.TemporaryFile(dir=nearest):
            return Finding("folder", "ok", f"{nearest} can be written")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        mend = "give this user the right to write there; `onbeat up` keeps its data in it"
        return Finding("folder", "warning", f"{nearest} can't be written: {reason}", mend)


def _project_findings(settings: Settings, directory: Path) -> Iterator[Finding]:
    """The jobs and the schedules file, read as a beat would."""
    from scheduler.job_catalogue import load_catalogue
    from scheduler.reading.schedule_file import read_schedules

    with redirect_stdout(sys.stderr):  # what a module prints when it is imported is no part of our answer
        catalogue = load_catalogue(settings.jobs, directory)
    wrong = errors_in(catalogue.problems)
    for problem in wrong:
        yield Finding("jobs", "error", problem.headline(), "mend the module, or ONBEAT_JOBS")
    if not wrong:
        yield Finding("jobs", "ok", f"{len(catalogue.jobs)} jobs from {', '.join(settings.jobs)}")
    file = read_schedules(settings.schedules, catalogue=catalogue, environ=os.environ, env=settings.env)
    errors = errors_in(file.problems)
    if errors:
        text = f"{settings.schedules}: {_count(len(errors), 'problem')}, the first: {errors[0].message}"
        yield Finding("schedules", "error", text, "`onbeat check` shows them all")
    else:
        yield Finding(
            "schedules", "ok", f"{settings.schedules}: {_count(len(file.entries), 'entry', 'entries')}"
        )


def _server_findings(settings: Settings, directory: Path) -> list[Finding]:
    """Everything about the server, the broker and who is connected to them."""
    try:
        settings = with_server(settings, directory)
        store = open_store(settings)
    except OnbeatError as error:
        return [Finding("server", "error", str(error), error.hint)]
    try:
        return _findings_of(store, settings)
    except Unreachable as error:
        return [Finding("server", "error", str(error), error.hint)]
    finally:
        store.close()


def _findings_of(store: Store, settings: Settings) -> list[Finding]:
    if wrong := misfits(store.client, store.keys):
        return [Finding("keys", "error", str(each), each.mend) for each in wrong]
    facts = server_facts(store.client)
    name = server_name(settings.redis_url.get_secret_value()) if settings.redis_url else ""
    before = datetime.now(UTC)
    theirs = store.presence.now()
    ours = before + (datetime.now(UTC) - before) / 2
    status, broker = read_status(store, settings), broker_finding(settings)
    return [
        Finding("server", "ok", f"{facts.name} {facts.version} answers at {name}"),
        *facts_findings(facts),
        clock_finding(ours - theirs),
        broker,
        *(queue_findings(settings, [queue.name for queue in status.queues]) if broker.level == "ok" else ()),
        *status_findings(status),
    ]


def clock_finding(skew: timedelta) -> Finding:
    """`skew`: this machine's clock minus the server's. Ticks follow the server's, so that beats agree."""
    size = abs(skew)
    side = "ahead of" if skew > timedelta(0) else "behind"
    if size < SKEW_WORTH_A_WORD:
        return Finding("clock", "ok", "this machine's clock and the server's agree")
    text = f"this machine's clock is {rough(size)} {side} the server's; ticks follow the server's"
    return Finding(
        "clock", "warning" if size < SKEW_TOO_MUCH else "error", text, "synchronise both clocks (NTP)"
    )


def broker_finding(settings: Settings) -> Finding:
    """Whether the broker answers, where it is another server."""
    if settings.broker_url is None or same_server(settings):
        return Finding("broker", "ok", "messages go through the same server")
    url = settings.broker_url.get_secret_value()
    from kombu.connection import Connection
    from kombu.exceptions import OperationalError

    from scheduler.broker_trouble import trouble_of

    try:
        connection = Connection(url, connect_timeout=2)  # type: ignore[no-untyped-call]  # kombu has no types
        with connection:
            connection.ensure_connection(max_retries=0, timeout=2)  # type: ignore[no-untyped-call]
    except (OperationalError, OSError) as error:
        text, hint = trouble_of(error, server_name(url), "ONBEAT_BROKER_URL")
        return Finding("broker", "error", text, hint)
    return Finding("broker", "ok", f"the broker answers at {server_name(url)}")


def queue_findings(settings: Settings, queues: Sequence[str]) -> Iterator[Finding]:
    """Those of RabbitMQ's queues that were made in another way than Onbeat would. None is made by asking."""
    if settings.broker_url is None or not settings.broker_url.get_secret_value().startswith(BROKER_SCHEMES):
        return
    from amqp.exceptions import AMQPError, NotFound

    from scheduler.celery_app import app
    from scheduler.celery_queues import HINT, differences_of, summary

    connection: Any = app.connection_for_read(connect_timeout=2)
    with connection:
        for name in queues:
            queue, channel = app.amqp.queues[name], connection.channel()
            try:
                channel.queue_declare(name, passive=True)
                differences = differences_of(queue, channel)
            except NotFound:
                continue  # the first worker or message makes it
            except AMQPError as error:
                yield Finding("broker", "error", f"the queue {name!r} can't be used: {error}", HINT)
                continue
            if differences:
                text = f"RabbitMQ has the queue {name!r} in another form: {summary(differences)}"
                yield Finding("broker", "warning", text, HINT)


def status_findings(status: Status) -> Iterator[Finding]:
    """Who is there to do the work, and whether the work is done."""
    checks: tuple[Callable[[Status], Finding], ...] = (_beats, _workers, _ledger)
    for check in checks:
        yield check(status)
    unserved = [queue.name for queue in status.queues if not queue.workers]
    if status.alive_workers and unserved:
        names = ", ".join(unserved)
        yield Finding(
            "queues", "error", f"no worker takes: {names}", f"start `onbeat worker -Q {','.join(unserved)}`"
        )
    for stored in status.entries.values():
        if stored.trouble:
            text = f"the entry {stored.name!r} can't be read: {stored.trouble}"
            yield Finding("entries", "error", text, "write it anew, or remove it")


def _beats(status: Status) -> Finding:
    alive = len(status.alive_beats)
    if alive:
        return Finding("beats", "ok", f"{_count(alive, 'beat')} running")
    return Finding(
        "beats", "warning", "no beat is running: nothing becomes due", "start `onbeat up` or `onbeat beat`"
    )


def _workers(status: Status) -> Finding:
    alive = len(status.alive_workers)
    if alive:
        return Finding("workers", "ok", f"{_count(alive, 'worker')} running")
    mend = "start `onbeat up` or `onbeat worker`"
    return Finding("workers", "warning", "no worker is running: runs wait in their queues", mend)


def _ledger(status: Status) -> Finding:
    if status.ledger.unaccounted:
        text = f"{status.ledger.unaccounted} ticks have no disposition"
        return Finding("ledger", "error", text, "this is a fault in Onbeat; please report it")
    return Finding("ledger", "ok", f"{_count(status.ledger.expected, 'tick')}, every one accounted for")


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
