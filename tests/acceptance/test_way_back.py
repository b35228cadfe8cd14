"""Leaving Onbeat for stock RedBeat, and coming back: nothing that has run is run again, on either way."""

import json
import sys
from datetime import timedelta

from scheduler import redbeat_entry
from scheduler.epoch import milliseconds
from scheduler.store import Keys, Store, connect
from tests.support.process import started
from tests.support.project import Project
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

STOCK_APP = """
    import os

    from celery import Celery

    app = Celery("stock", broker=os.environ["ONBEAT_REDIS_URL"])
    app.conf.update(timezone="UTC", redbeat_lock_timeout=10, beat_max_loop_interval=1)
"""
STOCK_BEAT = ("-A", "stock", "beat", "-S", "redbeat.RedBeatScheduler", "-l", "info", "--pidfile=")

SCHEDULES = """
    [defaults]
    job = "jobs.hello"
    [schedules.often]
    interval = "1s"
    overlap = "allow"
    max_active = 1000
    [schedules.ran-with-us]
    interval = "1h"
    [schedules.ran-with-them]
    interval = "1h"
"""


def make_due(store: Store, name: str) -> None:
    """As if an hour had passed since its last tick."""
    before = store.presence.now() - timedelta(hours=1)
    key = store.keys.entry(name)
    store.client.hset(key, mapping={"tick": milliseconds(before), "meta": redbeat_entry.meta(before, 1)})
    store.client.zadd(store.keys.schedule, {key: milliseconds(before) / 1000 + 3600})


def run_count(store: Store, name: str) -> int:
    """0 of an entry that has not run yet: RedBeat's meta has no count then."""
    return int(json.loads(str(store.client.hget(store.keys.entry(name), "meta"))).get("total_run_count") or 0)


def test_stock_redbeat_goes_on_where_onbeat_stopped_and_onbeat_where_redbeat_did(
    project: Project, valkey: ValkeyServer
) -> None:
    project.schedules(SCHEDULES)
    project.write("stock.py", STOCK_APP)
    store = Store(connect(valkey.url), Keys())
    with project.start("beat") as beat:
        beat.wait_for_event("schedules.applied", within=30)
        make_due(store, "ran-with-us")
        beat.wait_for_event("tick.dispatched", entry="ran-with-us")

    make_due(store, "ran-with-them")
    ran = run_count(store, "often")
    program = (sys.executable, "-m", "celery")
    with started(*STOCK_BEAT, directory=project.directory, environ=project.environ, program=program) as stock:
        stock.wait_for_line("Sending due task ran-with-them (jobs.hello)", within=30)
        eventually(lambda: run_count(store, "often") >= ran + 2, 20, what="runs by RedBeat")
        assert not [line for line in [*stock.out, *stock.err] if "ran-with-us" in line]

    with project.start("beat") as beat:
        beat.wait_for_event("tick.dispatched", within=30, entry="often", count=1)
        hourly = [*beat.named("tick.dispatched", entry="ran-with-us")]
        hourly += beat.named("tick.dispatched", entry="ran-with-them")
        assert not hourly, hourly
    assert store.ledger.totals().unaccounted == 0
