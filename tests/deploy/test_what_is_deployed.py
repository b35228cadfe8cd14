"""What deploy/ says and what the code does must agree; no machine is booted for this."""

import re
from configparser import RawConfigParser
from datetime import timedelta
from pathlib import Path

import pytest

from scheduler.durations import parse_duration
from scheduler.errors import InvalidSchedules, InvalidSettings, UsageProblem
from scheduler.settings import Settings

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = ("onbeat-beat.service", "onbeat-worker@.service")
GRACE: timedelta = Settings.model_fields["shutdown_grace"].default


class Unit(RawConfigParser):
    """A unit file. Where a key stands several times, the last counts here."""

    def __init__(self, name: str) -> None:
        super().__init__(strict=False, interpolation=None, delimiters=("=",), comment_prefixes=("#",))
        self.read_string((DEPLOY / "systemd" / name).read_text())

    def optionxform(self, optionstr: str) -> str:
        return optionstr


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_restarts_for_ever_but_not_what_a_person_must_mend(name: str) -> None:
    unit = Unit(name)
    assert unit["Service"]["Restart"] == "always"
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"
    mended_by_hand = {UsageProblem.exit_code, InvalidSchedules.exit_code, InvalidSettings.exit_code}
    assert set(map(int, unit["Service"]["RestartPreventExitStatus"].split())) == mended_by_hand


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_is_ready_when_it_says_so_and_is_watched(name: str) -> None:
    service = Unit(name)["Service"]
    assert service["Type"] == "notify"
    assert service["NotifyAccess"] == "main"
    assert parse_duration(service["WatchdogSec"]) >= timedelta(seconds=20)


def test_systemd_waits_longer_than_the_worker_s_grace() -> None:
    service = Unit("onbeat-worker@.service")["Service"]
    assert parse_duration(service["TimeoutStopSec"]) > GRACE
    assert service["KillMode"] == "mixed"


def test_compose_waits_longer_than_the_worker_s_grace() -> None:
    text = (DEPLOY / "container/compose.yaml").read_text()
    waits = re.search(r"^  stop_grace_period: (\S+)$", text, re.MULTILINE)
    grace = re.search(r"^    ONBEAT_SHUTDOWN_GRACE: (\S+)$", text, re.MULTILINE)
    assert waits
    assert grace
    assert parse_duration(waits[1]) > parse_duration(grace[1])


@pytest.mark.parametrize(
    "path", ["systemd/onbeat.env.example", "systemd/onbeat-worker@.service", "container/compose.yaml"]
)
def test_every_setting_that_is_named_exists(path: str) -> None:
    known = {f"ONBEAT_{name.upper()}" for name in Settings.model_fields} | {"ONBEAT_IMAGE"}
    named = set(re.findall(r"\bONBEAT_[A-Z_]+\b", (DEPLOY / path).read_text()))
    assert named
    assert named <= known, named - known


def test_the_health_check_can_be_executed() -> None:
    assert (DEPLOY / "container/healthcheck").stat().st_mode & 0o111 == 0o111


def test_all_that_the_image_copies_may_reach_the_engine() -> None:
    allowed = {
        line[1:] for line in (DEPLOY.parent / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    lines = re.findall(r"^COPY (?!--from)(.+)$", (DEPLOY / "container/Dockerfile").read_text(), re.MULTILINE)
    copied = {word.rstrip("/").replace("[s]", "s") for line in lines for word in line.split()[:-1]}
    assert copied == allowed
