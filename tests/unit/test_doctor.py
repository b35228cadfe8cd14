"""The check-up's findings, each from what it was told."""

from datetime import timedelta
from pathlib import Path

import pytest

from scheduler.doctor import (
    broker_finding,
    clock_finding,
    examine,
    folder_finding,
    python_finding,
    settings_findings,
    zones_finding,
)
from scheduler.settings import load_settings
from scheduler.store.safety import facts_findings
from scheduler.store.server import ServerFacts


def facts(**changes: object) -> ServerFacts:
    values = {
        "name": "Valkey",
        "version": "9.1.2",
        "append_only": True,
        "write_failing": False,
        "eviction_policy": "noeviction",
        "max_memory": 0,
        "used_memory": 1_000,
        "replica": False,
        **changes,
    }
    return ServerFacts(**values)  # type: ignore[arg-type]  # the tests give the right types


def levels(**changes: object) -> dict[str, str]:
    return {finding.check: finding.level for finding in facts_findings(facts(**changes))}


def test_a_server_that_keeps_everything_is_well() -> None:
    assert levels() == {"persistence": "ok", "eviction": "ok"}


def test_a_server_without_append_only_persistence_is_worth_a_look() -> None:
    (finding,) = [each for each in facts_findings(facts(append_only=False)) if each.check == "persistence"]
    assert finding.level == "warning"
    assert finding.mend is not None
    assert "appendonly yes" in finding.mend


def test_a_failed_write_is_wrong_whatever_the_persistence() -> None:
    assert levels(write_failing=True)["persistence"] == "error"


@pytest.mark.parametrize(("max_memory", "level"), [(0, "warning"), (10_000, "error")])
def test_eviction_is_wrong_where_memory_has_a_limit(max_memory: int, level: str) -> None:
    assert levels(eviction_policy="allkeys-lru", max_memory=max_memory)["eviction"] == level


def test_nearly_full_memory_is_worth_a_look() -> None:
    assert levels(max_memory=1_050)["memory"] == "warning"
    assert "memory" not in levels(max_memory=2_000)


def test_a_replica_is_wrong() -> None:
    assert levels(replica=True)["server"] == "error"


@pytest.mark.parametrize(
    ("skew_s", "level", "text"),
    [
        (0.2, "ok", "this machine's clock and the server's agree"),
        (5, "warning", "this machine's clock is 5s ahead of the server's; ticks follow the server's"),
        (-3600, "error", "this machine's clock is 1h behind the server's; ticks follow the server's"),
    ],
)
def test_clocks_that_differ_are_told_by_how_much(skew_s: float, level: str, text: str) -> None:
    finding = clock_finding(timedelta(seconds=skew_s))
    assert (finding.level, finding.text) == (level, text)


def test_a_folder_that_is_a_file_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "project").write_text("")
    finding = folder_finding(tmp_path / "project")
    assert finding.level == "warning"
    assert finding.text.endswith("can't be written: not a directory")


def test_a_folder_that_can_be_written_is_well(tmp_path: Path) -> None:
    assert folder_finding(tmp_path).level == "ok"
    assert not list(tmp_path.iterdir())


def test_unknown_settings_are_worth_a_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [each.level for each in settings_findings(tmp_path)] == ["ok"]
    monkeypatch.setenv("ONBEAT_REDIS_URI", "x")
    (finding,) = settings_findings(tmp_path)
    assert finding.level == "warning"
    assert finding.text == "ONBEAT_REDIS_URI: there is no such setting; did you mean 'ONBEAT_REDIS_URL'?"


def test_a_wrong_setting_ends_the_examination_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONBEAT_WEB_PORT", "abc")
    findings = examine(tmp_path)
    assert findings[-1].level == "error"
    assert findings[-1].text == "ONBEAT_WEB_PORT: 'abc' is not a whole number"


def test_a_broker_that_is_the_store_needs_no_check_of_its_own() -> None:
    settings = load_settings(redis_url="redis://h:6379/0", broker_url="redis://h:6379/0")
    assert broker_finding(settings).level == "ok"


def test_a_broker_that_is_down_is_wrong_and_its_password_is_masked() -> None:
    finding = broker_finding(load_settings(redis_url="redis://h", broker_url="amqp://me:hush@127.0.0.1:1//"))
    assert finding.level == "error"
    assert finding.text.startswith("127.0.0.1:1 can't be reached")
    assert "hush" not in finding.text


def test_this_python_and_its_zones_are_well() -> None:
    assert python_finding().text.startswith("Python 3.")
    assert zones_finding().level == "ok"
