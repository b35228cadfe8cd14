"""`onbeat settings`: every setting with its source, no secret shown."""

from pathlib import Path

import pytest

from scheduler.settings import Settings, variable_name
from tests.support.commands import Onbeat


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_every_setting_is_listed_with_its_source(onbeat: Onbeat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONBEAT_SHUTDOWN_GRACE", "90s")
    rows = {row["setting"]: row for row in onbeat("settings", "--json").expect().json()}
    assert list(rows) == [variable_name(field) for field in Settings.model_fields]
    assert rows["ONBEAT_SHUTDOWN_GRACE"] == {
        "setting": "ONBEAT_SHUTDOWN_GRACE",
        "value": "1m30s",
        "source": "environment",
    }
    assert rows["ONBEAT_JOBS"]["value"] == ["jobs"]
    assert rows["ONBEAT_REDIS_URL"]["value"] is None


def test_lists_of_names_and_of_numbers_are_shown_as_they_are_written(
    onbeat: Onbeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONBEAT_QUEUES", "a, b")
    monkeypatch.setenv("ONBEAT_AUTOSCALE", "8, 2")
    shown = onbeat("settings").expect().out.split()
    assert {"a,b", "8,2"} <= set(shown)


def test_no_secret_is_shown(onbeat: Onbeat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONBEAT_REDIS_URL", "redis://me:hush@h/0")
    monkeypatch.setenv("ONBEAT_WEB_TOKEN", "hush")
    for arguments in (["settings"], ["settings", "--json"]):
        ended = onbeat(*arguments).expect()
        assert "hush" not in ended.out + ended.err
        assert "redis://me:***@h/0" in ended.out


def test_the_embedded_server_is_shown_as_the_source_of_its_address(onbeat: Onbeat, tmp_path: Path) -> None:
    (tmp_path / ".onbeat").mkdir()
    (tmp_path / ".onbeat/redis-url").write_text("unix:///run/s?db=0\n")
    rows = {row["setting"]: row for row in onbeat("settings", "--json").expect().json()}
    assert rows["ONBEAT_REDIS_URL"]["value"] == "unix:///run/s?db=0"
    assert rows["ONBEAT_REDIS_URL"]["source"] == "embedded server"


def test_a_setting_that_does_not_exist_is_warned_of(onbeat: Onbeat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONBEAT_REDIS_URI", "x")
    assert onbeat("settings").expect().err == (
        "warning: ONBEAT_REDIS_URI: there is no such setting; did you mean 'ONBEAT_REDIS_URL'?\n"
    )
