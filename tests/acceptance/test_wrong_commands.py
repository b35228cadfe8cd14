"""A tour of wrong commands and environments, as a user types them: the exact message and exit code of each."""

import sys
from collections.abc import Callable
from datetime import timedelta

import pytest

from scheduler.entry import Entry
from scheduler.schedule import Interval
from scheduler.store import Keys, Store, connect
from tests.support.commands import Onbeat
from tests.support.process import finished
from tests.support.project import Project
from tests.support.server import free_port
from tests.support.valkey import ValkeyServer
from tests.support.website import website

# Root reads every file; without these two capabilities it is held to a file's mode like anybody else.
WITHOUT_PRIVILEGE = (
    sys.executable,
    "-c",
    (
        "import ctypes, os, sys\n"
        "for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH\n"
        "    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'scheduler', *sys.argv[1:]])"
    ),
)


@pytest.fixture
def scheduled(project: Project, valkey: ValkeyServer) -> Project:
    """A project whose entries `hello` and `backup` are in the store; nothing runs them."""
    store = Store(connect(valkey.url), Keys())
    names = ("hello", "backup")
    entries = {
        name: Entry(name=name, job="jobs.hello", schedule=Interval(timedelta(hours=1))) for name in names
    }
    store.entries.apply(entries, digest="d1", revision=0, now=store.presence.now(), by="test")
    store.close()
    return project


def in_words(value: object) -> str:
    """Only the command names a case."""
    return " ".join(value) if isinstance(value, list) else ""


def error(message: str, hint: str | None = None) -> str:
    return f"error: {message}\n" + (f"  hint: {hint}\n" if hint else "")


USAGE = [
    (
        ["entires"],
        "no such command: 'entires'; did you mean 'entries'?",
        "onbeat --help",
    ),
    (["frobnicate"], "no such command: 'frobnicate'", "onbeat --help"),
    (["runs", "--jsn"], "no such option: '--jsn'; did you mean '--json'?", "onbeat runs --help"),
    (["show"], "missing argument 'ENTRY'", "onbeat show --help"),
    (["show", "a", "b"], "got unexpected extra argument (b)", "onbeat show --help"),
    (
        ["runs", "--state", "broken"],
        (
            "invalid value for '--state': 'broken' is not one of 'queued', 'running', 'retrying', 'succeeded', "
            "'failed', 'skipped', 'expired', 'cancelled'"
        ),
        "onbeat runs --help",
    ),
    (
        ["runs", "--limit", "0"],
        "invalid value for '-n' / '--limit': 0 is not in the range 1<=x<=10000",
        "onbeat runs --help",
    ),
    (
        ["runs", "--since", "yesterday"],
        (
            "invalid value for '--since': 'yesterday' is not a time; write \"2026-11-21T14:00Z\", \"14:00\" or a "
            'duration such as "10m"'
        ),
        "onbeat runs --help",
    ),
    (
        ["trigger", "hello", "--at", "25:00"],
        (
            "invalid value for '--at': '25:00' is not a time; write \"2026-11-21T14:00Z\", \"14:00\" or a "
            'duration such as "10m"'
        ),
        "onbeat trigger --help",
    ),
    (
        ["trigger", "hello", "--kwargs", "{region: eu}"],
        (
            "invalid value for --kwargs: not JSON: Expecting property name enclosed in double quotes: line 1 column 2 "
            "(char 1)"
        ),
        "onbeat trigger --help",
    ),
    (
        ["trigger", "hello", "--kwargs", "[1]"],
        'invalid value for --kwargs: must be an object such as {"region": "eu"}',
        "onbeat trigger --help",
    ),
    (
        ["pause", "hello", "--for", "1 fortnight", "--reason", "x"],
        (
            "invalid value for '--for': '1 fortnight' is not a duration: 'fortnight' is not a unit; the units are "
            "w d h m s ms"
        ),
        "onbeat pause --help",
    ),
    (["pause", "hello"], "missing option '--reason'", "onbeat pause --help"),
    (
        ["pause", "hello", "--reason", " "],
        "invalid value for --reason: say why, for whoever finds it paused",
        "onbeat pause --help",
    ),
    (["pause", "--reason", "x"], "name an entry, or give --all", "onbeat pause --help"),
    (
        ["pause", "hello", "--all", "--reason", "x"],
        "give an entry or --all, not both",
        "onbeat pause --help",
    ),
    (["resume"], "name an entry, or give --all", "onbeat resume --help"),
    (
        ["health", "boat"],
        "invalid value for '{beat|worker|web}': 'boat' is not one of 'beat', 'worker', 'web'",
        "onbeat health --help",
    ),
]


@pytest.mark.parametrize(("arguments", "message", "hint"), USAGE, ids=in_words)
def test_wrong_use_ends_with_2(onbeat: Onbeat, arguments: list[str], message: str, hint: str) -> None:
    ended = onbeat(*arguments)
    assert (ended.code, ended.out, ended.err) == (2, "", error(message, hint))


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["show", "helo"], "no entry 'helo'; did you mean 'hello'?", "`onbeat entries` lists them"),
        (["trigger", "nothing"], "no entry 'nothing'", "`onbeat entries` lists them"),
        (["runs", "bakcup"], "no entry 'bakcup'; did you mean 'backup'?", "`onbeat entries` lists them"),
        (["pause", "x", "--reason", "y"], "no entry 'x'", "`onbeat entries` lists them"),
        (["run", "0000"], "no run '0000'", "`onbeat runs` lists what is on record"),
        (
            ["logs", "helo"],
            "no run or entry 'helo'; did you mean 'hello'?",
            "`onbeat runs` and `onbeat entries` list what there is",
        ),
        (["logs", "hello"], "'hello' has not run yet", "`onbeat show hello` says when it will"),
    ],
    ids=in_words,
)
def test_what_does_not_exist_ends_with_5(
    scheduled: Project,
    onbeat: Onbeat,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
    hint: str,
) -> None:
    monkeypatch.setenv("ONBEAT_REDIS_URL", scheduled.environ["ONBEAT_REDIS_URL"])
    ended = onbeat(*arguments)
    assert (ended.code, ended.out, ended.err) == (5, "", error(message, hint))


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("ONBEAT_WEB_PORT", "abc", "ONBEAT_WEB_PORT: 'abc' is not a whole number"),
        (
            "ONBEAT_REDIS_URL",
            "http://me:hush@mars:1",
            (
                "ONBEAT_REDIS_URL: 'http://me:***@mars:1' has the scheme 'http'; use redis, rediss, unix, sentinel or "
                "cluster"
            ),
        ),
        (
            "ONBEAT_LOG_LEVEL",
            "wraning",
            "ONBEAT_LOG_LEVEL: 'wraning' is not one of debug, info, warning, error, critical; did you mean 'warning'?",
        ),
    ],
)
def test_a_wrong_setting_ends_with_3(
    serverless_project: Project, variable: str, value: str, message: str
) -> None:
    serverless_project.environ[variable] = value
    ended = serverless_project.run("entries")
    hint = "correct the value, or remove it for the default"
    assert (ended.code, ended.out, ended.err) == (3, "", error(message, hint))


def test_a_broken_pyproject_ends_with_3(serverless_project: Project) -> None:
    serverless_project.write("pyproject.toml", "[tool.onbeat\n")
    ended = serverless_project.run("entries").expect(3)
    assert ended.err.startswith("error: pyproject.toml: Expected ']' at the end of a table declaration")


def test_a_file_that_may_not_be_read_ends_with_3(serverless_project: Project) -> None:
    serverless_project.write(".env", "ONBEAT_REVISION=1\n").chmod(0)
    ended = finished(
        "settings",
        directory=serverless_project.directory,
        environ=serverless_project.environ,
        program=WITHOUT_PRIVILEGE,
    )
    assert (ended.code, ended.err) == (
        3,
        error(".env: permission denied", "make the file readable for this user"),
    )


def test_a_real_process_says_the_same(scheduled: Project) -> None:
    """The two tests above run in this process, for speed."""
    ended = scheduled.run("entires")
    message = "no such command: 'entires'; did you mean 'entries'?"
    assert (ended.code, ended.out, ended.err) == (2, "", error(message, "onbeat --help"))
    ended = scheduled.run("show", "helo")
    message = "no entry 'helo'; did you mean 'hello'?"
    assert (ended.code, ended.out, ended.err) == (5, "", error(message, "`onbeat entries` lists them"))


def test_without_a_server_the_way_to_one_is_named(serverless_project: Project) -> None:
    ended = serverless_project.run("status")
    hint = "start `onbeat up` here or set ONBEAT_REDIS_URL"
    assert (ended.code, ended.out, ended.err) == (4, "", error("no server is configured", hint))


def test_a_server_that_is_down_ends_with_4_and_no_password_is_shown(serverless_project: Project) -> None:
    port = free_port()
    ended = serverless_project.run("entries", ONBEAT_REDIS_URL=f"redis://:hush@127.0.0.1:{port}/0")
    message = f"127.0.0.1:{port} can't be reached: connection refused"
    assert (ended.code, ended.err) == (4, error(message, "is the server running there?"))


def test_a_socket_that_is_not_there_ends_with_4(serverless_project: Project) -> None:
    ended = serverless_project.run("entries", ONBEAT_REDIS_URL="unix:///nowhere/valkey.sock")
    message = "/nowhere/valkey.sock can't be reached: no such file or directory"
    assert (ended.code, ended.err) == (4, error(message, "is the server running there?"))


@pytest.mark.parametrize(
    ("credentials", "why"), [("", "it wants a password"), (":wrong@", "wrong user or password")]
)
def test_a_wrong_password_ends_with_4(
    serverless_project: Project, new_valkey: Callable[..., ValkeyServer], credentials: str, why: str
) -> None:
    server = new_valkey(requirepass="hush")
    ended = serverless_project.run(
        "entries", ONBEAT_REDIS_URL=f"redis://{credentials}127.0.0.1:{server.port}"
    )
    hint = "check the user and the password in ONBEAT_REDIS_URL"
    assert (ended.code, ended.err) == (4, error(f"127.0.0.1:{server.port} refuses us: {why}", hint))


def test_a_database_that_does_not_exist_ends_with_4(
    serverless_project: Project, valkey: ValkeyServer
) -> None:
    ended = serverless_project.run("entries", ONBEAT_REDIS_URL=f"redis://127.0.0.1:{valkey.port}/99")
    hint = "check the database number in ONBEAT_REDIS_URL"
    assert (ended.code, ended.err) == (4, error(f"127.0.0.1:{valkey.port} has no such database", hint))


def test_what_is_no_redis_server_ends_with_4(serverless_project: Project) -> None:
    with website() as site:
        ended = serverless_project.run("entries", ONBEAT_REDIS_URL=site.url.replace("http", "redis"))
    assert ended.code == 4
    assert "answers, but not as a Redis server does\n  hint: is it the right host and port" in ended.err


def test_a_key_that_an_acl_forbids_ends_with_4_and_says_what_to_allow(
    serverless_project: Project, new_valkey: Callable[..., ValkeyServer]
) -> None:
    server = new_valkey()
    server.client().acl_setuser(
        "ours", enabled=True, passwords=["+hush"], keys=["app:*"], categories=["+@all"]
    )
    url = f"redis://ours:hush@127.0.0.1:{server.port}/0"
    ended = serverless_project.run("entries", ONBEAT_REDIS_URL=url)
    assert ended.code == 4
    assert "refuses us: " in ended.err
    assert "hint: allow this user every key" in ended.err
    serverless_project.run("entries", ONBEAT_REDIS_URL=url, ONBEAT_KEY_PREFIX="app:").expect(0)


def test_a_frozen_server_ends_with_4_within_seconds(
    serverless_project: Project, new_valkey: Callable[..., ValkeyServer]
) -> None:
    server = new_valkey()
    server.freeze()
    ended = serverless_project.run("entries", ONBEAT_REDIS_URL=server.url, within=10)
    hint = "is the server overloaded, or cut off?"
    assert (ended.code, ended.err) == (4, error(f"127.0.0.1:{server.port} does not answer in time", hint))


def test_a_health_check_of_a_frozen_server_says_no(
    serverless_project: Project, new_valkey: Callable[..., ValkeyServer]
) -> None:
    server = new_valkey()
    server.freeze()
    ended = serverless_project.run("health", "beat", ONBEAT_REDIS_URL=server.url, within=5)
    assert (ended.code, ended.err) == (1, "")
    assert ended.out == f"beat is not well: 127.0.0.1:{server.port} does not answer in time\n"


def test_the_embedded_server_of_an_onbeat_up_that_was_killed_is_out_of_reach(
    serverless_project: Project,
) -> None:
    serverless_project.write(".onbeat/redis-url", "unix:///nowhere/valkey.sock")
    ended = serverless_project.run("entries")
    message = "/nowhere/valkey.sock can't be reached: no such file or directory"
    hint = "`onbeat up` ended without tidying up; start it again"
    assert (ended.code, ended.err) == (4, error(message, hint))


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_error(scheduled: Project, closed: str) -> None:
    line = f"exec {sys.executable} -m scheduler entries {closed}"
    place = {"directory": scheduled.directory, "environ": scheduled.environ}
    ended = finished("-c", line, program=("/bin/sh",), **place)  # type: ignore[arg-type]
    assert (ended.code, ended.err) == (0, "")
    assert ("backup" in ended.out) == (closed == "2>&-")


def test_a_reader_that_goes_away_is_no_error(scheduled: Project) -> None:
    """As in `onbeat entries | true`."""
    program = (
        sys.executable,
        "-c",
        (
            "import os, subprocess, sys\n"
            "reader, writer = os.pipe(); os.close(reader)\n"
            "sys.exit(subprocess.run([sys.executable, '-m', 'scheduler', *sys.argv[1:]], stdout=writer).returncode)"
        ),
    )
    ended = finished("entries", directory=scheduled.directory, environ=scheduled.environ, program=program)
    assert (ended.code, ended.err) == (141, "")
