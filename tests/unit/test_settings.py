"""Settings: their sources and order, each wrong value's message, and that no secret is printed."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from scheduler.errors import InvalidSettings, Unreachable
from scheduler.settings import (
    Settings,
    load_settings,
    origins_of_settings,
    unknown_settings,
    variable_name,
    with_server,
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory and an environment without any setting."""
    for name in [name for name in os.environ if name.upper().startswith("ONBEAT_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_defaults_are_those_of_the_documentation() -> None:
    settings = load_settings()
    assert settings.redis_url is None
    assert settings.schedules == Path("schedules.toml")
    assert settings.jobs == ("jobs",)
    assert settings.key_prefix == ""
    assert settings.log_level == "info"
    assert (settings.web_host, settings.web_port) == ("127.0.0.1", 8400)
    assert settings.shutdown_grace == timedelta(seconds=30)
    assert settings.revision == 0


def test_the_environment_goes_before_dotenv_and_that_before_pyproject(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "pyproject.toml").write_text('[tool.onbeat]\nweb_port = 1\nrevision = 1\nkey_prefix = "a:"\n')
    (folder / ".env").write_text("ONBEAT_WEB_PORT=2\nONBEAT_REVISION=2\n")
    monkeypatch.setenv("ONBEAT_WEB_PORT", "3")
    settings = load_settings()
    assert (settings.web_port, settings.revision, settings.key_prefix) == (3, 2, "a:")
    origins = origins_of_settings()
    assert [origins[field].where for field in ("web_port", "revision", "key_prefix", "jobs")] == [
        "environment",
        ".env",
        "pyproject.toml",
        "default",
    ]


def test_an_override_goes_before_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONBEAT_CONCURRENCY", "2")
    assert load_settings(concurrency=5).concurrency == 5


def test_an_empty_variable_is_as_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONBEAT_REDIS_URL", "")
    assert load_settings().redis_url is None


def test_lists_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONBEAT_JOBS", "jobs, reports.jobs,jobs")
    monkeypatch.setenv("ONBEAT_QUEUES", "default,slow")
    settings = load_settings()
    assert settings.jobs == ("jobs", "reports.jobs")
    assert settings.queues == ("default", "slow")


@pytest.mark.parametrize(("text", "kib"), [("200MB", 204_800), ("1.5 GiB", 1_572_864), ("300m", 307_200)])
def test_an_amount_of_memory_has_a_unit(monkeypatch: pytest.MonkeyPatch, text: str, kib: int) -> None:
    monkeypatch.setenv("ONBEAT_MAX_MEMORY_PER_CHILD", text)
    assert load_settings().max_memory_per_child == kib


def test_the_bounds_of_a_pool_are_the_most_and_the_fewest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONBEAT_AUTOSCALE", "8, 2")
    assert load_settings().autoscale == (8, 2)


def test_lists_may_be_toml_lists_in_pyproject(folder: Path) -> None:
    (folder / "pyproject.toml").write_text('[tool.onbeat]\njobs = ["a", "b.c"]\n')
    assert load_settings().jobs == ("a", "b.c")


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("ONBEAT_WEB_PORT", "abc", "'abc' is not a whole number"),
        ("ONBEAT_WEB_PORT", "8.5", "'8.5' is not a whole number"),
        ("ONBEAT_WEB_PORT", "0", "'0' is too small; the least is 1"),
        ("ONBEAT_WEB_PORT", "70000", "'70000' is too large; the most is 65535"),
        ("ONBEAT_REVISION", "-1", "'-1' is too small; the least is 0"),
        ("ONBEAT_CONCURRENCY", "0", "'0' is too small; the least is 1"),
        ("ONBEAT_POOL", "thread", "'thread' is not one of prefork, threads, solo; did you mean 'threads'?"),
        ("ONBEAT_AUTOSCALE", "8", "'8' is not the most and the fewest children; write them as in `8,2`"),
        ("ONBEAT_AUTOSCALE", "2,8", "'2,8' has the fewest children first; write the most first, as in `8,2`"),
        ("ONBEAT_MAX_TASKS_PER_CHILD", "0", "'0' is too small; the least is 1"),
        (
            "ONBEAT_MAX_MEMORY_PER_CHILD",
            "200",
            '\'200\' is not an amount of memory; write "200MB" or "1.5GB"',
        ),
        ("ONBEAT_MAX_MEMORY_PER_CHILD", "2MB", "'2MB' is less than a child needs; the least is 16MB"),
        ("ONBEAT_LOG_FORMAT", "jsn", "'jsn' is not one of json, console; did you mean 'json'?"),
        ("ONBEAT_LOG_LEVEL", "loud", "'loud' is not one of debug, info, warning, error, critical"),
        ("ONBEAT_JOBS", "my jobs", "'my jobs' has a space in it; separate names by commas"),
        ("ONBEAT_JOBS", "jobs/", "'jobs/' is not the dotted name of a module"),
        ("ONBEAT_JOBS", ",", "',' names no module; write them as in `jobs,reports.jobs`"),
        (
            "ONBEAT_KEY_PREFIX",
            "a b",
            "'a b' can't stand before a key; leave out spaces and any of * ? [ ] \\",
        ),
        ("ONBEAT_SENTRY_DSN", "nowhere", "'nowhere' is not a URL"),
        (
            "ONBEAT_RESULT_BACKEND",
            "rediss://:hush@mars/0?ssl_cert_reqs=maybe",
            "'rediss://:***@mars/0?ssl_cert_reqs=maybe' has ssl_cert_reqs=maybe; it is one of required, optional, none",
        ),
        (
            "ONBEAT_REDIS_URL",
            "http://me:hush@mars/0",
            "'http://me:***@mars/0' has the scheme 'http'; use redis, rediss, unix, sentinel or cluster",
        ),
        (
            "ONBEAT_BROKER_URL",
            "sqs://key:hush@",
            "'sqs://key:***@' has the scheme 'sqs'; use amqp, amqps, redis, rediss or unix",
        ),
    ],
)
def test_a_wrong_value_is_named(
    variable: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(InvalidSettings) as caught:
        load_settings()
    assert str(caught.value) == f"{variable}: {message}"
    assert caught.value.exit_code == 3
    assert caught.value.hint == "correct the value, or remove it for the default"


def test_a_wrong_duration_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONBEAT_SHUTDOWN_GRACE", "soon")
    with pytest.raises(InvalidSettings, match=r"^ONBEAT_SHUTDOWN_GRACE: .*soon"):
        load_settings()


def test_every_wrong_setting_is_named_at_once_and_where_it_stands(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "pyproject.toml").write_text('[tool.onbeat]\nrevision = "x"\n')
    (folder / ".env").write_text("ONBEAT_CONCURRENCY=many\n")
    monkeypatch.setenv("ONBEAT_WEB_PORT", "abc")
    with pytest.raises(InvalidSettings) as caught:
        load_settings()
    assert sorted(str(caught.value).splitlines()) == [
        ".env: ONBEAT_CONCURRENCY: 'many' is not a whole number",
        "ONBEAT_WEB_PORT: 'abc' is not a whole number",
        "pyproject.toml: tool.onbeat.revision: 'x' is not a whole number",
    ]


def test_a_wrong_secret_is_masked(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[tool.onbeat]\nweb_token = 1234567\n")
    with pytest.raises(InvalidSettings) as caught:
        load_settings()
    assert "1234567" not in str(caught.value)
    assert str(caught.value).startswith("pyproject.toml: tool.onbeat.web_token: '***' can't be used")


def test_a_broken_pyproject_is_named(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[tool.onbeat\n")
    with pytest.raises(InvalidSettings, match=r"^pyproject\.toml: .*line 1"):
        load_settings()


def test_secrets_stay_masked_however_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONBEAT_REDIS_URL", "redis://me:hush@example.org/1")
    monkeypatch.setenv("ONBEAT_WEB_TOKEN", "hush")
    settings = load_settings()
    assert "hush" not in f"{settings!r} {settings} {settings.redis_url} {settings.model_dump_json()}"
    assert str(settings.redis_url) == "redis://me:***@example.org/1"
    assert settings.redis_url is not None
    assert settings.redis_url.get_secret_value() == "redis://me:hush@example.org/1"


def test_an_unknown_setting_is_a_warning_with_its_likely_meaning(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[tool.onbeat]\nweb_prot = 1\n")
    (folder / ".env").write_text("ONBEAT_QUEUE=slow\nOTHER=1\n")
    environ = {"ONBEAT_REDIS_URI": "x", "ONBEAT_NOTIFY_OPS": "x", "PATH": "x", "ONBEAT_ZZZZ": "1"}
    assert unknown_settings(environ) == [
        "ONBEAT_REDIS_URI: there is no such setting; did you mean 'ONBEAT_REDIS_URL'?",
        "ONBEAT_ZZZZ: there is no such setting",
        ".env: ONBEAT_QUEUE: there is no such setting; did you mean 'ONBEAT_QUEUES'?",
        "pyproject.toml: tool.onbeat.web_prot: there is no such setting; did you mean 'web_port'?",
    ]
    assert load_settings().web_port == 8400


def test_the_explicit_server_goes_before_the_embedded_one(folder: Path) -> None:
    (folder / ".onbeat").mkdir()
    (folder / ".onbeat/redis-url").write_text("unix:///tmp/valkey.sock\n")
    explicit = with_server(load_settings(redis_url="redis://example.org"))
    assert str(explicit.redis_url) == "redis://example.org"
    assert str(with_server(load_settings()).redis_url) == "unix:///tmp/valkey.sock"


def test_without_any_server_the_error_says_how_to_get_one() -> None:
    with pytest.raises(Unreachable, match=r"^no server is configured$") as caught:
        with_server(load_settings())
    assert caught.value.hint == "start `onbeat up` here or set ONBEAT_REDIS_URL"
    assert caught.value.exit_code == 4


def test_a_spoilt_file_of_the_embedded_server_is_named(folder: Path) -> None:
    (folder / ".onbeat").mkdir()
    (folder / ".onbeat/redis-url").write_text("rubbish")
    with pytest.raises(Unreachable, match="redis-url: 'rubbish' is not a URL"):
        with_server(load_settings())


def test_each_field_has_its_variable() -> None:
    assert {variable_name(field) for field in Settings.model_fields} >= {
        "ONBEAT_REDIS_URL",
        "ONBEAT_SHUTDOWN_GRACE",
        "ONBEAT_WEB_TOKEN",
    }
