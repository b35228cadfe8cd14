import asyncio
from functools import partial

import httpx
import pytest

from jobs.sites import SitesDown, check_all


def answer(request: httpx.Request) -> httpx.Response:
    if request.url.host == "gone":
        raise httpx.ConnectError("no such host")
    return httpx.Response(200 if request.url.host == "up" else 503)


@pytest.fixture(autouse=True)
def _made_up_web(monkeypatch: pytest.MonkeyPatch) -> None:
    client = partial(httpx.AsyncClient, transport=httpx.MockTransport(answer))
    monkeypatch.setattr(httpx, "AsyncClient", client)


def test_all_are_well() -> None:
    assert asyncio.run(check_all(["http://up/1", "http://up/2"])) == {"up": 2}


def test_every_site_that_is_not_well_is_named() -> None:
    with pytest.raises(SitesDown, match=r"^http://down/: status 503, http://gone/: no such host$"):
        asyncio.run(check_all(["http://up/", "http://down/", "http://gone/"], at_once=1))
