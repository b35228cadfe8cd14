"""Celery's schedules: the table of a module, and the rows of django-celery-beat."""

import json
from pathlib import Path
from typing import Any

import pytest
from celery.schedules import crontab, schedule, solar

from scheduler.importing import Unreadable, imported, kind_of
from scheduler.importing.beat_schedule import from_beat_schedule
from scheduler.importing.celery_schedules import crontab_field, set_schedule
from scheduler.importing.draft import Draft
from tests.support.imports import entries, from_example, from_text, said


def scheduled(value: Any) -> dict[str, Any]:
    draft = Draft(name="x")
    set_schedule(draft, value)
    return draft.keys | {"said": [note.text for note in draft.notes]}


def test_an_app_with_a_beat_schedule_is_imported_whole(tmp_path: Path) -> None:
    found = entries(from_example("beat.py"), tmp_path)
    assert found["nightly-report"]["job"] == "shop.tasks.report"
    assert found["nightly-report"]["crontab"] == "30 2 * * *"
    assert found["nightly-report"]["args"] == ["eu"]
    assert found["nightly-report"]["kwargs"] == {"limit": 100}
    assert found["nightly-report"]["queue"] == "reports"
    assert found["nightly-report"]["timeout"] == "10m"
    assert found["every-30-seconds"]["interval"] == "30s"
    assert found["hourly"]["interval"] == "1h"
    assert found["workdays"]["crontab"] == "0 8-18/2 * * 1-5"
    assert found["weekend"]["crontab"] == "0 0 * * 0,1,6"


def test_the_apps_zone_is_the_files_default() -> None:
    assert from_example("beat.py").timezone == "Europe/Berlin"


def test_what_an_entry_has_no_key_for_is_said_with_its_line() -> None:
    found = from_example("beat.py")
    draft = found.drafts[0]
    assert "options: priority = 5 is not carried over" in said(found, "nightly-report")
    assert any("argument since was null" in note for note in said(found, "nightly-report"))
    assert {note.line for note in draft.notes} == {9}
    assert any("celery.backend_cleanup is Celery's own" in note for note in said(found))


def test_arguments_that_are_no_data_switch_the_entry_off(tmp_path: Path) -> None:
    found = from_example("beat.py")
    assert entries(found, tmp_path)["object"]["enabled"] is False
    assert any("switched off" in note for note in said(found, "object"))


def test_both_days_are_not_carried_over_because_celery_asks_for_both_and_cron_for_either() -> None:
    found = scheduled(crontab(0, 9, day_of_month="13", day_of_week="fri"))
    assert "crontab" not in found
    assert "restricts both days" in found["said"][0]


@pytest.mark.parametrize(
    ("value", "key", "expected"),
    [
        (crontab(), "crontab", "* * * * *"),
        (crontab("*/15", "8, 20"), "crontab", "*/15 8,20 * * *"),
        (crontab(0, "22-2"), "crontab", "0 0-2,22,23 * * *"),
        (crontab(0, 0, month_of_year="jan,jul", day_of_month="1"), "crontab", "0 0 1 jan,jul *"),
        (crontab(0, {1, 2, 3}), "crontab", "0 1-3 * * *"),
        (schedule(90), "interval", "1m30s"),
        (0.5, "interval", "500ms"),
    ],
)
def test_a_schedule_is_written_as_it_was_or_as_numbers(value: Any, key: str, expected: str) -> None:
    found = scheduled(value)
    assert found[key] == expected
    assert found["said"] == []


@pytest.mark.parametrize("value", [None, True, "daily", object(), -5, 0])
def test_what_is_no_schedule_is_said(value: Any) -> None:
    found = scheduled(value)
    assert found.keys() == {"said"}
    assert "runs only by `onbeat trigger`" in found["said"][0]


def test_a_solar_schedule_is_said_with_its_place() -> None:
    sunset = solar.__new__(solar)
    sunset.event, sunset.lat, sunset.lon = "sunset", 52.5, 13.4
    assert "sunset at latitude 52.5 and longitude 13.4" in scheduled(sunset)["said"][0]


def test_a_field_that_a_crontab_reads_otherwise_becomes_numbers() -> None:
    assert crontab_field("*/2", range(0, 7, 2), "weekdays") == "*/2"
    assert crontab_field("monday", [1], "weekdays") == "1"
    assert crontab_field({5, 6, 7, 9}, [5, 6, 7, 9], "hours") == "5-7,9"


ADDED_BY_A_SIGNAL = """
from celery import Celery
app = Celery()
app.conf.timezone = "Asia/Seoul"

@app.on_after_finalize.connect
def setup(sender, **_):
    sender.add_periodic_task(60, sender.signature("t"), name="a")
"""


@pytest.mark.parametrize(
    "text",
    [
        "CELERY_BEAT_SCHEDULE = {'a': {'task': 't', 'schedule': 60}}\nCELERY_TIMEZONE = 'Asia/Seoul'\n",
        "CELERYBEAT_SCHEDULE = {'a': {'task': 't', 'schedule': 60}}\ntimezone = 'Asia/Seoul'\n",
        "class Config:\n    beat_schedule = {'a': {'task': 't', 'schedule': 60}}\n    timezone = 'Asia/Seoul'\n",
        ADDED_BY_A_SIGNAL,
    ],
)
def test_the_table_is_found_wherever_celery_would(text: str, tmp_path: Path) -> None:
    path = tmp_path / "celery.py"
    path.write_text(text)
    found = imported(text, path, kind_of(text, path))
    assert found.timezone == "Asia/Seoul"
    assert entries(found, tmp_path)["a"] == {"job": "t", "interval": "1m"}


def test_a_module_of_a_package_finds_its_neighbours(tmp_path: Path) -> None:
    package = tmp_path / "shop_of_a_test"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "names.py").write_text("TASK = 't'\n")
    path = package / "celery.py"
    path.write_text(
        "from shop_of_a_test.names import TASK\nbeat_schedule = {'a': {'task': TASK, 'schedule': 60}}\n"
    )
    found = imported("", path, "celery")
    assert entries(found, tmp_path)["a"]["job"] == "t"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("x = 1\n", 1, "nor a Celery app"),
        ("x = 1\ny = (\n", 2, "it is no Python"),
        ("x = 1\n\nraise SystemExit(3)\n", 3, "importing it fails: SystemExit"),
        ("beat_schedule = {\n  'a': 5}\n", 2, "is no dict"),
    ],
)
def test_a_module_that_can_t_be_used_is_refused_with_its_line(
    text: str, line: int, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "beat.py"
    path.write_text(text)
    with pytest.raises(Unreadable, match=message) as caught:
        imported(text, path, "celery")
    assert caught.value.line == line


def test_a_zone_that_does_not_exist_is_said() -> None:
    found = from_beat_schedule({"a": {"task": "t", "schedule": 60}}, timezone="Mars/Base")
    assert found.timezone is None
    assert any("unknown time zone 'Mars/Base'" in note for note in said(found))


def test_a_dump_of_django_celery_beat_is_imported_whole(tmp_path: Path) -> None:
    found = entries(from_example("django-celery-beat.json"), tmp_path)
    assert list(found) == ["Morning-mail-US", "sync", "new-year"]
    assert found["Morning-mail-US"] == {
        "job": "mail.tasks.morning",
        "crontab": "30 7 * * 1,2,3,4,5",
        "timezone": "America/New_York",
        "args": ["us"],
        "kwargs": {"dry_run": False},
        "queue": "mail",
        "description": "The mail of the day.",
        **({"start_deadline": "10m"} if "start_deadline" in found["Morning-mail-US"] else {}),
    }
    assert found["sync"] == {"job": "stock.tasks.sync", "interval": "15m", "enabled": False}


def test_what_a_row_holds_besides_is_said() -> None:
    found = from_example("django-celery-beat.json")
    notes = said(found, "Morning-mail-US")
    assert "its name was 'Morning mail (US)'" in notes
    assert "routing_key = 'mail.high' is not carried over" in notes
    assert "priority = 4 is not carried over" in notes
    once = said(found, "new-year")
    assert any("once, at 2027-01-01T00:00:00Z" in note for note in once)
    assert any("are no JSON" in note for note in once)
    assert any("(one_off)" in note for note in once)


def dump(**fields: Any) -> str:
    row = {"model": "django_celery_beat.periodictask", "pk": 1, "fields": {"task": "t", **fields}}
    crooked = {
        "model": "django_celery_beat.crontabschedule",
        "pk": 9,
        "fields": {"minute": "99", "timezone": "UTC"},
    }
    fortnight = {
        "model": "django_celery_beat.intervalschedule",
        "pk": 9,
        "fields": {"every": 1, "period": "moons"},
    }
    sun = {
        "model": "django_celery_beat.solarschedule",
        "pk": 9,
        "fields": {"event": "sunrise", "latitude": "1", "longitude": "2"},
    }
    return json.dumps([row, crooked, fortnight, sun, {"model": "django_celery_beat.other", "fields": {}}])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"crontab": 3}, "the dump has no crontabschedule 3"),
        ({"crontab": 9}, "its schedule can't be carried over"),
        ({"interval": 9}, "every 1 moons"),
        ({"solar": 9}, "sunrise at 1, 2"),
        ({}, "the task has none"),
    ],
)
def test_a_row_whose_schedule_can_t_be_carried_over_says_why(fields: dict[str, Any], message: str) -> None:
    found = from_text(dump(**fields), "django-celery-beat")
    assert any(message in note for note in said(found, "task-1"))
    assert "1 rows of other are not carried over" in said(found)


def test_arguments_of_the_wrong_form_switch_the_entry_off(tmp_path: Path) -> None:
    found = from_text(dump(args='{"a": 1}'), "django-celery-beat")
    assert entries(found, tmp_path)["task-1"]["enabled"] is False
    assert any("are no list" in note for note in said(found, "task-1"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[\n{"model": }', "it is no JSON"),
        ("{}", "no list of rows"),
        ('[{"model": "auth.user", "fields": {}}]', "no row of it"),
        ("[" * 100_000, "it is no JSON"),
    ],
)
def test_a_file_that_is_no_dump_is_refused(text: str, message: str) -> None:
    with pytest.raises(Unreadable, match=message):
        from_text(text, "django-celery-beat")
