from datetime import date
from pathlib import Path

import httpx
import pytest

from jobs import rates
from scheduler import Retry, Skip

DAY = date(2026, 11, 20)
URL = "https://rates.example.com/{day}.json"


def answer(monkeypatch: pytest.MonkeyPatch, status: int, document: object = None) -> None:
    """Let every request be answered so."""

    def get(url: str, *, timeout: float) -> httpx.Response:
        assert url == "https://rates.example.com/2026-11-20.json"
        assert timeout
        return httpx.Response(status, json=document, request=httpx.Request("GET", url))

    monkeypatch.setattr(httpx, "get", get)


def test_a_day_is_loaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, 200, {"rates": {"USD": 1.08, "GBP": 0.84}})
    database = str(tmp_path / "rates.db")

    assert rates.load_day(DAY, database, URL) == {"rates": 2}
    with pytest.raises(Skip, match="the 2 rates of 2026-11-20 are there already"):
        rates.load_day(DAY, database, URL)


def test_rates_that_are_not_published_yet_are_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, 404)

    with pytest.raises(Retry, match="not published yet"):
        rates.load_day(DAY, str(tmp_path / "rates.db"), URL)


def test_another_trouble_is_left_to_the_retry_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, 503)

    with pytest.raises(httpx.HTTPStatusError):
        rates.load_day(DAY, str(tmp_path / "rates.db"), URL)
