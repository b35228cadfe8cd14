"""`make test-systemd`: deploy/systemd/ as its README says, on a Debian that systemd has really booted.

Needs root and Debian's archive. It leaves nothing behind but the Debian packages that it had to install.
"""

import json
import re
import shlex
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from scheduler.worker.pulse import LONGEST_TURN_S
from tests.deploy.checks import Checks, Stop, ended_by_signals, say, step
from tests.deploy.debian import REPOSITORY, copy_checkout, debian_tar, download_packages, install_missing, run
from tests.deploy.machine import Machine, booted
from tests.support.waiting import eventually

PACKAGES = {"mmdebstrap": "mmdebstrap", "systemd-nspawn": "systemd-container", "nsenter": "util-linux"}
BEAT, WORKER, TARGET = "onbeat-beat.service", "onbeat-worker@default.service", "onbeat.target"
UNITS = (BEAT, WORKER)
WATCHDOG_S = {BEAT: 20, WORKER: 30}
MOST_EXPOSED = {BEAT: 12, WORKER: 15}  # tenths of systemd-analyze's score, where 100 is no sandbox at all
GRACE_S = 30
SOURCE, PROJECT = "usr/src/onbeat", "srv/onbeat"

Event = dict[str, Any]


class Deployment:
    """Onbeat on the machine, seen from outside: its journal, its units, its project."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.schedules = machine.root / PROJECT / "schedules.toml"

    def lines(self, unit: str) -> list[str]:
        """All that the processes of a unit wrote, systemd's own words about the unit left out."""
        return [line["MESSAGE"] for line in self.machine.journal(f"_SYSTEMD_UNIT={unit}")]

    def events(self, unit: str, name: str, **fields: object) -> list[Event]:
        """The events of this name whose fields have these values."""
        parsed = [json.loads(line) for line in self.lines(unit)]
        return [e for e in parsed if e["event"] == name and fields.items() <= e.items()]

    def soon(self, unit: str, name: str, *, beyond: int = 0, within: float = 20, **fields: object) -> Event:
        """The newest such event, once there are more than `beyond` of them."""

        def newest() -> Event | None:
            found = self.events(unit, name, **fields)
            return found[-1] if len(found) > beyond else None

        found = eventually(newest, within, every=0.3, what=f"{name} {fields} of {unit}\n{self.tail(unit)}")
        assert found is not None
        return found

    def more(self, unit: str, name: str, within: float = 20, **fields: object) -> Event:
        """The next such event from now on."""
        return self.soon(unit, name, beyond=len(self.events(unit, name, **fields)), within=within, **fields)

    def tail(self, unit: str) -> str:
        return "\n".join(line[:300] for line in self.lines(unit)[-8:])

    def main_pid(self, unit: str) -> int:
        return int(self.machine.properties(unit, "MainPID")["MainPID"])

    def expect(self, unit: str, within: float = 0, **properties: str) -> None:
        """Wait until systemd says this of the unit."""

        def as_told() -> bool:
            found = self.machine.properties(unit, *properties)
            assert found == properties, f"{unit}: {found}, not {properties}\n{self.tail(unit)}"
            return True

        eventually(as_told, within, every=0.3)


def prepare(folder: Path) -> Path:
    """A Debian root that holds a checkout of Onbeat, with the deployment tests' project, and the packages."""
    root = folder / "root"
    root.mkdir()
    step("making a Debian root")
    run("tar", "--extract", "--numeric-owner", "--file", debian_tar(folder), "--directory", root)
    step("downloading the locked packages")
    download_packages(root / "usr/src/packages")
    source = root / SOURCE
    source.mkdir()
    copy_checkout(source)
    with (root / "etc/redis/redis.conf").open("a") as settings:
        settings.write("\nappendonly yes\nmaxmemory-policy noeviction\n")
    return root


def installed(checks: Checks, onbeat: Deployment) -> None:
    """What the README says, line for line; only the packages come from a folder, for want of a network."""
    readme = (REPOSITORY / "deploy/systemd/README.md").read_text()
    block = re.search(r"## Install.*?```sh\n(.*?)```", readme, re.DOTALL)
    assert block, "deploy/systemd/README.md has no installation"
    commands, _, start = block[1].rpartition("systemctl start")
    offline = "export PIP_NO_INDEX=1 PIP_FIND_LINKS=/usr/src/packages\n"
    with checks.check("the README's commands install it", needed=True):
        onbeat.machine.shell(f"set -eu\ncd /{SOURCE}\n{offline}{commands}", within=300)
    with checks.check("the units have no fault that systemd-analyze knows"):
        said = onbeat.machine.shell(
            f"cd /etc/systemd/system; systemd-analyze verify {' '.join(UNITS)} {TARGET} 2>&1"
        )
        assert not said, said
    for unit, threshold in MOST_EXPOSED.items():
        with checks.check(f"{unit} is exposed by no more than {threshold / 10:g} of 10"):
            onbeat.machine.run("systemd-analyze", "security", f"--threshold={threshold}", "--no-pager", unit)
    with checks.check("systemctl start brings both processes to ready", needed=True):
        onbeat.machine.shell(f"systemctl start{start}")
        for unit in UNITS:
            onbeat.expect(unit, ActiveState="active", SubState="running", NRestarts="0")


def running(checks: Checks, onbeat: Deployment) -> None:
    """Runs, their lines in the journal, and the walls around them."""
    with checks.check("a run succeeds, with the output of its command in the journal"):
        onbeat.soon(WORKER, "run.succeeded", entry="greet", within=30)
        line = onbeat.soon(WORKER, "run.log", entry="greet")
        assert line["message"] == "hello from onbeat", line
    with checks.check("a line of more than 100 KiB arrives whole"):
        line = onbeat.soon(WORKER, "run.log", entry="wide", within=30)
        assert len(json.dumps(line, ensure_ascii=False).encode()) > 100 * 1024, len(str(line))
    with checks.check("systemctl status shows a line that each process wrote"):
        for unit in UNITS:
            assert onbeat.machine.properties(unit, "StatusText")["StatusText"], unit
    with checks.check("onbeat health says that both are well, each in under a second"):
        for role in ("beat", "worker"):
            # Of a core, and the fastest of five, since this machine may have other work.
            took = min(core_seconds(onbeat.machine.run(*timed("health", role))) for _ in range(5))
            assert took < 1, f"{role}: {took:.2f} s"
    with checks.check("the jobs of this repository succeed, though only /var/lib/onbeat is theirs to write"):
        for entry in ("machine", "disk", "readme"):
            onbeat.soon(WORKER, "run.succeeded", entry=entry, within=40)
        assert (onbeat.machine.root / "var/lib/onbeat/demo/machine.db").exists()
    with checks.check("a job finds itself in a sandbox: it can write to /tmp and nowhere else"):
        told = onbeat.soon(WORKER, "run.succeeded", entry="sandbox", within=30)["result"]
        walls = {"write /etc", "write /usr", "write the project", "become root"}
        assert all(told[wall] in {"EROFS", "EACCES", "EPERM"} for wall in walls), told
        assert told["write /tmp"] == "done", told
        assert told["user id"] != "0", told
        assert not (onbeat.machine.root / "tmp/onbeat-was-here").exists(), "/tmp is not its own"


def timed(*arguments: str) -> tuple[str, ...]:
    """The same, by bash, which says at the end what it took: seconds on the clock, of the user and of the system."""
    *properties, onbeat = as_service()
    line = f"TIMEFORMAT='%R %U %S'; time {shlex.join([onbeat, *arguments])}"
    return (*properties, "/bin/bash", "-ec", line)


def core_seconds(said: str) -> float:
    """What a `timed` command took of a core."""
    _, user, system = said.splitlines()[-1].split()
    return float(user) + float(system)


def as_service(*arguments: str) -> tuple[str, ...]:
    """The README's command with the service's settings, from the words after `systemd-run --pipe --wait -q`."""
    settings = ("User=onbeat", f"WorkingDirectory=/{PROJECT}", "EnvironmentFile=/etc/onbeat/onbeat.env")
    return (*(f"--property={setting}" for setting in settings), "/opt/onbeat/bin/onbeat", *arguments)


def reloaded(checks: Checks, onbeat: Deployment) -> None:
    before = onbeat.schedules.read_text()
    pid = onbeat.main_pid(BEAT)
    with checks.check("a reload applies a changed schedules.toml, and the new entry runs"):
        added = (
            before
            + '\n[schedules.added]\njob = "onbeat.command"\ninterval = "1s"\nkwargs = { argv = ["date"] }\n'
        )
        applied = len(onbeat.events(BEAT, "schedules.applied"))
        onbeat.schedules.write_text(added)
        onbeat.machine.run("systemctl", "reload", BEAT)
        onbeat.soon(BEAT, "schedules.applied", beyond=applied)
        onbeat.soon(WORKER, "run.succeeded", entry="added")
    with checks.check("a reload of a broken file is refused, and the beat goes on with what it had"):
        refused = len(onbeat.events(BEAT, "schedules.rejected"))
        onbeat.schedules.write_text(
            before + '\n[schedules.broken]\njob = "no.such.job"\ncrontab = "61 * * * *"\n'
        )
        onbeat.machine.run("systemctl", "reload", BEAT)
        onbeat.soon(BEAT, "schedules.rejected", beyond=refused)
        onbeat.more(WORKER, "run.succeeded", entry="added")
        onbeat.expect(BEAT, within=5, ActiveState="active", NRestarts="0")
        assert onbeat.main_pid(BEAT) == pid
    onbeat.schedules.write_text(before)
    onbeat.machine.run("systemctl", "reload", BEAT)


def outlasting(checks: Checks, onbeat: Deployment) -> None:
    pids = [onbeat.main_pid(unit) for unit in UNITS]
    down_s = (
        max(WATCHDOG_S.values()) + 5
    )  # longer than any watchdog waits: it must not take this for a freeze
    with checks.check(f"a store that is down for {down_s} s restarts nobody, and runs go on after it"):
        onbeat.machine.run("systemctl", "stop", "redis-server")
        onbeat.soon(BEAT, "store.unreachable")
        onbeat.machine.run("sleep", str(down_s))
        onbeat.machine.run("systemctl", "start", "redis-server")
        onbeat.soon(BEAT, "store.reachable")
        onbeat.more(WORKER, "run.succeeded", entry="greet")
        assert [onbeat.main_pid(unit) for unit in UNITS] == pids


def frozen(checks: Checks, onbeat: Deployment) -> None:
    """Both at once, and then the watchdog's time."""
    with checks.check("the beat is stopped (SIGSTOP); of the worker only the main thread hangs", needed=True):
        for unit, frost in ((BEAT, "SIGSTOP"), (WORKER, "SIGUSR2")):  # jobs/probe.py hangs at SIGUSR2
            onbeat.machine.run("systemctl", "kill", "--kill-whom=main", f"--signal={frost}", unit)
    frozen_at = time.monotonic()
    for unit, noticed_s in ((BEAT, 0), (WORKER, LONGEST_TURN_S)):
        bound = noticed_s + WATCHDOG_S[unit] + 5 + 20  # TimeoutAbortSec, and a start beside other work
        with checks.check(f"{unit} is started anew by its watchdog within {bound:g} s"):
            left = max(frozen_at + bound - time.monotonic(), 0)
            onbeat.expect(unit, within=left, ActiveState="active", NRestarts="1")
            say(f"      started anew {time.monotonic() - frozen_at:.1f} s after it froze")
    with checks.check("runs go on after it"):
        onbeat.more(BEAT, "tick.dispatched", entry="greet")
        onbeat.more(WORKER, "run.succeeded", entry="greet", within=40)


def stopped(checks: Checks, onbeat: Deployment) -> None:
    with checks.check(f"a stop lets the running job end and takes less than the grace of {GRACE_S} s"):
        begun = onbeat.more(WORKER, "run.started", entry="nap", within=40)
        started = time.monotonic()
        onbeat.machine.run("systemctl", "stop", "onbeat*")
        assert time.monotonic() - started < GRACE_S
        onbeat.soon(WORKER, "run.succeeded", entry="nap", run_id=begun["run_id"], within=1)
    for unit, event in ((BEAT, "beat.stopped"), (WORKER, "worker.stopped")):
        with checks.check(f"{unit} ended with exit status 0, and said {event}"):
            onbeat.expect(
                unit, ActiveState="inactive", Result="success", ExecMainCode="1", ExecMainStatus="0"
            )
            onbeat.soon(unit, event, within=1)
    with checks.check("no process of theirs is left"):
        assert not onbeat.machine.ends_well("pgrep", "--uid", "onbeat"), onbeat.machine.run("ps", "-ef")


def granted(checks: Checks, onbeat: Deployment) -> None:
    drop_in = f"/etc/systemd/system/{WORKER}.d/short.conf"
    with checks.check(
        "a worker whose grace is longer than its unit's TimeoutStopSec asks for more and gets it"
    ):
        onbeat.machine.shell(
            f"mkdir {Path(drop_in).parent}; printf '[Service]\\nTimeoutStopSec=1s\\n' >{drop_in}"
        )
        onbeat.machine.shell(f"systemctl daemon-reload; systemctl start {TARGET}")
        begun = onbeat.more(WORKER, "run.started", entry="nap", within=40)
        onbeat.machine.run("systemctl", "stop", "onbeat*")
        onbeat.soon(WORKER, "run.succeeded", entry="nap", run_id=begun["run_id"], within=1)
        onbeat.expect(WORKER, ActiveState="inactive", Result="success", ExecMainStatus="0")


def journaled(checks: Checks, onbeat: Deployment) -> None:
    with checks.check("every line in the journal is one JSON object with event, level, timestamp, process"):
        for unit in UNITS:
            parsed = [json.loads(line) for line in onbeat.lines(unit)]
            assert len(parsed) > 10, unit
            for event in parsed:
                assert {"event", "level", "timestamp", "process", "host", "pid"} <= event.keys(), event
    with checks.check("no run has failed in all this"):
        failed = onbeat.events(WORKER, "run.failed")
        assert not failed, failed
    with checks.check("every line of a run names entry, job, run_id, scheduled_at and attempt"):
        lines = [json.loads(line) for line in onbeat.lines(WORKER)]
        of_runs = [line for line in lines if line["event"] in {"run.started", "run.succeeded", "run.log"}]
        assert of_runs
        for line in of_runs:
            assert {"entry", "job", "run_id", "scheduled_at", "attempt"} <= line.keys(), line


def refused(checks: Checks, onbeat: Deployment) -> None:
    with checks.check("a start with a broken file ends with exit status 3 and is left for a person"):
        onbeat.schedules.write_text('[schedules.broken]\njob = "no.such.job"\ncrontab = "61 * * * *"\n')
        assert not onbeat.machine.ends_well("systemctl", "start", BEAT)
        onbeat.expect(BEAT, ActiveState="failed", Result="exit-code", ExecMainStatus="3", NRestarts="0")


def main() -> int:
    checks = Checks()
    install_missing(PACKAGES)
    with ended_by_signals(), tempfile.TemporaryDirectory(prefix="onbeat-systemd-", dir="/var/tmp") as name:
        folder = Path(name)
        try:
            with booted(prepare(folder)) as machine:
                onbeat = Deployment(machine)
                installed(checks, onbeat)
                for part in (running, reloaded, outlasting, frozen, stopped, granted, journaled, refused):
                    part(checks, onbeat)
        except Stop as reason:
            say(f"The rest was not tried, for it needs this: {reason}")
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
