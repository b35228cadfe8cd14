from functools import partial

import httpx
import pytest

from scheduler.testing import Schedules


def answer(request: httpx.Request) -> httpx.Response:
    if request.url.host == "gone":
        raise httpx.ConnectError("no such host")
    return httpx.Response(200 if request.url.host.startswith(("up", "example")) else 503)


@pytest.fixture(autouse=True)
def _made_up_web(monkeypatch: pytest.MonkeyPatch) -> None:
    client = partial(httpx.AsyncClient, transport=httpx.MockTransport(answer))
    monkeypatch.setattr(httpx, "AsyncClient", client)


def test_all_are_well(schedule: Schedules) -> None:
    run = schedule.run("sites").expect()

    assert run.result == {"up": 3}
    assert run.log == ("answered",) * 3


def test_every_site_that_is_not_well_is_named(schedule: Schedules) -> None:
    run = schedule.run("sites", kwargs={"urls": ["http://up/", "http://down/", "http://gone/"], "at_once": 1})

    assert run.expect("failed").error == "SitesDown: http://down/: status 503, http://gone/: no such host"
