from datetime import UTC, datetime, timedelta

from scheduler.cli.show import _schedule
from scheduler.documents import policy_document, schedule_text, timezone_of
from scheduler.durations import format_duration
from scheduler.entry import Entry
from scheduler.schedule import Crontab, Crontabs, Interval, Later, Moments, Within

END = datetime(2030, 1, 1, tzinfo=UTC)


def test_a_bounded_entry_shows_its_crontab_its_zone_and_its_bounds() -> None:
    days = Crontabs((Crontab("0 9 * * 1-5", "Asia/Seoul"), Crontab("0 12 * * 6", "Asia/Seoul")))
    entry = Entry(name="a", job="jobs.a", schedule=Within(days, None, END))
    document = policy_document(entry)
    assert (document["starts_at"], document["ends_at"]) == (None, "2030-01-01T00:00:00.000Z")
    assert (schedule_text(entry), timezone_of(entry)) == ("0 9 * * 1-5 | 0 12 * * 6", "Asia/Seoul")
    shown = _schedule({**document, "schedule": schedule_text(entry), "timezone": timezone_of(entry)})
    assert shown == "0 9 * * 1-5 | 0 12 * * 6 Asia/Seoul until 2030-01-01T00:00:00.000Z"


def test_an_interval_has_no_zone_and_an_entry_run_by_hand_no_schedule() -> None:
    entry = Entry(name="a", job="jobs.a", schedule=Within(Interval(timedelta(seconds=30)), END, None))
    assert (schedule_text(entry), timezone_of(entry)) == ("every 30s", None)
    assert schedule_text(Entry(name="a", job="jobs.a")) is None


def test_jitter_is_shown_as_what_it_comes_to() -> None:
    later = Later(Moments((END,)), timedelta(hours=1), "a")
    for schedule in (later, Within(later, None, END + timedelta(hours=1))):
        entry = Entry(name="a", job="jobs.a", schedule=schedule)
        document = policy_document(entry)
        assert document["later"] == format_duration(later.by)
        assert schedule_text(entry) == "at 2030-01-01T00:00:00+00:00"
        shown = _schedule({**document, "schedule": schedule_text(entry), "timezone": None})
        assert shown.startswith(f"at 2030-01-01T00:00:00+00:00 {document['later']} later")
