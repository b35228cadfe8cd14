"""Entries with calendars on a real server: excluded ticks are in the ledger, and other days leave what is owed."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from scheduler.beat.turn import take_turn
from scheduler.cadences.day_calendar import DayCalendar
from scheduler.disposition import Disposition
from scheduler.entry import Entry
from scheduler.exclusion import Exclusion
from scheduler.schedule import Interval, Moved
from scheduler.store import Keys, Store, connect
from tests.support.valkey import ValkeyServer

DAY = timedelta(days=1)


@pytest.fixture
def store(valkey: ValkeyServer) -> Store:
    return Store(connect(valkey.url), Keys())


def apply(store: Store, entry: Entry, now: datetime) -> None:
    store.entries.apply({"one": entry}, digest=repr(entry), revision=0, now=now, by="test")


def closed(day: datetime, label: str = "Inventory") -> DayCalendar:
    return DayCalendar.of("closed", {day.date(): label})


def test_a_beat_without_any_file_leaves_excluded_ticks_out_and_accounts_for_them(store: Store) -> None:
    now = store.presence.now()
    entry = Entry(
        name="one",
        job="jobs.x",
        schedule=Interval(timedelta(seconds=1)),
        exclusion=Exclusion("UTC", (DayCalendar.of("always", {}, weekdays=frozenset(range(7))),)),
    )
    apply(store, entry, now - timedelta(seconds=10))
    turn = take_turn(store, push=True)
    assert turn.dispatched == 0
    totals = store.ledger.totals()
    assert totals.expected == totals.by_disposition[Disposition.SKIPPED_CALENDAR] >= 10
    assert totals.unaccounted == 0
    stored = store.entries.get("one")
    assert stored is not None
    assert stored.entry == entry


def test_other_days_keep_what_is_owed_and_a_tick_may_come_sooner_or_later(store: Store) -> None:
    now = store.presence.now()
    noon = now.replace(hour=12, minute=0, second=0, microsecond=0)
    daily = Interval(DAY, anchor=noon)
    tick = daily.next_after(now)
    assert tick is not None
    on_the_next = Moved(daily, "next", "UTC", (closed(tick),))
    free = replace(on_the_next, calendars=(closed(tick - 30 * DAY),))

    def moments(schedule: Moved) -> tuple[datetime | None, datetime | None]:
        apply(store, Entry(name="one", job="jobs.x", schedule=schedule), store.presence.now())
        stored = store.entries.get("one")
        assert stored is not None
        return stored.last_tick_at, stored.next_at

    since, next_at = moments(on_the_next)
    assert next_at == tick + DAY
    assert moments(free) == (since, tick)
    # Where it comes later a beat looks at the earlier time, finds nothing owed, and looks again at the right one.
    assert moments(on_the_next) == (since, tick)


def test_what_was_due_before_the_days_changed_is_still_decided(store: Store) -> None:
    now = store.presence.now()
    often = Moved(Interval(timedelta(minutes=1)), "next", "UTC", (closed(now + 30 * DAY),))
    apply(store, Entry(name="one", job="jobs.x", schedule=often), now - timedelta(minutes=5))
    other = replace(often, calendars=(closed(now + 60 * DAY),))
    apply(store, Entry(name="one", job="jobs.x", schedule=other), now)
    assert take_turn(store, push=True).dispatched == 1
    assert store.ledger.totals().expected == 5
