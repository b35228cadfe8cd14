"""Schedules in several files and several environments, as a user has them."""

from tests.support.project import Project

MAIN = """
include = ["teams/*.toml"]
[schedules.main]
job = "jobs.hello"
crontab = "0 9 * * *"
[env.live.schedules.main]
crontab = "0 10 * * *"
kwargs = { name = "live" }
"""
TEAM = """
[schedules.team]
job = "jobs.hello"
"""


def test_commands_read_all_files_in_the_environment_that_is_chosen(serverless_project: Project) -> None:
    project = serverless_project
    project.schedules(MAIN)
    project.write("teams/a.toml", TEAM)
    assert project.run("check").out == "schedules.toml: 2 entries, no problems\n"
    arguments = ("main", "-n", "1", "--from", "2027-01-01", "--json")
    (tick,) = project.run("next", *arguments).expect().json()
    assert tick["scheduled_at"] == "2027-01-01T09:00:00.000Z"
    (tick,) = project.run("next", *arguments, "--env", "live").expect().json()
    assert tick["scheduled_at"] == "2027-01-01T10:00:00.000Z"
    explained = project.run("explain", "main", "--json", ONBEAT_ENV="live").expect().json()
    assert explained["schedule"] == "0 10 * * *"
    wrong = project.run("plan", "--env", "life")
    assert (wrong.code, wrong.out) == (3, "")
    assert "schedules.toml:5:2: there is no environment 'life'; did you mean 'live'?" in wrong.err
    assert "`onbeat check --env life` shows all of it" in wrong.err


def test_a_beat_applies_all_files_and_says_for_which_environment(project: Project) -> None:
    project.schedules(MAIN)
    project.write("teams/a.toml", TEAM)
    with project.start("beat", ONBEAT_ENV="live") as beat:
        assert beat.wait_for_event("schedules.applied", added=2)["env"] == "live"
        found = project.run("show", "main", "--json").expect().json()
        assert (found["schedule"], found["kwargs"]) == ("0 10 * * *", {"name": "live"})
        assert project.run("status", "--json").expect().json()["schedules"]["env"] == "live"
        assert "environment live" in project.run("status").expect().out
    assert project.run("plan", "--env", "live").expect(0).out.startswith("Nothing to change")
    done = project.run("apply").expect()
    assert done.out == "schedules.toml is in force: 1 changed.\n"
    assert project.run("status", "--json").json()["schedules"]["env"] is None
