from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from scheduler.testing import ExecutedRun, Schedules


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[httpx.Response]:
    """The answers to come, one for each request for the rates of 2026-11-20."""
    answers: list[httpx.Response] = []

    def get(url: str, *, timeout: float) -> httpx.Response:
        assert url == "https://rates.example.com/2026-11-20.json"
        assert timeout
        answer = answers.pop(0)
        answer.request = httpx.Request("GET", url)
        return answer

    monkeypatch.setattr(httpx, "get", get)
    return answers


@pytest.fixture
def load(schedule: Schedules, tmp_path: Path) -> "Load":
    return Load(schedule, str(tmp_path / "rates.db"))


class Load:
    """The entry `rates` executed for 2026-11-20, with a database of its own."""

    def __init__(self, schedule: Schedules, database: str) -> None:
        self.schedule = schedule
        self.database = database

    def __call__(self, *, until_done: bool = False) -> ExecutedRun:
        kwargs = {"database": self.database}
        return self.schedule.run("rates", at="2026-11-20 16:15", kwargs=kwargs, until_done=until_done)


def test_rates_are_asked_for_on_weekdays_once_they_are_published(schedule: Schedules) -> None:
    week = schedule.fires("rates", between=("2026-11-16", "2026-11-23"))
    assert [f"{tick:%a %H:%M}" for tick in week] == [
        f"{day} 15:15" for day in ("Mon", "Tue", "Wed", "Thu", "Fri")
    ]


def test_a_day_is_loaded_once(load: Load, asked: list[httpx.Response]) -> None:
    asked.append(httpx.Response(200, json={"rates": {"USD": 1.08, "GBP": 0.84}}))

    assert load().expect().result == {"rates": 2}
    assert load().expect("skipped").reason == "the 2 rates of 2026-11-20 are there already"


def test_rates_that_are_not_published_yet_are_asked_for_again(
    load: Load, asked: list[httpx.Response]
) -> None:
    asked.append(httpx.Response(404))

    run = load().expect("retrying")
    assert run.retry_at is not None
    assert run.finished_at is not None
    assert run.retry_at - run.finished_at == timedelta(minutes=30)


def test_another_trouble_is_left_to_the_retry_policy(load: Load, asked: list[httpx.Response]) -> None:
    asked += [httpx.Response(503), httpx.Response(503), httpx.Response(200, json={"rates": {"USD": 1.08}})]

    run = load(until_done=True).expect()
    assert [attempt.outcome for attempt in run.attempts] == ["retrying", "retrying", "succeeded"]
    assert run.log[-1].fields["rates"] == 1
