"""sidekiq-cron and Solid Queue: their files, and the English that fugit reads."""

from pathlib import Path

import pytest

from scheduler.importing import Unreadable, kind_of
from scheduler.importing.draft import Draft
from scheduler.importing.fugit import english_crontab, set_fugit
from scheduler.importing.ruby import python_name
from tests.support.imports import entries, from_example, from_text, said


def test_a_sidekiq_cron_file_is_imported_whole(tmp_path: Path) -> None:
    found = entries(from_example("sidekiq-cron.yml"), tmp_path)
    assert found["nightly_report"] == {
        "job": "jobs.reports.nightly_job",
        "crontab": "30 2 * * *",
        "timezone": "Europe/Berlin",
        "args": [{"region": "eu"}],
        "queue": "low",
        "description": "The report of the night",
    }
    assert found["cleanup"] == {
        "job": "jobs.cleanup_worker",
        "crontab": "0 5 * * *",
        "args": [30, True],
        "enabled": False,
    }
    assert found["often"]["interval"] == "15s"


def test_what_ruby_does_besides_is_said() -> None:
    found = from_example("sidekiq-cron.yml")
    assert "symbolize_args = true is not carried over" in said(found, "often")
    assert any("has to become the Python job jobs.poll_worker" in note for note in said(found, "often"))


def test_the_list_form_and_symbols_are_known(tmp_path: Path) -> None:
    text = """
:schedule:
  - name: a
    :cron: "0 1 * * *"
    :class: AJob
    :args: one
    date_as_argument: true
  - name: b
    cron: "0 1 * * *"
"""
    assert kind_of(text, Path("-")) == "sidekiq-cron"
    found = from_text(text, "sidekiq-cron")
    assert entries(found, tmp_path)["a"] == {"job": "jobs.a_job", "crontab": "0 1 * * *", "args": ["one"]}
    assert any("current_run().scheduled_at" in note for note in said(found, "a"))
    assert any("names no class" in note for note in said(found, "b"))


def test_a_sidekiq_yml_with_a_schedule_in_it_is_known_and_the_rest_of_it_is_said(tmp_path: Path) -> None:
    text = """
:concurrency: 5
:scheduler:
  :schedule:
    a: {class: A, every: 30m}
:schedule:
  a: {class: A, every: 30m}
  b: {class: B, every: ["30m", {first_in: 0s}]}
  c: {class: C}
"""
    assert kind_of(text, Path("-")) == "sidekiq-cron"
    found = from_text(text, "sidekiq-cron")
    assert entries(found, tmp_path)["a"]["interval"] == "30m"
    assert any("every ['30m'" in note for note in said(found, "b"))
    assert [(note.line, note.text) for note in found.notes if "left out" in note.text] == [
        (2, "':concurrency' is no entry with a schedule, and left out"),
        (3, "':scheduler' is no entry with a schedule, and left out"),
        (9, "'c' is no entry with a schedule, and left out"),
    ]


def test_what_stands_beside_the_tasks_is_said() -> None:
    text = "x: 1\nproduction:\n  y: 2\n  a: {class: A, schedule: every day}\n"
    found = from_text(text, "solid-queue")
    assert [note.line for note in found.notes if "left out" in note.text] == [1, 3]
    plain = from_text("- 5\n- {name: a, cron: '@daily', class: A}\n", "sidekiq-cron")
    assert [note.line for note in plain.notes if "left out" in note.text] == [1]


def test_production_is_taken_of_a_recurring_file_and_the_others_are_said(tmp_path: Path) -> None:
    imported = from_example("recurring.yml")
    found = entries(imported, tmp_path)
    assert list(found) == ["periodic_cleanup", "clear_solid_queue_finished_jobs", "weekly_digest", "lunar"]
    assert any("development is left out, production taken" in note for note in said(imported))
    other = entries(from_example("recurring.yml", environment="development"), tmp_path)
    assert other["periodic_cleanup"]["crontab"] == "* * * * *"


def test_a_recurring_file_is_imported_whole(tmp_path: Path) -> None:
    imported = from_example("recurring.yml")
    found = entries(imported, tmp_path)
    assert found["periodic_cleanup"]["args"] == [1000, {"batch_size": 500}]
    assert found["periodic_cleanup"]["queue"] == "background"
    assert found["periodic_cleanup"]["crontab"] == "12 * * * *"
    cleared = found["clear_solid_queue_finished_jobs"]
    assert cleared["job"] == "onbeat.command"
    assert cleared["kwargs"]["argv"][:2] == ["bin/rails", "runner"]
    assert found["weekly_digest"]["timezone"] == "America/Chicago"
    assert any("'every full moon' is not understood" in note for note in said(imported, "lunar"))


def test_a_file_without_environments_is_known(tmp_path: Path) -> None:
    text = "a:\n  class: AJob\n  schedule: every day\n"
    assert kind_of(text, Path("-")) == "solid-queue"
    assert entries(from_text(text, "solid-queue"), tmp_path)["a"]["crontab"] == "0 0 * * *"


def test_an_environment_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(Unreadable, match="no environment 'qa'; it has: development, production"):
        from_example("recurring.yml", environment="qa")


@pytest.mark.parametrize("kind", ["sidekiq-cron", "solid-queue"])
@pytest.mark.parametrize("text", ["a: 1\n", "[]", "5", "a:\n  b:\n    c: 1\n"])
def test_a_file_without_a_schedule_is_refused(kind: str, text: str) -> None:
    with pytest.raises(Unreadable, match="no entry with a schedule"):
        from_text(text, kind)


def test_documents_after_the_first_are_said() -> None:
    found = from_text("a: {class: A, schedule: every day}\n---\nb: 1\n", "solid-queue")
    assert [note.line for note in found.notes if "first document" in note.text] == [3]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("every minute", "* * * * *"),
        ("every 5 minutes", "*/5 * * * *"),
        ("every hour", "0 * * * *"),
        ("every 6 hours", "0 */6 * * *"),
        ("every day", "0 0 * * *"),
        ("every week", "0 0 * * 0"),
        ("every month", "0 0 1 * *"),
        ("every year", "0 0 1 1 *"),
        ("every hour at minute 12", "12 * * * *"),
        ("every day at noon", "0 12 * * *"),
        ("every day at 12am", "0 0 * * *"),
        ("every day at 5:30 pm", "30 17 * * *"),
        ("at 16:00 every weekday", "0 16 * * 1-5"),
        ("every monday and thursday at 9am and 5pm", "0 9,17 * * mon,thu"),
        ("every mon to fri at 6", "0 6 * * mon-fri"),
        ("every month on the 15th at midnight", "0 0 15 * *"),
        ("every day at 9:15 and 10:30", None),
        ("every 2 weeks", None),
        ("whenever", None),
    ],
)
def test_fugits_english_is_a_crontab_where_it_can_be_one(text: str, expected: str | None) -> None:
    assert english_crontab(text) == expected


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("0 30 2 * * * Asia/Seoul", {"crontab": "30 2 * * *", "timezone": "Asia/Seoul"}),
        ("* * * * * *", {"interval": "1s"}),
        ("15,45 0 2 * * *", {"crontab": "15,45 0 2 * * *", "seconds": True}),
        ("0 5 * * mon#1", {"crontab": "0 5 * * mon#1"}),
        ("every 10 seconds", {"interval": "10s"}),
        ("@hourly", {"crontab": "@hourly"}),
        ("every day at 5am UTC", {"crontab": "0 5 * * *", "timezone": "UTC"}),
        ("0 5 * * * Mars/Base", {}),
        ("", {}),
        (None, {}),
    ],
)
def test_a_schedule_of_fugits_gets_its_zone_and_loses_its_seconds(text: object, keys: dict[str, str]) -> None:
    draft = Draft(name="a")
    set_fugit(draft, text)
    assert draft.keys == keys
    assert bool(draft.notes) is not bool(keys)


def test_a_class_gets_the_name_that_python_would_give_it() -> None:
    assert python_name("Billing::HTTPInvoiceJob") == "jobs.billing.http_invoice_job"
    assert python_name("::X") == "jobs.x"
