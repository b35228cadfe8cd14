"""The process between a job and its command, which sees to it that nothing of the command outlives its run.

Started by `watched_process` as a program of its own (`python -I -S warden.py CONTROL STATUS PROGRAM ARG…`),
so it imports nothing but the standard library, and starts in some 15 ms. Why it exists: see
`scheduler.builtin.command`. It needs Linux: /proc, and prctl(2).

It talks with the job through two pipes:
- CONTROL, job to warden: `stop SECONDS` ends the command, gently for so long. The pipe's end means that the
  job's process is dead, however it died: everything is killed at once.
- STATUS, warden to job: `group PID` once it runs, or `errno NUMBER` where it can't; then `exited CODE LEFT`,
  where CODE is negative for a signal, and LEFT counts the processes that had to be ended after the command
  itself.
"""

import ctypes
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

LINGER_S = 5.0
"""What a command leaves behind in its process group may finish for so long (think of bash's `tee >(gzip
>f)`).
"""
LEFTOVER_GRACE_S = 2.0
KILL_S = 10.0
"""A process in uninterruptible sleep does not die of SIGKILL; it is waited for so long, then left to the
kernel.
"""
POLL_MS = 50
PR_SET_CHILD_SUBREAPER = 36
DEAF_TO = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE)


class JobDied(Exception):
    """Nobody holds the other end of a pipe any more."""


class Stat(NamedTuple):
    """What /proc says of one process."""

    pid: int
    state: str
    parent: int
    group: int


class Warden:
    """One command under watch. `group` is its process group; `code` its exit code, once it has ended."""

    def __init__(self, control: int, status: int) -> None:
        self.control = control
        self.status = status
        self.poller = select.poll()
        self.group = 0
        self.code: int | None = None
        self.stop_within: float | None = None
        # Ordered to stop, or the job is dead: what has left the group by setsid is ended too.
        self.thorough = False

    def run(self, program: str, argv: list[str]) -> None:
        """Start the command, watch it to its end, and leave nothing of it behind.

        1. Adopt orphans: a grandchild whose parent dies becomes this process's child, and can be found.
        2. Start the command in a group of its own, every signal as a fresh program expects it.
        3. Wait for its end, or for the order to stop; end what is left; report.
        """
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.listen()
        try:
            self.group = os.posix_spawn(
                program, argv, os.environ, setpgroup=0, setsigmask=(), setsigdef=resettable_signals()
            )
        except OSError as error:
            self.report(f"errno {error.errno}")
            return
        try:
            self.report(f"group {self.group}")
            left = self.watch()
        except JobDied:
            self.thorough = True
            self.kill_all()
        else:
            self.report(f"exited {self.code if self.code is not None else -signal.SIGKILL} {left}")

    def listen(self) -> None:
        """Be woken by the job's orders and by every child's end."""
        wake, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.poller.register(self.control, select.POLLIN)
        self.poller.register(wake, select.POLLIN)

    def watch(self) -> int:
        """Wait for the end of the command and of its group; the number of processes that had to be ended."""
        self.wait_for(lambda: self.code is not None or self.stop_within is not None)
        if self.stop_within is None:
            self.wait_for(lambda: not self.remains() or self.stop_within is not None, LINGER_S)
        if not (left := self.remains()):
            return 0
        self.send(signal.SIGTERM)
        self.send(signal.SIGCONT)
        self.wait_for(lambda: not self.remains(), self.stop_within or LEFTOVER_GRACE_S)
        self.kill_all()
        return len(left)

    def wait_for(self, happened: Callable[[], object], seconds: float | None = None) -> None:
        """Handle what comes until `happened()`, or for so many seconds. Raises JobDied."""
        until = None if seconds is None else time.monotonic() + seconds
        while not happened() and (until is None or time.monotonic() < until):
            for fd, _ in self.poller.poll(None if until is None else POLL_MS):
                if fd == self.control:
                    self.obey()
                else:
                    os.read(fd, 512)
            self.reap()

    def obey(self) -> None:
        order = os.read(self.control, 64)
        if not order:
            raise JobDied
        self.stop_within = float(order.split()[1])
        self.thorough = True

    def reap(self) -> None:
        """Take note of every child that has ended, the adopted ones too."""
        pid = -1
        while pid != 0:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == self.group:
                self.code = os.waitstatus_to_exitcode(status)

    def remains(self) -> set[int]:
        """The command's living processes: those of its group; when thorough, all it has ever started."""
        self.reap()
        if self.code is not None and not self.thorough and not has_members(self.group):
            return set()
        return {stat.pid for stat in descendants() if self.thorough or stat.group == self.group}

    def send(self, number: int) -> None:
        for pid in self.remains():
            try:
                os.kill(pid, number)
            except (ProcessLookupError, PermissionError):
                continue  # it was quicker; or it is a setuid program, which is not ours to end

    def kill_all(self) -> None:
        """Kill until nothing is left: a process may start another between our look and our shot."""
        until = time.monotonic() + KILL_S
        while self.remains() and time.monotonic() < until:
            self.send(signal.SIGKILL)
            time.sleep(POLL_MS / 1000 / 5)

    def report(self, line: str) -> None:
        try:
            os.write(self.status, f"{line}\n".encode())
        except BrokenPipeError as error:
            raise JobDied from error


def resettable_signals() -> set[int]:
    """All signals whose handling a program can change: ours ignores some, and a worker more; the command
    must not.
    """
    return {int(number) for number in signal.valid_signals()} - {signal.SIGKILL, signal.SIGSTOP}


def has_members(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def descendants() -> list[Stat]:
    """This process's children and their children, as they live now; zombies left out."""
    children: dict[int, list[Stat]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - pathlib costs a third of this program's start
        if name.isdigit() and (stat := stat_of(int(name))) and stat.state not in "ZX":
            children.setdefault(stat.parent, []).append(stat)
    found: list[Stat] = []
    waiting = list(children.get(os.getpid(), ()))
    while waiting:
        stat = waiting.pop()
        found.append(stat)
        waiting.extend(children.get(stat.pid, ()))
    return found


def stat_of(pid: int) -> Stat | None:
    """From /proc/PID/stat (proc(5)); None where the process is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - see descendants
            # The name may hold spaces and brackets: what follows the last bracket is plain.
            state, parent, group = file.read().rpartition(b")")[2].split()[:3]
    except (FileNotFoundError, ProcessLookupError):
        return None
    return Stat(pid, state.decode(), int(parent), int(group))


def main() -> None:
    control, status = int(sys.argv[1]), int(sys.argv[2])
    for fd in (control, status):
        os.set_inheritable(fd, False)
    for number in DEAF_TO:
        signal.signal(number, signal.SIG_IGN)
    try:
        Warden(control, status).run(sys.argv[3], sys.argv[4:])
    except JobDied:
        sys.exit(1)


if __name__ == "__main__":
    main()
