"""`onbeat settings`: each setting's value, and where it was found."""

from pathlib import Path
from typing import Any

import click

from scheduler.cli.options import examples, json_option


@click.command(epilog=examples("onbeat settings", "ONBEAT_WEB_PORT=9000 onbeat settings --json"))
@json_option
def settings(*, as_json: bool) -> None:
    """Print every setting with its value and its source. Secrets, and passwords in URLs, are masked."""
    from scheduler.cli.document import print_document
    from scheduler.cli.tables import Cell, Column, print_table
    from scheduler.settings import (
        EMBEDDED_URL_FILE,
        Origin,
        load_settings,
        origins_of_settings,
        unknown_settings,
        variable_name,
        with_server,
    )

    current = load_settings()
    origins = origins_of_settings()
    if current.redis_url is None and EMBEDDED_URL_FILE.exists():
        current = with_server(current)
        origins["redis_url"] = Origin("embedded server", "redis_url")
    rows = [
        {
            "setting": variable_name(field),
            "value": _shown(getattr(current, field)),
            "source": origins[field].where,
        }
        for field in type(current).model_fields
    ]
    if as_json:
        print_document(rows)
    else:
        print_table(
            [Column("setting"), Column("value", flexible=True), Column("source")],
            [
                [
                    row["setting"],
                    "-" if row["value"] is None else _text(row["value"]),
                    _source(row["source"], Cell),
                ]
                for row in rows
            ],
        )
    for warning in unknown_settings():
        click.echo(f"{click.style('warning:', fg='yellow')} {warning}", err=True)


def _shown(value: Any) -> Any:
    from datetime import timedelta

    from pydantic import SecretStr

    from scheduler.durations import format_duration
    from scheduler.server_url import SecretUrl

    if isinstance(value, SecretStr):
        return "***"
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, (SecretUrl, Path)):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _source(where: str, cell: Any) -> Any:
    return cell(where, "dim" if where == "default" else "")
