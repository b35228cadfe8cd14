"""`onbeat check`, `next` and `schema` as a user types them: from the file alone, with no server."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from icalendar import Calendar

from tests.support.project import Project

GOOD = """
[schedules.backup]
job = "jobs.hello"
crontab = "30 2 * * *"
timezone = "Europe/Berlin"

[schedules.often]
job = "jobs.hello"
interval = "250ms"

[schedules.off]
job = "jobs.hello"
interval = "1s"
enabled = false

[schedules.by-hand]
job = "jobs.hello"
"""

WARNED = """
[schedules.odd]
job = "jobs.hello"
crontab = "*/7 * * * *"
timeout = "1m"
"""


@pytest.fixture
def project(serverless_project: Project) -> Project:
    serverless_project.schedules(GOOD)
    return serverless_project


def test_check_of_a_good_file_says_so_in_one_line(project: Project) -> None:
    done = project.run("check")
    assert (done.code, done.out, done.err) == (0, "schedules.toml: 4 entries, no problems\n", "")


def test_check_takes_another_file(project: Project) -> None:
    project.write("other.toml", '[schedules.a]\njob = "jobs.hello"\n')
    assert project.run("check", "other.toml").out == "other.toml: 1 entry, no problems\n"
    assert project.run("check", ONBEAT_SCHEDULES="other.toml").out == "other.toml: 1 entry, no problems\n"


def test_check_lets_warnings_pass_unless_it_is_strict(project: Project) -> None:
    project.schedules(WARNED)
    warning = "crontab: */7 starts anew every hour, so its last step is 4 minutes; an interval is even [uneven-step]\n"
    excerpt = '    3 | crontab = "*/7 * * * *"\n      |            ^^^\n'
    lenient, strict = project.run("check"), project.run("check", "--strict")
    assert lenient.code == 0
    assert lenient.out == (
        f"schedules.toml:3:12: warning: {warning}{excerpt}schedules.toml: 1 entry, 1 warning\n"
    )
    assert strict.code == 3
    assert strict.out == f"schedules.toml:3:12: {warning}{excerpt}schedules.toml: 1 error\n"


def test_check_speaks_json(project: Project) -> None:
    project.schedules('[schedules.a]\njob = "jobs.helo"\n')
    done = project.run("check", "--json")
    assert done.code == 3
    assert done.out == project.run("check", "--format", "json").out
    assert json.loads(done.out) == [
        {
            "file": "schedules.toml",
            "line": 2,
            "column": 7,
            "severity": "error",
            "code": "job",
            "message": "job: no job 'jobs.helo'; did you mean 'jobs.hello'?",
            "entry": "a",
        }
    ]
    project.schedules(GOOD)
    assert json.loads(project.run("check", "--json").out) == []


def test_check_annotates_a_github_workflow(project: Project) -> None:
    project.schedules('[schedules.a]\njob = "jobs.hello"\nowner = "100%: ${NONE}"\n')
    done = project.run("check", "--format", "github")
    assert done.code == 3
    assert done.out == (
        "::error file=schedules.toml,line=3,col=16,title=onbeat variable::"
        "the variable NONE is not set; set it, or give a default: ${NONE:-…}\n"
    )


def test_check_names_a_module_of_jobs_that_can_not_be_imported(project: Project) -> None:
    project.write("jobs/broken.py", "import missing_package\n")
    done = project.run("check")
    assert done.code == 3
    assert done.out == (
        "jobs/broken.py:1:1: can't import jobs.broken: ModuleNotFoundError: No module named 'missing_package'\n"
        "    1 | import missing_package\n"
        "      | ^\n"
        "schedules.toml: 1 error\n"
    )


def test_what_a_module_prints_while_it_is_imported_is_not_in_the_document(project: Project) -> None:
    project.jobs('from scheduler import job\nprint("hi")\n\n@job\ndef hello() -> None: ...\n')
    done = project.run("check", "--json")
    assert json.loads(done.out) == []
    assert done.err == "hi\n"


def test_next_shows_the_ticks_of_an_entry_across_a_change_of_the_clock(project: Project) -> None:
    done = project.run("next", "backup", "--from", "2026-03-28T00:00Z", "--count", "3", "--json")
    assert done.code == 0
    assert json.loads(done.out) == [
        {
            "entry": "backup",
            "scheduled_at": "2026-03-28T01:30:00.000Z",
            "local": "2026-03-28T02:30:00.000+01:00",
        },
        {
            "entry": "backup",
            "scheduled_at": "2026-03-29T01:00:00.000Z",
            "local": "2026-03-29T03:00:00.000+02:00",
        },
        {
            "entry": "backup",
            "scheduled_at": "2026-03-30T00:30:00.000Z",
            "local": "2026-03-30T02:30:00.000+02:00",
        },
    ]


def test_next_reads_and_shows_times_in_the_zone_that_is_asked_for(project: Project) -> None:
    arguments = ("--from", "2026-06-01", "--until", "2026-06-02", "--timezone", "Asia/Seoul")
    (tick,) = json.loads(project.run("next", "backup", *arguments, "--json").out)
    assert tick["local"] == "2026-06-01T09:30:00.000+09:00"
    assert tick["scheduled_at"] == "2026-06-01T00:30:00.000Z"


def test_next_reads_and_shows_times_in_the_entrys_own_zone_otherwise(project: Project) -> None:
    arguments = ("--from", "2026-06-01 02:30", "--until", "2026-06-01 02:30")
    (tick,) = json.loads(project.run("next", "backup", *arguments, "--json").out)
    assert tick["local"] == "2026-06-01T02:30:00.000+02:00"


def test_next_shows_all_enabled_entries_in_the_order_of_time(project: Project) -> None:
    window = ("--from", "2026-06-01T00:29:59.750Z", "--until", "2026-06-01T00:30:00.250Z")
    ticks = json.loads(project.run("next", *window, "--json").out)
    assert [(tick["entry"], tick["scheduled_at"][-7:]) for tick in ticks] == [
        ("often", "59.750Z"),
        ("backup", "00.000Z"),
        ("often", "00.000Z"),
        ("often", "00.250Z"),
    ]


def test_next_begins_now_and_shows_ten(project: Project) -> None:
    before = datetime.now(UTC)
    ticks = json.loads(project.run("next", "--json").out)
    first = datetime.fromisoformat(ticks[0]["scheduled_at"])
    assert before <= first <= datetime.now(UTC) + timedelta(milliseconds=250)
    assert len(ticks) == 10


def test_next_is_a_file_for_calendars(project: Project) -> None:
    done = project.run("next", "backup", "--from", "2026-03-29", "-n", "2", "--format", "ics").expect()
    events = Calendar.from_ical(done.out).walk("VEVENT")
    assert [event["dtstart"].to_ical() for event in events] == [b"20260329T010000Z", b"20260330T003000Z"]
    assert project.run("next", "by-hand", "--format", "ics").out.endswith("END:VCALENDAR\r\n")


def test_next_is_a_table_for_people(project: Project) -> None:
    done = project.run("next", "backup", "--from", "2026-06-01T00:00Z", "-n", "1")
    assert done.out.splitlines() == [
        "ENTRY   LOCAL                          WHEN                      ZONE",
        "backup  2026-06-01T02:30:00.000+02:00  2026-06-01T00:30:00.000Z  Europe/Berlin",
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "err"),
    [
        (
            ["next", "bakup"],
            5,
            (
                "error: no such entry in schedules.toml: 'bakup'; did you mean 'backup'?\n"
                "  hint: `onbeat next` shows them all\n"
            ),
        ),
        (
            ["next", "by-hand"],
            0,
            (
                "by-hand has no times of its own: it runs only by hand, with `onbeat trigger by-hand`\n"
                "No tick in that time.\n"
            ),
        ),
        (
            ["next", "off", "--from", "2026-01-01", "--until", "2025-01-01"],
            0,
            "off is disabled: these are the times it would have\nNo tick in that time.\n",
        ),
        (
            ["next", "--timezone", "Mars/Olympus"],
            2,
            (
                "error: invalid value for --timezone: "
                "unknown time zone 'Mars/Olympus'; names look like 'Europe/Berlin'\n"
                "  hint: onbeat next --help\n"
            ),
        ),
        (
            ["next", "--from", "someday"],
            2,
            (
                "error: invalid value for --from: 'someday' is not a time; "
                'write "2026-11-21T14:00Z", "14:00" or a duration such as "10m"\n'
                "  hint: onbeat next --help\n"
            ),
        ),
    ],
)
def test_next_explains_what_it_can_not_show(
    project: Project, arguments: list[str], code: int, err: str
) -> None:
    done = project.run(*arguments)
    assert (done.code, done.err) == (code, err)


def test_next_of_a_file_with_errors_is_refused_with_all_of_them(project: Project) -> None:
    project.schedules('[schedules.a]\njob = "jobs.hello"\ncrontab = "75 * * * *"\n')
    done = project.run("next")
    assert done.code == 3
    assert done.err == (
        "schedules.toml:3:12: crontab: minute 75 is out of range 0-59\n"
        '    3 | crontab = "75 * * * *"\n'
        "      |            ^^\n"
        "error: schedules.toml can't be used\n"
        "  hint: `onbeat check` shows all of it\n"
    )


def test_next_has_a_limit_and_says_so(project: Project) -> None:
    window = ("--from", "2026-01-01", "--until", "2027-01-01")
    done = project.run("next", "often", *window, "-n", "5", "--json")
    assert len(json.loads(done.out)) == 5
    assert done.err == "There are more; --count shows up to 100000.\n"


def test_schema_is_written_where_schedules_toml_names_it(project: Project) -> None:
    done = project.run("schema", "--write").expect()
    assert done.out.startswith(".schedules.schema.json knows 3 jobs")
    written = json.loads((project.directory / ".schedules.schema.json").read_text())
    assert written == json.loads(project.run("schema").expect().out)


def test_schema_names_this_projects_jobs_and_their_arguments(project: Project) -> None:
    done = project.run("schema")
    assert done.code == 0
    schema = json.loads(done.out)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    names = schema["$defs"]["keys"]["properties"]["job"]["anyOf"][0]["enum"]
    assert names == ["jobs.hello", "onbeat.command", "onbeat.http"]
    rule = next(rule for rule in schema["$defs"]["entry"]["allOf"] if "jobs.hello" in json.dumps(rule["if"]))
    kwargs = rule["then"]["properties"]["kwargs"]
    assert kwargs["properties"]["name"] == {"type": "string"}
    assert kwargs["additionalProperties"] is False


def test_explain_says_in_words_what_an_entry_does(project: Project) -> None:
    done = project.run("explain", "backup")
    assert (done.code, done.err) == (0, "")
    assert "hour          2        2\n" in done.out
    assert "A time that the clock jumps over runs once, at the jump" in done.out
    assert (
        done.out.count(
            "becomes 03:00\n02:30 does not exist: the tick is at 03:00 instead.\nTicks that day: 03:00:00+02:00\n"
        )
        == 1
    )
    document = json.loads(project.run("explain", "backup", "--json").out)
    assert (document["entry"], document["timezone"]) == ("backup", "Europe/Berlin")
    assert len(document["next"]) == 5


def test_explain_of_an_interval_and_of_an_entry_that_is_run_by_hand(project: Project) -> None:
    assert "It ticks every 250ms, counted from the Unix epoch" in project.run("explain", "often").out
    assert "It has no schedule: it runs only by hand." in project.run("explain", "by-hand").out
    assert project.run("explain", "bakcup").code == 5


CROWDED = """
[defaults]
job = "jobs.hello"
crontab = "0 2 * * *"
timeout = "2h"

[schedules.a]
[schedules.b]
[schedules.c]
[schedules.d]
queue = "slow"

[schedules.often]
interval = "1h"
"""


def test_simulate_shows_a_day_minute_by_minute_and_what_would_ease_it(project: Project) -> None:
    project.schedules(CROWDED)
    project.write("times.json", '{"often": {"p50": "50m", "p95": "61m"}}')
    done = project.run("simulate", "--from", "2026-06-01", "--days", "1", "--durations", "times.json")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == "5 entries, 28 ticks from Mon 2026-06-01 00:00 to Tue 2026-06-02 00:00 UTC"
    assert lines[2] == "Ticks per minute  (· none, ▁ 1, ▅ 5)"
    assert lines[6].split() == ["02:00", "▅" + "·" * 59, "5"]
    assert "Mon 01 Jun 02:00:00  1      5         a, b, c, d, often" in lines
    assert "Run times: from times.json for 1 entry, the time-out for 4 entries." in lines
    assert any(line.startswith("often") and line.endswith("0 to 12 of 24 are skipped") for line in lines)
    assert lines[-4:-2] == [
        "move a from minute 0 to minute 1: 4 others start at :00, none at :01",
        '  crontab = "1 2 * * *", or "H 2 * * *" to leave the minute to its name',
    ]


def test_simulate_says_how_long_runs_wait_for_a_slot(project: Project) -> None:
    project.schedules(CROWDED)
    project.write("times.json", '{"often": 30, "a": "10m", "b": {"p50": "1m", "p95": "20m"}, "d": 5}')
    arguments = ("simulate", "--from", "2026-06-01", "--durations", "times.json", "--slots", "1")
    lines = [
        line.split("  ") for line in project.run(*arguments, "--slots", "slow=2").expect().out.splitlines()
    ]
    table = [[word.strip() for word in line if word] for line in lines[lines.index(["Waits"]) :]]
    assert table[1] == ["Slots: 3, as given."]
    assert table[4] == [
        "default", "1", "10% to 11%", "25", "3", "11m to 30m", "2h 11m to 2h 30m", "Mon 01 Jun 02:00:00",
    ]  # fmt: skip
    assert table[5][:5] == ["slow", "3", "3% to 4%", "1", "0"]
    assert ["often", "24", "1", "2h 11m to 2h 30m", "2", "0"] in table
    refused = project.run(*arguments[:-1], "many").expect(2)
    assert "'many' is no number of slots; write 8, or reports=2" in refused.err


def test_simulate_speaks_json_for_another_file_and_some_queues(project: Project) -> None:
    project.write("other.toml", CROWDED)
    found = (
        project.run("simulate", "other.toml", "--from", "2026-06-01", "-Q", "slow", "--json").expect().json()
    )
    assert (found["from"], found["until"]) == ("2026-06-01T00:00:00.000Z", "2026-06-02T00:00:00.000Z")
    assert (found["entries"], found["ticks"], len(found["by_minute"])) == (1, 1, 1440)
    assert found["run_times_from"] == (
        "the time-out for 1 entry; no server was asked (no server is configured)"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["--queue", "sluw"], 5, "no entry has the queue 'sluw'; did you mean 'slow'?"),
        (["--until", "2020-01-01"], 2, "--until is not later than --from"),
        (["--until", "2d", "--days", "1"], 2, "--until and --days both say where it ends; give one of them"),
        (["--until", "60d"], 2, "that is more than 35 days; give an earlier --until"),
        (["--durations", "none.json"], 2, "none.json: no such file or directory"),
    ],
)
def test_simulate_explains_what_it_can_not_do(
    project: Project, arguments: list[str], code: int, error: str
) -> None:
    project.schedules(CROWDED)
    done = project.run("simulate", *arguments)
    assert (done.code, done.out) == (code, "")
    assert done.err.splitlines()[0].lower() == f"error: {error}".lower()
