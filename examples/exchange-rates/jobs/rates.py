"""A day's exchange rates, from the web into a database."""

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime
from http import HTTPStatus

import httpx
import structlog

from scheduler import Retry, Skip, current_run, job

log = structlog.get_logger()
TABLE = "CREATE TABLE IF NOT EXISTS rate (day TEXT, currency TEXT, rate REAL, PRIMARY KEY (day, currency))"


@job
def load(database: str, url: str) -> dict[str, int]:
    """Load the rates of the day that this run is scheduled for. Raises Skip, Retry, httpx.HTTPError."""
    return load_day(scheduled_day(), database, url)


def load_day(day: date, database: str, url: str) -> dict[str, int]:
    """The same for any day."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(TABLE)
        (known,) = connection.execute("SELECT count(*) FROM rate WHERE day = ?", (str(day),)).fetchone()
        if known:
            raise Skip(f"the {known} rates of {day} are there already")
        rates = published(day, url)
        connection.executemany(
            "INSERT OR REPLACE INTO rate VALUES (?, ?, ?)",
            [(str(day), currency, rate) for currency, rate in rates.items()],
        )
    log.info("loaded", day=str(day), rates=len(rates))
    return {"rates": len(rates)}


def published(day: date, url: str) -> dict[str, float]:
    """The rates of a day by currency. Raises Retry where they are not published yet."""
    response = httpx.get(url.replace("{day}", str(day)), timeout=20)
    if response.status_code == HTTPStatus.NOT_FOUND:
        raise Retry(f"the rates of {day} are not published yet", after="30m")
    rates: dict[str, float] = response.raise_for_status().json()["rates"]
    return rates


def scheduled_day() -> date:
    """The day that the run is for; today where nobody scheduled it, e.g. in a Python shell."""
    try:
        return current_run().scheduled_at.date()
    except RuntimeError:
        return datetime.now(UTC).date()
