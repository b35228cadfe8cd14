"""`onbeat check` and the schema say the same of every key: of what is good, and of what is wrong."""

import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from scheduler.entry_keys import CHECKS
from scheduler.job_catalogue import JobCatalogue
from scheduler.reading.schedule_file import TOP_LEVEL, read_schedules
from scheduler.reading.schedule_schema import schema_of
from scheduler.retry import RETRY_KEYS
from tests.support.schedule_files import JOBS

SCHEMA = Draft202012Validator(schema_of(JOBS))

DURATION = (
    ['"90s"', '"1h30m"', '"250ms"', "0.5", '"${LIMIT:-5m}"'],
    ['"5 minutes"', '""', "-1", "true", "[]"],
)
TEXT = (['"some words"', '"${WHO:-me}"'], ["5", "true", "[]"])
COUNT = (["1", "1_000_000"], ["0", "-1", "1_000_001", "1.5", '"1"', "true"])
SWITCH = (["true", "false"], ["1", '"true"'])
MOMENT = (
    ['"2027-01-01T00:00:00Z"', '"${AT:-2027-01-01T00:00:00Z}"', '"2027-01-01T00:00:00+01:00"'],
    ["5", "true"],
)

# Of each key some values that are good and some that are wrong; a value may bring the lines that it needs.
ENTRY: dict[str, tuple[list[str], list[str]]] = {
    "job": (['"jobs.tidy"', '"${JOB:-jobs.tidy}"'], ['"jobs.tidi"', "5", '""']),
    "crontab": (
        ['"30 2 * * *"', '"@daily"', '["0 1 * * *", "H 2 L * *"]'],
        ['"* * *"', '""', "[]", "5", "[5]"],
    ),
    "seconds": (
        ['true\ncrontab = "0 0 2 * * *"', 'false\ncrontab = "0 2 * * *"'],
        ['1\ncrontab = "0 2 * * *"', "true\ninterval = 60"],
    ),
    "interval": (
        DURATION[0],
        [*DURATION[1], '"5m"\ncrontab = "@daily"', '"5m"\nat = "2027-01-01T00:00:00Z"'],
    ),
    "rrule": (
        ['"FREQ=DAILY"', '"RRULE:FREQ=MONTHLY;BYDAY=-1FR"'],
        ['"daily"', "5", '"FREQ=DAILY"\ninterval = 5'],
    ),
    "at": ([*MOMENT[0], '["2027-01-01T00:00:00Z"]'], [*MOMENT[1], "[]", "[5]"]),
    "solar": (
        [
            '{ event = "sunset", latitude = 52.5, longitude = 13.4 }',
            '"noon"\nlatitude = 52.5\nlongitude = 13.4',
        ],
        [
            '{ event = "midnight", latitude = 52.5, longitude = 13.4 }',
            "{}",
            "5",
            '{ event = "noon", height = 5 }',
        ],
    ),
    "latitude": (
        ['1\nlongitude = 1\nsolar = "noon"'],
        ['91\nlongitude = 1\nsolar = "noon"', '"1"\nlongitude = 1\nsolar = "noon"'],
    ),
    "longitude": (
        ['-180\nlatitude = 1\nsolar = "noon"'],
        ['181\nlatitude = 1\nsolar = "noon"', 'true\nlatitude = 1\nsolar = "noon"'],
    ),
    "jitter": (
        [f"{each}\ninterval = 60" for each in DURATION[0]],
        [f"{each}\ninterval = 60" for each in DURATION[1]],
    ),
    "anchor": ([f"{each}\ninterval = 60" for each in MOMENT[0]], [*MOMENT[1], MOMENT[0][0]]),
    "dst_gap": (
        ['"skip"\ncrontab = "@daily"', '"${GAP:-skip}"\ncrontab = "@daily"'],
        ['"jump"\ncrontab = "@daily"', '"skip"\ninterval = 60', "5"],
    ),
    "dst_fold": (
        ['"both"\ncrontab = "@daily"'],
        ['"third"\ncrontab = "@daily"', '"both"\ninterval = 60', "5"],
    ),
    "starts_at": ([f"{each}\ninterval = 60" for each in MOMENT[0]], MOMENT[1]),
    "ends_at": ([f"{each}\ninterval = 60" for each in MOMENT[0]], MOMENT[1]),
    "timezone": (['"Europe/Berlin"', '"UTC"', '"${TZ:-UTC}"'], ['"Europe/Berlim"', '""', "5"]),
    "exclude": (
        ['["* 2 * * *"]\ninterval = 60', '["closed"]\ninterval = 60', "[]\ninterval = 60"],
        ["5", "[5]", '[""]'],
    ),
    "on_holiday": (['"next"\nexclude = ["closed"]\ncrontab = "@daily"'], ['"sometimes"', "5"]),
    "holidays": (['["closed"]\non_holiday = "skip"\ncrontab = "@daily"'], ["5", "[5]"]),
    "args": (
        ["[]", '["eu"]\njob = "jobs.nightly"', '["eu", 5]\njob = "jobs.nightly"'],
        ['"eu"', "[1]", '[5]\njob = "jobs.nightly"'],
    ),
    "kwargs": (
        ['{ region = "eu" }\njob = "jobs.nightly"'],
        ["5", "{ x = 1 }", '{ region = 5 }\njob = "jobs.nightly"'],
    ),
    "queue": (['"slow"', '"${QUEUE:-slow}"'], ["5", '"two words"', '""']),
    "priority": (["0", "9"], ["10", "-1", "1.5", '"1"', "true"]),
    "rate_limit": (['"10/m"', '"1/90s"', '"${RATE:-100/h}"'], ['"10"', '"ten/m"', "5", '"0/m"']),
    "timeout": DURATION,
    "soft_timeout": DURATION,
    "retry": (["{}", "{ max_attempts = 3 }"], ["5", "{ attempts = 2 }"]),
    "enabled": SWITCH,
    "overlap": (['"skip"', '"queue"', '"allow"', '"replace"', '"${OVERLAP:-skip}"'], ['"never"', "true"]),
    "max_active": COUNT,
    "group": (['"nightly"'], ["5", '"two words"', '""']),
    "catchup": (['"none"', '"latest"', '"all"'], ['"some"', "true"]),
    "catchup_window": DURATION,
    "catchup_spread": (
        ['"10m"\ncatchup = "all"\ninterval = 60'],
        [f'{each}\ncatchup = "all"' for each in DURATION[1]],
    ),
    "start_deadline": DURATION,
    "max_runs": ([f"{each}\ninterval = 60" for each in COUNT[0]], COUNT[1]),
    "after": (['"b"', '["b"]'], ["5", "[5]", "[]", '""']),
    "after_failed": (['"b"', '["b"]'], ["5", "true", "[]", '""']),
    "allow": (
        ['{ no-timeout = "it is short" }\ninterval = 60', "{}"],
        ["5", '{ zzz = "x" }', "{ no-timeout = true }", '{ no-timeout = "" }'],
    ),
    "description": TEXT,
    "owner": TEXT,
    "tags": (['["a", "b"]', "[]"], ['"a"', "[1]"]),
    "runbook": TEXT,
    "keep_runs": COUNT,
    "keep_for": DURATION,
}
RETRY: dict[str, tuple[list[str], list[str]]] = {
    "max_attempts": (["1", "3"], ["0", "1.5", '"3"', "true"]),
    "backoff": (['"exponential"', '"linear"', '"fixed"'], ['"quadratic"', "5"]),
    "initial": (DURATION[0][:1], DURATION[1]),
    "max": (DURATION[0][:2], DURATION[1]),
    "jitter": (["0", "0.5", "1"], ["-0.1", "1.1", '"0.5"', "true"]),
    "on": (['["OSError"]', "[]"], ['"OSError"', "[1]"]),
    "give_up_on": (['["ValueError"]'], ['"ValueError"', "[1]"]),
    "on_lost": SWITCH,
}
FILE: dict[str, tuple[list[str], list[str]]] = {
    "include": (["include = []"], ['include = "a.toml"', "include = [5]", 'include = [""]']),
    "secrets": (['secrets = ["TOKEN"]'], ['secrets = "TOKEN"', 'secrets = ["two words"]']),
    "defaults": (
        ['[defaults]\nowner = "data"'],
        ["defaults = 5", "[defaults]\nzzz = 1", "[defaults]\nowner = 5"],
    ),
    "env": (
        [
            "[env.live.defaults]\nenabled = false",
            '[env.live.schedules.a]\nqueue = "q"',
            "[env.live]",
            "[env]",
        ],
        [
            "env = 5",
            "[env.live.zzz]",
            "[env.live.schedules]\na = 5",
            '[env."a b"]',
            "[env.live.defaults]\nzzz = 1",
        ],
    ),
    "calendars": (
        ['[calendars.other]\ncountry = "DE"\nsubdivision = "BY"', '[calendars.other]\nweekdays = ["sat"]'],
        [
            "calendars = 5",
            "[calendars.other]",
            '[calendars.other]\ncountry = "XX"',
            "[calendars.other]\nzzz = 1",
        ],
    ),
    "schedules": (
        ['[schedules."b.c"]\njob = "jobs.tidy"'],
        ["[schedules]\nb = 5", '[schedules."b c"]\njob = "jobs.tidy"'],
    ),
}


OTHERS = """
[schedules.b]
job = "jobs.tidy"
interval = 60
[calendars.closed]
dates = ["2027-01-01"]
"""


def entry(lines: str) -> str:
    job = "" if "job = " in lines else 'job = "jobs.tidy"\n'
    return f"[schedules.a]\n{job}{lines}{OTHERS}"


CASES = [
    *(("good", entry(f"{key} = {text}")) for key, (good, _) in ENTRY.items() for text in good),
    *(("wrong", entry(f"{key} = {text}")) for key, (_, wrong) in ENTRY.items() for text in wrong),
    *(("good", entry(f"retry = {{ {key} = {text} }}")) for key, (good, _) in RETRY.items() for text in good),
    *(
        ("wrong", entry(f"retry = {{ {key} = {text} }}"))
        for key, (_, wrong) in RETRY.items()
        for text in wrong
    ),
    *(("good", f'{text}\n[schedules.a]\njob = "jobs.tidy"\n') for good, _ in FILE.values() for text in good),
    *(
        ("wrong", f'{text}\n[schedules.a]\njob = "jobs.tidy"\n')
        for _, wrong in FILE.values()
        for text in wrong
    ),
]


def test_every_key_is_among_them() -> None:
    assert set(ENTRY) == set(CHECKS)
    assert set(RETRY) == set(RETRY_KEYS)
    assert set(FILE) == set(TOP_LEVEL)
    assert all(good and wrong for cases in (ENTRY, RETRY, FILE) for good, wrong in cases.values())


@pytest.mark.parametrize(("verdict", "text"), CASES)
def test_check_and_the_schema_agree(tmp_path: Path, verdict: str, text: str) -> None:
    path = tmp_path / "s.toml"
    path.write_text(text)
    file = read_schedules(path, catalogue=JobCatalogue(JOBS), environ={}, every_environment=True)
    errors = [problem.text() for problem in file.errors]
    said = [f"{error.json_path}: {error.message}" for error in SCHEMA.iter_errors(tomllib.loads(text))]
    assert ("wrong" if errors else "good") == verdict, errors
    assert ("wrong" if said else "good") == verdict, said
