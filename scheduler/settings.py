"""Onbeat's settings: where they come from, which values are right, and how a wrong one is named.

A setting is looked up in this order: the environment (`ONBEAT_REDIS_URL`), the file `.env` in the working
directory (the same names), the table `[tool.onbeat]` of its `pyproject.toml` (`redis_url`), the default.
"""

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from dotenv import dotenv_values
from pydantic import BeforeValidator, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    PyprojectTomlConfigSettingsSource,
    SettingsConfigDict,
)

from scheduler import setting_values
from scheduler.errors import InvalidSettings, Unreachable
from scheduler.server_url import SecretUrl, masked_url, password_of, redis_url_problem
from scheduler.setting_values import MAX_PORT, POOLS, OneOf, WholeNumber, shown
from scheduler.suggestion import closest

PREFIX: Final = "ONBEAT_"
EMBEDDED_URL_FILE: Final = Path(".onbeat/redis-url")
LOG_FORMATS: Final = ("json", "console")
LOG_LEVELS: Final = ("debug", "info", "warning", "error", "critical")
NO_SERVER_HINT: Final = "start `onbeat up` here or set ONBEAT_REDIS_URL"

_OTHER_PREFIXES: Final = (
    "ONBEAT_NOTIFY_",  # any number of notifiers, each named by its team
    "ONBEAT_RUN_",  # what onbeat.command tells its command of the run
)

Where = Literal["environment", ".env", "pyproject.toml", "embedded server", "default"]


class Settings(BaseSettings):
    """Every setting, checked. Secrets and the passwords within URLs stay masked however it is printed."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        pyproject_toml_table_header=("tool", "onbeat"),
        extra="ignore",
        validate_default=False,
        frozen=True,
    )

    redis_url: Annotated[SecretUrl | None, BeforeValidator(setting_values.redis_url)] = None
    broker_url: Annotated[SecretUrl | None, BeforeValidator(setting_values.broker_url)] = None
    result_backend: Annotated[SecretUrl | None, BeforeValidator(setting_values.any_url)] = None
    schedules: Path = Path("schedules.toml")
    env: Annotated[str | None, BeforeValidator(setting_values.environment)] = None
    jobs: Annotated[tuple[str, ...], NoDecode, BeforeValidator(setting_values.modules)] = ("jobs",)
    key_prefix: Annotated[str, BeforeValidator(setting_values.key_prefix)] = ""
    log_format: Annotated[Literal["json", "console"] | None, BeforeValidator(OneOf(*LOG_FORMATS))] = None
    log_level: Annotated[str, BeforeValidator(OneOf(*LOG_LEVELS))] = "info"
    web_host: str = "127.0.0.1"
    web_port: Annotated[int, BeforeValidator(WholeNumber(1, MAX_PORT))] = 8400
    web_token: SecretStr | None = None
    signing_key: SecretStr | None = None
    revision: Annotated[int, BeforeValidator(WholeNumber(0))] = 0
    shutdown_grace: Annotated[timedelta, BeforeValidator(setting_values.duration)] = timedelta(seconds=30)
    cancel_grace: Annotated[timedelta, BeforeValidator(setting_values.duration)] = timedelta(seconds=10)
    sentry_dsn: Annotated[SecretUrl | None, BeforeValidator(setting_values.any_url)] = None
    concurrency: Annotated[int | None, BeforeValidator(WholeNumber(1))] = None
    pool: Annotated[str, BeforeValidator(OneOf(*POOLS))] = "prefork"
    autoscale: Annotated[tuple[int, int] | None, NoDecode, BeforeValidator(setting_values.pool_range)] = None
    max_tasks_per_child: Annotated[int | None, BeforeValidator(WholeNumber(1))] = None
    max_memory_per_child: Annotated[int | None, BeforeValidator(setting_values.memory_kib)] = None
    queues: Annotated[tuple[str, ...], NoDecode, BeforeValidator(setting_values.names)] = ()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - part of pydantic-settings' signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The order in which a setting is looked up."""
        pyproject = PyprojectTomlConfigSettingsSource(settings_cls)
        return init_settings, env_settings, dotenv_settings, pyproject


SECRET_FIELDS: Final = frozenset(
    name for name, field in Settings.model_fields.items() if field.annotation == SecretStr | None
)


def secret_values(settings: Settings) -> list[str]:
    """The secrets among the settings, and the passwords of their URLs: what no log may show."""
    values = [getattr(settings, name) for name in Settings.model_fields]
    whole = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
    passwords = [password_of(value.get_secret_value()) for value in values if isinstance(value, SecretUrl)]
    return [text for text in (*whole, *passwords) if text]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a setting's value was found, and the name it has there."""

    where: Where
    name: str

    def __str__(self) -> str:
        return {
            ".env": f".env: {self.name}",
            "pyproject.toml": f"pyproject.toml: tool.onbeat.{self.name}",
        }.get(self.where, self.name)


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process; `overrides` (by field, from a command's options) go before all sources.

    Raises InvalidSettings, which names every wrong setting and where it stands, a secret's value masked.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        origins = origins_of_settings()
        wrong = [_problem(details, origins) for details in error.errors(include_url=False)]
        raise InvalidSettings(
            "\n".join(wrong), hint="correct the value, or remove it for the default"
        ) from error
    except tomllib.TOMLDecodeError as error:
        message = f"pyproject.toml: {error}"
        raise InvalidSettings(message) from error
    except UnicodeDecodeError as error:
        message = f".env or pyproject.toml is not UTF-8: {error}"
        raise InvalidSettings(message) from error
    except OSError as error:
        message = f"{error.filename}: {(error.strerror or str(error)).lower()}"
        raise InvalidSettings(message, hint="make the file readable for this user") from error


def with_server(settings: Settings, directory: Path | None = None) -> Settings:
    """`settings` with a `redis_url`: its own, or that of the server which `onbeat up` embeds in `directory`.

    `directory` is the working directory where it is None. Raises Unreachable where there is neither.
    """
    if settings.redis_url is not None:
        return settings
    file = (directory or Path.cwd()) / EMBEDDED_URL_FILE
    try:
        url = file.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        message = "no server is configured"
        raise Unreachable(message, hint=NO_SERVER_HINT) from None
    except OSError as error:
        message = f"{file}: {(error.strerror or str(error)).lower()}"
        raise Unreachable(message, hint=NO_SERVER_HINT) from error
    if problem := redis_url_problem(url):
        message = f"{file}: {masked_url(url)!r} {problem}"
        raise Unreachable(message, hint="remove the file and " + NO_SERVER_HINT)
    return settings.model_copy(update={"redis_url": SecretUrl(url)})


def variable_name(field: str) -> str:
    """The environment's name for a field of Settings."""
    return PREFIX + field.upper()


def origins_of_settings() -> dict[str, Origin]:
    """For each field of Settings where its value is found now: the files are read again, values not checked.

    Raises OSError or TOMLDecodeError where a file can't be read.
    """
    origins = {field: Origin("default", variable_name(field)) for field in Settings.model_fields}
    for field in PyprojectTomlConfigSettingsSource(Settings)():
        origins[field] = Origin("pyproject.toml", field)
    for field in DotEnvSettingsSource(Settings)():
        origins[field] = Origin(".env", variable_name(field))
    for field in EnvSettingsSource(Settings)():
        origins[field] = Origin("environment", variable_name(field))
    return {field: origin for field, origin in origins.items() if field in Settings.model_fields}


def unknown_settings(environ: Mapping[str, str] | None = None, directory: Path | None = None) -> list[str]:
    """A sentence for each setting that means nothing, in the environment, `.env` and pyproject.toml."""
    directory = directory or Path.cwd()
    found = [(name, name) for name in sorted(os.environ if environ is None else environ)]
    found += [(name, f".env: {name}") for name in dotenv_values(directory / ".env", interpolate=False)]
    found = [
        (name.upper().removeprefix(PREFIX).lower(), label)
        for name, label in found
        if name.upper().startswith(PREFIX) and not name.upper().startswith(_OTHER_PREFIXES)
    ]
    known = Settings.model_fields
    warnings = [_unknown(label, field, variable_name) for field, label in found if field not in known]
    unknown = [field for field in _pyproject_table(directory / "pyproject.toml") if field not in known]
    return warnings + [_unknown(f"pyproject.toml: tool.onbeat.{field}", field, str) for field in unknown]


def _unknown(label: str, field: str, shown_as: Callable[[str], str]) -> str:
    close = closest(field, Settings.model_fields)
    return f"{label}: there is no such setting" + (f"; did you mean {shown_as(close)!r}?" if close else "")


def _pyproject_table(file: Path) -> Mapping[str, Any]:
    if not file.is_file():
        return {}
    table = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {}).get("onbeat", {})
    return table if isinstance(table, dict) else {}


def _problem(details: ErrorDetails, origins: Mapping[str, Origin]) -> str:
    field = str(details["loc"][0]) if details["loc"] else "settings"
    origin = origins.get(field, Origin("default", variable_name(field)))
    cause = details.get("ctx", {}).get("error")
    text = str(cause) if isinstance(cause, ValueError) else _plain(field, details)
    return f"{origin}: {text}"


def _plain(field: str, details: ErrorDetails) -> str:
    secret = (
        Settings.model_fields[field].annotation == (SecretStr | None)
        if field in Settings.model_fields
        else False
    )
    value = "'***'" if secret else shown(details["input"])
    return f"{value} can't be used: {details['msg'].lower()}"
