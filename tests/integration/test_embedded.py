"""The server that `onbeat up` brings along: one for each folder, durable, and gone when it should be."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from scheduler.embedded import FOLDER, EmbeddedServer
from scheduler.errors import OnbeatError, Unreachable, UsageProblem
from tests.support.children import kill_all, launch, new_mark
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]


@pytest.fixture
def new_server(tmp_path: Path) -> Iterator[Callable[..., EmbeddedServer]]:
    """Makes servers whose end the test need not see to."""
    made: list[EmbeddedServer] = []

    def make(directory: Path = tmp_path) -> EmbeddedServer:
        server = EmbeddedServer(directory)
        made.append(server)
        return server

    yield make
    for server in made:
        server.stop()


def client(url: str) -> "redis.Redis":
    return redis.Redis.from_url(url, decode_responses=True, socket_timeout=5)


def answer(url: str, *command: str) -> Any:
    with client(url) as connection:
        return connection.execute_command(*command)


def started(server: EmbeddedServer) -> str:
    server.claim_folder()
    return server.start()


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A path that leaves room for a socket's, wherever pytest keeps its own."""
    with tempfile.TemporaryDirectory(prefix="ob") as folder:
        yield Path(folder)


def test_it_answers_where_the_file_says_and_is_durable(short_folder: Path, new_server: Any) -> None:
    url = started(server := new_server(short_folder))
    assert url == (short_folder / ".onbeat/redis-url").read_text().strip()
    assert url == f"unix://{short_folder}/.onbeat/valkey.sock?db=0"
    with client(url) as connection:
        config = connection.config_get("*")
    expected = {
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "port": "0",
        "save": "",
    }
    assert expected.items() <= config.items()
    for secret in ("redis-url", "valkey.conf", "up.lock"):
        assert stat.S_IMODE((short_folder / ".onbeat" / secret).stat().st_mode) == 0o600
    assert (short_folder / ".onbeat/.gitignore").read_text() == "*\n"
    server.stop()


def test_a_stop_saves_ends_and_frees_the_folder(tmp_path: Path, new_server: Any) -> None:
    server = new_server()
    url = started(server)
    pid = server.pid
    answer(url, "SET", "kept", "yes")
    assert server.stop() is True
    assert not Path(f"/proc/{pid}").exists()
    assert not (tmp_path / ".onbeat/redis-url").exists()
    assert not (tmp_path / ".onbeat/valkey.sock").exists()
    assert answer(started(new_server()), "GET", "kept") == "yes"


def test_a_second_one_in_the_folder_is_told_of_the_first(new_server: Any) -> None:
    new_server().claim_folder()
    with pytest.raises(UsageProblem) as refused:
        new_server().claim_folder()
    assert str(refused.value) == f"onbeat up is already running here (pid {os.getpid()})"
    assert "onbeat status" in str(refused.value.hint)


def test_another_folder_has_another_server(tmp_path: Path, new_server: Any) -> None:
    urls = {started(new_server(tmp_path / name)) for name in ("a", "b")}
    assert len(urls) == 2


def test_a_deep_folder_has_a_port_with_a_password(tmp_path: Path, new_server: Any) -> None:
    """A socket's path ends at 107 bytes."""
    deep = tmp_path / ("d" * 120)
    url = started(new_server(deep))
    assert url.startswith("redis://:")
    assert answer(url, "PING") is True
    with pytest.raises(redis.AuthenticationError):
        answer(f"redis://127.0.0.1:{url.rpartition(':')[2]}", "PING")


def test_a_folder_with_an_odd_name_works(tmp_path: Path, new_server: Any) -> None:
    url = started(new_server(tmp_path / 'my "jobs" & ünïcode \\'))
    assert answer(url, "PING") is True


ORPHAN = """
import sys
from pathlib import Path
from scheduler.embedded import EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1]))
server.claim_folder()
print(server.start(), server.pid, flush=True)
sys.stdin.readline()
"""


class Owner:
    """Another process that has a server, to be killed."""

    def __init__(self, directory: Path) -> None:
        self.mark = new_mark()
        self.process = launch(
            [sys.executable, "-c", textwrap.dedent(ORPHAN), str(directory)],
            mark=self.mark,
            environ={"PATH": os.defpath, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        self.url, pid = self.process.stdout.readline().decode().split()
        self.server_pid = int(pid)

    def close(self) -> None:
        kill_all(self.mark)
        os.kill(self.server_pid, signal.SIGKILL) if Path(f"/proc/{self.server_pid}").exists() else None
        self.process.wait(10)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Owner]:
    owner = Owner(tmp_path)
    yield owner
    owner.close()


def test_the_server_ends_with_a_killed_parent(owner: Owner) -> None:
    owner.process.kill()
    eventually(lambda: not Path(f"/proc/{owner.server_pid}").exists(), 5, what="the server's end")


def test_killing_everything_loses_nothing_that_was_acknowledged(
    tmp_path: Path, owner: Owner, new_server: Any
) -> None:
    with client(owner.url) as connection:
        for number in range(1000):
            connection.set(f"key:{number}", number)
    os.kill(owner.server_pid, signal.SIGKILL)
    owner.process.kill()
    owner.process.wait(10)
    assert (tmp_path / ".onbeat/redis-url").exists()
    assert answer(started(new_server()), "DBSIZE") == 1000


def test_a_server_that_outlived_its_parent_is_ended_first(owner: Owner, new_server: Any) -> None:
    """Frozen, it does not even take the signal of its parent's death."""
    answer(owner.url, "SET", "kept", "yes")
    os.kill(owner.server_pid, signal.SIGSTOP)
    owner.process.kill()
    owner.process.wait(10)
    server = new_server()
    server.claim_folder()
    assert Path(f"/proc/{owner.server_pid}").exists()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("scheduler.embedded._ORPHAN_ENDS_WITHIN_S", 0.3)
        assert answer(server.start(), "GET", "kept") == "yes"
    eventually(lambda: not Path(f"/proc/{owner.server_pid}").exists(), 5, what="the orphan's end")


def test_a_torn_last_write_is_left_out(tmp_path: Path, new_server: Any) -> None:
    server = new_server()
    answer(started(server), "SET", "kept", "yes")
    server.stop()
    (file,) = (tmp_path / ".onbeat/data/appendonlydir").glob("*.incr.aof")
    with file.open("ab") as aof:
        aof.write(b"*3\r\n$3\r\nSET\r\n$4\r\nto")
    assert answer(started(new_server()), "GET", "kept") == "yes"


def test_a_damaged_file_is_told_with_the_way_to_repair_it(tmp_path: Path, new_server: Any) -> None:
    server = new_server()
    answer(started(server), "SET", "kept", "yes")
    server.stop()
    (file,) = (tmp_path / ".onbeat/data/appendonlydir").glob("*.incr.aof")
    good = file.read_bytes()
    file.write_bytes(good + b"garbage\r\n" + good)
    with pytest.raises(Unreachable) as problem:
        started(damaged := new_server())
    damaged.stop()
    assert str(problem.value) == (
        "the embedded server ended at once (exit code 1): its append-only file is damaged"
    )
    command = str(problem.value.hint).split("`")[1]
    subprocess.run(["bash", "-c", command], input=b"y\n", check=True, capture_output=True)
    assert answer(started(new_server()), "GET", "kept") == "yes"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, new_server: Any) -> None:
    (tmp_path / ".onbeat").write_text("a file")
    with pytest.raises(OnbeatError, match=r"\.onbeat.*: file exists|\.onbeat.*: not a directory"):
        new_server().claim_folder()


def test_an_unknown_reason_is_the_servers_own_last_word(tmp_path: Path, new_server: Any) -> None:
    server = new_server()
    server.claim_folder()
    shutil.rmtree(tmp_path / FOLDER / "data")
    (tmp_path / FOLDER / "data").mkdir()
    (tmp_path / FOLDER / "data/appendonlydir").write_text("not a folder")
    with pytest.raises(Unreachable, match="the embedded server ended at once") as problem:
        server.start()
    assert str(problem.value.hint) == f"its log is {tmp_path}/.onbeat/valkey.log"


def test_a_big_log_is_put_aside(tmp_path: Path, new_server: Any) -> None:
    server = new_server()
    server.claim_folder()
    server.log.write_bytes(b"x" * (1024 * 1024 + 1))
    server.start()
    assert (tmp_path / ".onbeat/valkey.log.1").stat().st_size == 1024 * 1024 + 1
    assert server.log.stat().st_size < 100_000


def test_a_restart_keeps_the_address(new_server: Any) -> None:
    server = new_server()
    url = started(server)
    answer(url, "SET", "kept", "yes")
    assert server.exit_code() is None
    os.kill(server.pid, signal.SIGKILL)
    assert eventually(server.exit_code, 5) == -signal.SIGKILL
    assert server.start() == url
    assert answer(url, "GET", "kept") == "yes"


@pytest.mark.parametrize(
    ("said", "reason", "hint"),
    [
        (
            "# Can't open or create append-only dir appendonlydir: No space left on device",
            "the disk is full",
            "free some",
        ),
        (
            "# Can't open the append-only file: Permission denied",
            "it may not use its files",
            "give this user",
        ),
        ("# Can't handle RDB format version 99", "its data was written by a newer version", "upgrade onbeat"),
        (
            "# Failed listening on port 1 (tcp), aborting.\n# bind: Address already in use",
            "its port was taken",
            "again",
        ),
        ("7:M 21 Nov 2026 11:55:57.017 # Something else", ": Something else", "its log is"),
        ("", "ended at once (exit code 1)", "its log is"),
    ],
)
def test_the_servers_log_gives_the_reason(
    said: str, reason: str, hint: str, tmp_path: Path, new_server: Any
) -> None:
    server = new_server()
    server.claim_folder()
    server.log.write_text(said)
    problem = server._problem("ended at once (exit code 1)")
    assert reason in str(problem)
    assert hint in problem.hint
