"""Calendars at work: what is excluded is recorded, said and counted, and a changed ICS file is taken."""

from datetime import UTC, datetime, timedelta

from tests.support.project import Project

ICS = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//tests//EN
BEGIN:VEVENT
UID:closed
DTSTART;VALUE=DATE:{:%Y%m%d}
DURATION:P2D
SUMMARY:Inventory
END:VEVENT
END:VCALENDAR
"""
SCHEDULES = """
[calendars.closed]
ics = "company.ics"

[schedules.closing]
job = "jobs.hello"
interval = "1s"
exclude = ["closed"]

[schedules.opening]
job = "jobs.hello"
interval = "1s"
on_holiday = "run"
"""


def write(project: Project, name: str, day: datetime) -> None:
    project.write(name, ICS.format(day))


def test_ticks_on_closed_days_are_recorded_and_a_changed_calendar_is_taken(project: Project) -> None:
    today = datetime.now(UTC)
    far = today + timedelta(days=30)
    write(project, "company.ics", today)
    project.schedules(SCHEDULES)
    with project.start("beat") as beat:
        skipped = beat.wait_for_event("tick.skipped", entry="closing")
        assert skipped["disposition"] == "skipped_calendar"
        assert skipped["reason"] == "excluded by calendar closed: Inventory"
        beat.wait_for_event("tick.dispatched", entry="opening")

        why = project.run("why", "closing", skipped["scheduled_at"]).expect().out
        assert "excluded by calendar closed: Inventory" in why
        shown = project.run("show", "closing", "--json").expect().json()
        assert shown["exclude"] == ["closed"]
        assert shown["ledger"]["skipped_calendar"] == shown["ledger"]["expected"] > 0
        assert shown["next"][0][:10] == f"{today + timedelta(days=2):%Y-%m-%d}"

        write(project, "moved.ics", far)
        project.write("moved.toml", SCHEDULES.replace("company", "moved"))
        planned = project.run("plan", "moved.toml", "--json").expect(6).json()
        assert planned["changed"] == ["closing"]
        assert planned["ticks"]["gained"] > 80_000

        write(project, "company.ics", far)
        beat.wait_for_event("schedules.applied", changed=1)
        beat.wait_for_event("tick.dispatched", entry="closing")
