"""`onbeat plan` and `onbeat apply`, as a user types them."""

from tests.support.project import Project

OLD = """
[schedules.kept]
job = "jobs.hello"
crontab = "0 9 * * *"
[schedules.moved]
job = "jobs.hello"
crontab = "0 9 * * *"
[schedules.gone]
job = "jobs.hello"
interval = "1d"
"""
NEW = """
[schedules.kept]
job = "jobs.hello"
crontab = "0 9 * * *"
[schedules.moved]
job = "jobs.hello"
crontab = "0 10 * * *"
[schedules.fresh]
job = "jobs.hello"
interval = "12h"
"""


def test_two_files_are_compared_without_a_server(serverless_project: Project) -> None:
    project = serverless_project
    project.write("old.toml", OLD)
    project.schedules(NEW)
    found = project.run("plan", "--against", "old.toml", "--json").expect(6).json()
    assert (found["added"], found["changed"], found["removed"]) == (["fresh"], ["moved"], ["gone"])
    assert found["unchanged"] == ["kept"]
    assert found["ticks"] == {"gained": 14, "lost": 7, "moved": 7}
    first = found["moves_by_entry"]["moved"][0]
    assert (first["before"][10:], first["after"][10:]) == ("T09:00:00.000Z", "T10:00:00.000Z")
    assert project.run("plan", "--against", "schedules.toml").expect(0).out == (
        "Nothing to change: 3 entries are as the file says.\n"
    )


def test_the_plan_reads_well_for_people_and_in_a_pull_request(serverless_project: Project) -> None:
    project = serverless_project
    project.write("old.toml", OLD)
    project.schedules(NEW)
    assert project.run("plan", "--against", "old.toml").out.splitlines() == [
        "+ fresh  every 12h: jobs.hello",
        "    ticks of the next 7 days: 14 gained",
        "~ moved  schedule: 0 9 * * * UTC → 0 10 * * * UTC",
        "    ticks of the next 7 days: 7 moved (09:00 → 10:00)",
        "- gone  removed",
        "    ticks of the next 7 days: 7 lost",
        "",
        "1 added, 1 changed, 1 removed, 1 unchanged; ticks of the next 7 days: 14 gained, 7 lost, 7 moved",
    ]
    markdown = project.run("plan", "--against", "old.toml", "--format", "markdown").expect(6).out
    assert (
        "| `~` | `moved` | schedule: 0 9 * * * UTC → 0 10 * * * UTC | 7 moved (09:00 → 10:00) |" in markdown
    )


def test_apply_puts_the_file_in_force_and_the_plan_is_empty_then(project: Project) -> None:
    project.schedules(OLD)
    assert project.run("plan").expect(6).out.startswith("+ kept")
    assert project.run("apply").expect(0).out == "schedules.toml is in force: 3 added.\n"
    project.run("plan").expect(0)
    assert project.run("apply").expect(0).out == "schedules.toml is in force: nothing had to be changed.\n"
    names = [entry["entry"] for entry in project.run("entries", "--json").json()]
    assert names == ["gone", "kept", "moved"]


def test_a_file_that_cannot_be_used_is_refused_and_changes_nothing(project: Project) -> None:
    project.schedules(OLD)
    project.run("apply").expect(0)
    project.schedules(NEW.replace("12h", "12x"))
    for command in ("plan", "apply"):
        ended = project.run(command).expect(3)
        assert "schedules.toml:9:12" in ended.err
    assert len(project.run("entries", "--json").json()) == 3


def test_a_lower_revision_never_replaces_a_higher_one(project: Project) -> None:
    project.schedules(OLD)
    project.run("apply", ONBEAT_REVISION="7").expect(0)
    project.schedules(NEW)
    ended = project.run("apply", ONBEAT_REVISION="6").expect(1)
    assert ended.err == (
        "error: the store has revision 7, and schedules.toml comes with 6\n"
        "  hint: set ONBEAT_REVISION to the number of this build\n"
    )
    project.run("apply", ONBEAT_REVISION="8").expect(0)
