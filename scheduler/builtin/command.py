"""`onbeat.command`: run a program or a shell line as a job.

**Nothing of a command outlives its run.** A worker's time-out kills the process group of the pool child that
runs the job, or only that child may die (`kill -9`, out of memory). A command that stayed in the child's
group could not be ended alone at a soft time-out; one in a group of its own (start_new_session) would live
on when the child is killed; and PR_SET_PDEATHSIG reaches a direct child only, never what `sh -c "a & b"`
started. So a small process of its own, the warden (`warden.py`), stands between the two, in a session that
no kill of the child's group reaches:

    pool child ── pipe ──> warden ──> command (a process group of its own) ──> whatever it starts

The pool child alone holds the pipe's other end, so that its death, however it comes, is the pipe's end, and
the warden kills the group and all descendants: it has adopted the orphans (PR_SET_CHILD_SUBREAPER), so that
not even setsid hides one. A soft time-out, a cancel or any other exception in the job sends it the order to
stop: SIGTERM, 5 seconds of grace, SIGKILL. A hard time-out in the midst of that is simply the pipe's end
again. If the warden itself is killed, the job notices, and kills the command's group.

A command that ends by itself may leave a daemon behind, if that daemon makes its own session (setsid). What
stays in the command's group gets 5 seconds to finish, then is ended with a warning.
"""

import os
import re
import shlex
import shutil
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scheduler.builtin.watched_process import Stream, WardenLost, WatchedProcess
from scheduler.builtin.worker_variables import filled
from scheduler.job import active_run, job

SHELL = "/bin/sh"
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_MESSAGE_CHARACTERS = 500


class CommandFailed(Exception):
    """The command ended with an exit code that is not among `ok_exit_codes`, or by a signal."""


class CommandNotStarted(Exception):
    """The command could not be started: no such program, no such directory, no right to."""


@job(name="onbeat.command")
def command(
    argv: list[str] | None = None,
    shell: str | None = None,
    cwd: str | None = None,
    env: dict[str, str] | None = None,
    ok_exit_codes: list[int] | None = None,
) -> dict[str, Any]:
    """Run a program, given as `argv`, or a line for /bin/sh, given as `shell`; its output becomes the run's
    log.

    Lines of stdout are logged at level info, lines of stderr at warning. `env` adds to the environment, in
    which the command also finds ONBEAT_RUN_ID, ONBEAT_RUN_ENTRY, ONBEAT_RUN_SCHEDULED_AT and
    ONBEAT_RUN_ATTEMPT; `${NAME}` in a value of `env` is a variable of the worker. There is no input. Exit
    codes other than `ok_exit_codes` (0) fail the run; a signal's is negative.

    Raises ValueError unless exactly one of `argv` and `shell` is given; VariableMissing; CommandNotStarted;
    CommandFailed.
    """
    words = _words(argv, shell)
    name = label(argv, shell)
    environment = {**os.environ, **_run_environment(), **filled(env or {})}
    program = _program(words[0], cwd, environment)
    import structlog  # brings rich, which commands that only read the jobs' declarations do without

    from scheduler import log_setup

    log = structlog.get_logger()
    lines = 0
    last_error = ""

    def on_lines(stream: Stream, said: Sequence[str]) -> None:
        nonlocal lines, last_error
        lines += len(said)
        if stream == "stdout":
            if not log_setup.write_text(said, stream):
                for line in said:
                    log.info(line, stream=stream)
            return
        for line in said:
            last_error = line.strip() or last_error
            log.warning(line, stream=stream)

    started = time.monotonic()
    try:
        with WatchedProcess(program, words, cwd=cwd, env=environment, on_lines=on_lines) as process:
            code = process.exit_code()
    except OSError as error:
        raise CommandNotStarted(f"cannot run {name}: {_reason(error, words[0])}") from error
    except WardenLost as error:
        raise CommandFailed(f"{name} was killed together with its keeper; is memory short here?") from error
    if process.left:
        log.warning("ended what the command had left running", command=name, processes=process.left)
    if code not in (ok_exit_codes or [0]):
        raise CommandFailed(
            f"{name} {ending(code)}" + (f": {last_error[:_MESSAGE_CHARACTERS]}" if last_error else "")
        )
    return {"exit_code": code, "duration_ms": round((time.monotonic() - started) * 1000), "lines": lines}


def label(argv: Sequence[str] | None, shell: str | None) -> str:
    """The command's name for messages: its program only, since what follows may be a password."""
    words = list(argv or ()) or _shell_words(shell or "")
    while words and _ASSIGNMENT.match(words[0]) and not argv:
        words.pop(0)
    first = Path(words[0]).name if words else "sh"
    return f"`{first} …`" if len(words) > 1 else f"`{first}`"


def ending(code: int) -> str:
    """How a process ended, in words: "exited with 3", "was ended by SIGKILL"."""
    if code >= 0:
        return f"exited with {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def _words(argv: Sequence[str] | None, shell: str | None) -> list[str]:
    if (argv is None) == (shell is None):
        raise ValueError(
            "onbeat.command needs exactly one of argv (a list of words) and shell (a line for /bin/sh)"
        )
    if shell is not None:
        return [SHELL, "-c", shell]
    if not argv:
        raise ValueError("argv is empty: its first word is the program to run")
    return list(argv)


def _shell_words(shell: str) -> list[str]:
    try:
        return shlex.split(shell)
    except ValueError:  # quotes that only a real shell understands
        return shell.split()


def _run_environment() -> dict[str, str]:
    if (run := active_run()) is None:
        return {}
    return {
        "ONBEAT_RUN_ID": run.run_id,
        "ONBEAT_RUN_ENTRY": run.entry or "",
        "ONBEAT_RUN_SCHEDULED_AT": run.scheduled_at.isoformat(),
        "ONBEAT_RUN_ATTEMPT": str(run.attempt),
    }


def _program(word: str, cwd: str | None, environment: Mapping[str, str]) -> str:
    """The file to execute, found as a shell in `cwd` would find it. Raises CommandNotStarted."""
    if cwd is not None and not Path(cwd).is_dir():
        raise CommandNotStarted(f"cannot run `{word}`: its working directory {cwd} does not exist")
    if "/" in word:
        return str(Path(cwd or ".", word).absolute())
    if found := shutil.which(word, path=environment.get("PATH", os.defpath)):
        return str(Path(found).absolute())
    raise CommandNotStarted(
        f"cannot run `{word}`: there is no such program on PATH ({environment.get('PATH', os.defpath)})"
    )


def _reason(error: OSError, word: str) -> str:
    match error:
        case FileNotFoundError():
            return f"{word} does not exist, or the interpreter that its first line names does not"
        case PermissionError():
            return f"{word} may not be executed by this user (is it executable? chmod +x)"
    if error.strerror and "Exec format" in error.strerror:
        return f"{word} is no program: does its first line begin with #!?"
    return error.strerror or str(error)
