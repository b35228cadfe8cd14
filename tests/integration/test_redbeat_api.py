"""RedBeat's own API acts on what Onbeat runs, and Onbeat runs what RedBeat's API wrote."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from celery import Celery
from celery.schedules import crontab, schedule
from redbeat import RedBeatSchedulerEntry
from redbeat.decoder import RedBeatJSONEncoder
from redbeat.schedules import rrule

from scheduler import redbeat_entry
from scheduler.beat.turn import take_turn
from scheduler.entry import Entry
from scheduler.epoch import milliseconds
from scheduler.lookup import runs_of
from scheduler.redbeat_schedule import celery_schedule
from scheduler.schedule import Crontab, Interval
from scheduler.store import Keys, Store, connect
from tests.support.valkey import ValkeyServer


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    return Store(connect(valkey.url), Keys())


@pytest.fixture
def celery(valkey: ValkeyServer) -> Celery:
    app = Celery("other", broker=valkey.url, set_as_current=False)
    app.conf.update(redbeat_redis_url=valkey.url, redbeat_redis_options={"socket_timeout": 2}, timezone="UTC")
    return app


def apply(store: Store, *entries: Entry) -> None:
    wanted = {entry.name: entry for entry in entries}
    store.entries.apply(wanted, digest="d", revision=0, now=store.presence.now(), by="test")


def set_back(store: Store, name: str, by: timedelta) -> None:
    at = milliseconds(store.presence.now() - by)
    store.client.hset(store.keys.entry(name), "tick", at)
    store.client.zadd(store.keys.schedule, {store.keys.entry(name): at / 1000})


def test_redbeat_reads_an_entry_of_ours(store: Store, celery: Celery) -> None:
    apply(store, Entry(name="nightly", job="jobs.x", schedule=Crontab("5 9 * * mon-fri"), kwargs={"a": 1}))
    found = RedBeatSchedulerEntry.from_key("redbeat:nightly", app=celery)
    assert (found.task, found.kwargs, found.enabled) == ("jobs.x", {"a": 1}, True)
    assert found.schedule == crontab(minute="5", hour="9", day_of_week="mon-fri")


def test_what_redbeat_saved_runs_from_its_next_time_on(store: Store, celery: Celery) -> None:
    RedBeatSchedulerEntry(
        "api", "jobs.x", schedule(run_every=60), args=[1], options={"queue": "q"}, app=celery
    ).save()
    assert take_turn(store, push=True).dispatched == 0  # stock RedBeat would run it at once
    stored = store.entries.get("api")
    assert stored is not None
    assert stored.entry is not None
    assert (stored.entry.source, stored.entry.queue, stored.entry.args) == ("api", "q", (1,))
    set_back(store, "api", timedelta(seconds=60))
    assert take_turn(store, push=True).dispatched == 1
    assert store.client.llen("q") == 1
    assert RedBeatSchedulerEntry.from_key("redbeat:api", app=celery).last_run_at is not None


def test_disabling_through_redbeat_stops_an_entry_of_the_file_and_enabling_owes_nothing(
    store: Store, celery: Celery
) -> None:
    apply(store, Entry(name="one", job="jobs.x", schedule=Interval(timedelta(seconds=60))))
    found = RedBeatSchedulerEntry.from_key("redbeat:one", app=celery)
    found.enabled = False
    found.save()
    set_back(store, "one", timedelta(minutes=10))
    assert take_turn(store, push=True).dispatched == 0
    assert not store.ticks.select().due
    found.enabled = True
    found.save()
    assert take_turn(store, push=True).dispatched == 0
    stored = store.entries.get("one")
    assert stored is not None
    assert stored.next_at is not None
    assert stored.next_at > store.presence.now()
    assert store.ledger.totals().expected == 0


def test_another_argument_through_redbeat_is_used_and_the_policies_of_the_file_stay(
    store: Store, celery: Celery
) -> None:
    apply(
        store,
        Entry(name="one", job="jobs.x", schedule=Interval(timedelta(seconds=60)), owner="ada", keep_runs=7),
    )
    found = RedBeatSchedulerEntry.from_key("redbeat:one", app=celery)
    found.kwargs = {"limit": 5}
    found.save()
    stored = store.entries.get("one")
    assert stored is not None
    assert stored.entry is not None
    assert (stored.entry.kwargs, stored.entry.owner, stored.entry.keep_runs) == ({"limit": 5}, "ada", 7)


def test_an_edit_through_redbeat_survives_a_deploy_that_says_nothing_new_of_the_entry(
    store: Store, celery: Celery
) -> None:
    one = Entry(name="one", job="jobs.x", schedule=Interval(timedelta(seconds=60)))
    apply(store, one)
    found = RedBeatSchedulerEntry.from_key("redbeat:one", app=celery)
    found.enabled = False
    found.save()
    apply(store, one)
    stored = store.entries.get("one")
    assert stored is not None
    assert stored.entry is not None
    assert not stored.entry.enabled
    apply(store, Entry(name="one", job="jobs.x", schedule=Interval(timedelta(seconds=60)), owner="ada"))
    stored = store.entries.get("one")
    assert stored is not None
    assert stored.entry is not None
    assert stored.entry.enabled


def test_an_edit_through_redbeat_leaves_a_crontab_alone_that_redbeat_has_as_a_rule(
    store: Store, celery: Celery
) -> None:
    last_day = Crontab("30 6 L * *", "Europe/Berlin")
    apply(store, Entry(name="one", job="jobs.x", schedule=last_day))
    found = RedBeatSchedulerEntry.from_key("redbeat:one", app=celery)
    assert isinstance(found.schedule, rrule)
    found.kwargs = {"limit": 5}
    found.save()
    stored = store.entries.get("one")
    assert stored is not None
    assert stored.entry is not None
    assert (stored.entry.schedule, stored.entry.kwargs) == (last_day, {"limit": 5})
    found.schedule = crontab(minute="0")
    found.save()
    stored = store.entries.get("one")
    assert stored is not None
    assert stored.entry is not None
    assert stored.entry.schedule == Crontab("0 * * * *")


def test_an_entry_deleted_through_redbeat_leaves_no_zombie(store: Store, celery: Celery) -> None:
    apply(store, Entry(name="one", job="jobs.x", schedule=Interval(timedelta(seconds=60))))
    set_back(store, "one", timedelta(seconds=60))
    selection = store.ticks.select()
    RedBeatSchedulerEntry.from_key("redbeat:one", app=celery).delete()
    assert len(selection.due) == 1
    assert take_turn(store, push=True).dispatched == 0
    assert not store.client.exists("redbeat:one")
    assert store.entries.names() == []


def test_of_an_entry_deleted_through_redbeat_the_runs_stay_and_then_nothing(
    store: Store, celery: Celery
) -> None:
    """Programs that make an entry for each reminder must not fill the store with what is left of them."""
    ran_at = datetime.now(UTC) - timedelta(minutes=2)
    entry = RedBeatSchedulerEntry(
        "once", "jobs.x", schedule(run_every=60), last_run_at=ran_at, app=celery
    ).save()
    assert take_turn(store, push=True).dispatched == 1
    apply(store)
    assert store.entries.names() == ["once"]
    entry.delete()
    apply(store)
    assert [run.entry for run in runs_of(store, None)] == ["once"]
    (run,) = runs_of(store, "once")
    store.client.delete(store.keys.runs("once"), store.keys.active("once"))  # as when its time is over
    apply(store)
    assert not store.client.keys("*:once")
    assert store.entries.gone() == []
    assert store.ledger.totals().dispatched == 1
    assert run.entry == "once"


def test_an_entry_of_stock_redbeat_goes_on_from_its_last_run(store: Store, celery: Celery) -> None:
    RedBeatSchedulerEntry("old", "jobs.x", schedule(run_every=3600), app=celery).save()
    before = store.presence.now() - timedelta(minutes=90)
    store.client.hset("redbeat:old", "meta", redbeat_entry.meta(before, 41))
    store.client.zadd(store.keys.schedule, {"redbeat:old": milliseconds(before) / 1000 + 3600})
    take_turn(store, push=True)
    assert store.ledger.totals().dispatched == 1
    meta = store.client.hget("redbeat:old", "meta")
    assert json.loads(str(meta))["total_run_count"] == 42


@pytest.mark.parametrize(
    ("ours", "celerys"),
    [
        ("*/15 * * * *", {"minute": "*/15"}),
        ("0 9 1,15 * *", {"minute": "0", "hour": "9", "day_of_month": "1,15"}),
        ("30 6 * jan,feb sun", {"minute": "30", "hour": "6", "month_of_year": "1,2", "day_of_week": "sun"}),
        ("0 0 * * 7", {"minute": "0", "hour": "0", "day_of_week": "0"}),
        ("@daily", {"minute": "0", "hour": "0"}),
    ],
)
def test_a_crontab_means_the_same_to_celery(ours: str, celerys: dict[str, str]) -> None:
    assert celery_schedule(Crontab(ours)) == crontab(**celerys)


def test_the_last_run_is_read_whatever_zone_it_was_written_in() -> None:
    at = datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert redbeat_entry.last_run_at(redbeat_entry.meta(at)) == at
    assert redbeat_entry.last_run_at("{broken") is None
    assert redbeat_entry.last_run_at("") is None


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        (redbeat_entry.NEVER_RUN, 0),
        (redbeat_entry.meta(datetime(2026, 11, 21, tzinfo=UTC), 41), 41),
        ('{"total_run_count": 7, "last_run_at": null}', 7),
        ('{"total_run_count": null}', 0),
        ('{"total_run_count": "many"}', 0),
        ('{"total_run_count": [1]}', 0),
        ("[]", 0),
        ("{broken", 0),
    ],
)
def test_how_often_an_entry_has_run_is_read_from_whatever_stands_there(text: str, count: int) -> None:
    assert redbeat_entry.total_run_count(text) == count


def test_the_meta_of_a_run_is_what_redbeats_encoder_writes() -> None:
    at = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
    document = {"last_run_at": at, "total_run_count": 3}
    assert redbeat_entry.meta(at, 3) == json.dumps(document, cls=RedBeatJSONEncoder)


INTERVAL = {"__type__": "interval", "every": 60, "relative": False}


@pytest.mark.parametrize(
    "written",
    [
        {"kwargs": {"at": {"__type__": "datetime", "year": 2026, "month": 1, "day": 1}}},
        {"options": {"time_limit": 1e300}},
        {"options": {"queue": 5}},
        {"schedule": {**INTERVAL, "every": 1e17}},
        {"schedule": {**INTERVAL, "every": 0}},
        {"task": None},
        {"task": 5},
        {"args": 3},
        {"kwargs": [[[[]]]]},
    ],
    ids=str,
)
def test_whatever_stands_in_a_definition_it_stops_no_other_entry(
    store: Store, written: dict[str, object]
) -> None:
    apply(store, Entry(name="well", job="jobs.x", schedule=Interval(timedelta(minutes=1))))
    document = {"name": "odd", "task": "jobs.x", "schedule": INTERVAL, "enabled": True, **written}
    store.client.hset("redbeat:odd", "definition", json.dumps(document))
    store.client.zadd(store.keys.schedule, {"redbeat:odd": 1})
    set_back(store, "well", timedelta(minutes=1))
    assert take_turn(store, push=True).dispatched == 1
    assert store.entries.all()["odd"].trouble


def test_a_list_too_deep_to_read_stops_no_other_entry(store: Store) -> None:
    store.client.hset("redbeat:odd", "definition", "[" * 100_000)
    store.client.zadd(store.keys.schedule, {"redbeat:odd": 1})
    assert take_turn(store, push=True).dispatched == 0
    assert not store.ticks.select().due
